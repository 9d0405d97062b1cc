// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// A pretend GPU in a library of its own, which tests open as if it were NVIDIA's. It runs our kernels
// on the processor and multiplies matrices with plain loops, so that all but cuDNN's engines is tested
// where there is no GPU; it counts what it is asked for, and fails on demand.

#ifndef ZOETROPE_FAKE_CUDA_H
#define ZOETROPE_FAKE_CUDA_H

#include <stdint.h>

/// What has happened so far.
typedef struct {
  int64_t allocations, frees, wrong_frees;
  int64_t live_bytes;
  /// Calls made without a context.
  int64_t unbound_calls;
  int64_t launches;
  int64_t compilations;
  int64_t streams, events, modules, contexts, pinned;
} fake_cuda_counts;

// Beside the imitated calls the library has:
//
//   void fake_cuda_read_counts(fake_cuda_counts *counts);
//   void fake_cuda_fail_call(const char *call, int result, int after);
//     From now on the call of this name fails with this result, once, after `after` more calls of it.
//   void fake_cuda_describe(int capability, int64_t memory);
//     The compute capability, as 90, and the bytes of memory that the device has.
//     A process of its own says the latter by FAKE_CUDA_MEMORY.
//   void fake_cuda_enable_engine(int enable);
//     Whether cuDNN has an engine for convolutions; it has none at first.

#endif
