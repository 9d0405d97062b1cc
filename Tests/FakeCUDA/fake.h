// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#pragma once

#include <atomic>

#include "FakeCUDA.h"
#include "emulate.h"

// Several copies of the library live in one process: nothing but the imitated calls may be seen.
#define EXPORT extern "C" __attribute__((visibility("default")))
#pragma GCC visibility push(hidden)

/// Runs all blocks of a launch, one after another.
void emulate_launch(emulated_call call, void **arguments, dimensions grid, unsigned threads,
                    unsigned shared_bytes, bool cooperates);

/// Copies what is there now as soon as somebody waits for it.
void copy_late(void *to, const void *from, size_t bytes);

/// How many such copies were asked for so far.
int64_t asked_copies();

/// Makes the first so many copies, if they are not made yet.
void make_copies(int64_t until);

/// Whether a copy to the beginning of a piece of memory has not been made yet.
bool is_copied_to(const void *piece);

/// The result that a call must give: zero, or what a test asked for.
int result_of(const char *call, bool needs_context = true);

extern fake_cuda_counts counts;

/// What products took so far, as their algorithms say.
extern std::atomic<int64_t> pretended_microseconds;

#pragma GCC visibility pop
