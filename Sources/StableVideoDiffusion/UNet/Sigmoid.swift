// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// The logistic function, which turns a learned mix into a weight.
func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
