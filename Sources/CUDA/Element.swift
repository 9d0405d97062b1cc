// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// How numbers are stored on the GPU; sums are float32 whatever it is.
package enum Element: String, Sendable, CaseIterable {
  case float16, bfloat16, float32

  package var byteCount: Int { self == .float32 ? 4 : 2 }

  /// How cuBLASLt names it.
  var lt: Int32 {
    switch self {
    case .float16: Int32(LT_TYPE_FLOAT16)
    case .bfloat16: Int32(LT_TYPE_BFLOAT16)
    case .float32: Int32(LT_TYPE_FLOAT32)
    }
  }

  /// How cuDNN names it.
  var dnn: Int32 {
    switch self {
    case .float16: Int32(DNN_FLOAT16)
    case .bfloat16: Int32(DNN_BFLOAT16)
    case .float32: Int32(DNN_FLOAT32)
    }
  }
}
