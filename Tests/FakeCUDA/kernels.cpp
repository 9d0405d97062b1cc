// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "emulate.h"

namespace of_float16 {
#define ELEMENT 0
#include "kernels.inc"
}

namespace of_bfloat16 {
#define ELEMENT 1
#include "kernels.inc"
}

namespace of_float32 {
#define ELEMENT 2
#include "kernels.inc"
}

const emulated_kernel *emulated_kernels(int element, size_t *count) {
  *count = sizeof(of_float16::kernels) / sizeof(of_float16::kernels[0]);
  return element == 0   ? of_float16::kernels
         : element == 1 ? of_bfloat16::kernels
                        : of_float32::kernels;
}
