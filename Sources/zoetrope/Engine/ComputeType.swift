// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import TensorCUDA

/// What a GPU computes with.
enum ComputeType: String, Sendable, CaseIterable, ExpressibleByArgument {
  case float16, bfloat16, float32
  /// float16, with feed-forward layers whose products' factors are numbers of 8 bits: faster, and another clip.
  case float8

  /// The type of what operations make.
  var element: Element {
    switch self {
    case .float16, .float8: .float16
    case .bfloat16: .bfloat16
    case .float32: .float32
    }
  }

  /// What a backend computes with.
  init(_ backend: CUDABackend) {
    switch backend.element {
    case .float16: self = backend.computesFeedForwardsInFloat8 ? .float8 : .float16
    case .bfloat16: self = .bfloat16
    case .float32: self = .float32
    }
  }
}
