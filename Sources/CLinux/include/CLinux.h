// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#pragma once

// What Swift's own module of the C library leaves out.
#include <malloc.h>
