// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#pragma once

// What Swift's own module of the C library leaves out.
#include <malloc.h>
#include <stdint.h>
#include <sys/types.h>

/// `preadv2` of one piece with `RWF_NOWAIT`: reads what is in memory, and nothing that a disk must bring.
ssize_t read_without_waiting(int descriptor, void *bytes, size_t count, int64_t offset);
