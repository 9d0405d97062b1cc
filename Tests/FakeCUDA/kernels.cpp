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

#define FLOAT8
namespace of_float8_and_float16 {
#define ELEMENT 0
#include "kernels.inc"
}

namespace of_float8_and_bfloat16 {
#define ELEMENT 1
#include "kernels.inc"
}

const emulated_kernel *emulated_kernels(int element, size_t *count) {
#define TABLE(space) *count = sizeof(space::kernels) / sizeof(space::kernels[0]), space::kernels
  switch (element) {
    case 0: return TABLE(of_float16);
    case 1: return TABLE(of_bfloat16);
    case 2: return TABLE(of_float32);
    case 3: return TABLE(of_float8_and_float16);
    default: return TABLE(of_float8_and_bfloat16);
  }
}
