// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CMalloc.h"
