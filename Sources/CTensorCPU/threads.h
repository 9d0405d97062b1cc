// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#ifndef ZOETROPE_THREADS_H
#define ZOETROPE_THREADS_H

#include <stddef.h>

/// Work on the half-open range [begin, end).
typedef void (*cpu_body)(const void *context, ptrdiff_t begin, ptrdiff_t end);

/// Cuts [0, count) into one run a thread, none shorter than `grain`, and waits for all.
void cpu_parallel(ptrdiff_t count, ptrdiff_t grain, cpu_body body, const void *context);

// One function, compiled for several generations of processor and chosen when the program starts:
// a release binary runs anywhere and is still as wide as the machine at hand.
#if defined(__x86_64__)
#define CPU_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CPU_CLONES
#endif

#endif
