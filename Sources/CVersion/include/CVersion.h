// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#pragma once

// What the build was told of itself; empty if nothing (see the Makefile). In C, since only this has to
// be compiled again when it changes.

/// The commit that was built.
const char *_Nonnull cversion_commit(void);
/// When it was made, in seconds since 1970.
const char *_Nonnull cversion_epoch(void);
/// The version of the compiler.
const char *_Nonnull cversion_swift(void);
