// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CKernels.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const char source[] = {
#embed "kernels/numbers.cuh"
    ,
#embed "kernels/common.cuh"
    ,
#embed "kernels/elementwise.cu"
    ,
#embed "kernels/layout.cu"
    ,
#embed "kernels/normalize.cu"
    ,
#embed "kernels/attention.cu"
    , 0};

const char *kernels_source(void) { return source; }

static const char hopper[] = {
#embed "kernels/numbers.cuh"
    ,
#embed "kernels/common.cuh"
    ,
#embed "kernels/hopper/hopper.cuh"
    ,
#embed "kernels/hopper/gated_rows.cu"
    ,
#embed "kernels/hopper/product.cu"
    ,
#embed "kernels/hopper/narrow.cu"
    , 0};

const char *hopper_source(void) { return hopper; }
