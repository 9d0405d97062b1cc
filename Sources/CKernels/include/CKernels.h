// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The sources of the kernels, part of the program: it needs no file beside it to compile them.

#ifndef ZOETROPE_CKERNELS_H
#define ZOETROPE_CKERNELS_H

/// The sources of the kernels for every GPU one after another, as one text that ends in a zero.
const char *kernels_source(void);

/// Those of the kernels that compute capability 9.0 alone can run.
const char *hopper_source(void);

#endif
