// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import StableVideoDiffusion

extension GenerationRequest {
  /// A seed for someone who gave none.
  ///
  /// Torch uses the low 32 bits of a seed only, so no more are drawn.
  static func drawSeed() -> UInt64 { UInt64(UInt32.random(in: .min ... .max)) }
}
