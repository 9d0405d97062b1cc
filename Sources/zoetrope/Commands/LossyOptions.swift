// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import StableVideoDiffusion

/// What makes a clip sooner, and another one.
struct LossyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Lossy: deep:N runs the whole denoiser at one step in N, from 1 to 50, and its outermost layers at \
      the others; deep is deep:3.
      """,
      valueName: "deep[:N]"
    )
  )
  var cache: DeepCache?

  @Option(
    help: ArgumentHelp(
      """
      Lossy: guidance only at noise levels above LOW and up to HIGH, as 0.3:20; the others take half the \
      time.
      """,
      valueName: "low:high"
    )
  )
  var guidanceInterval: GuidanceInterval?

  /// Puts what was given into a request.
  func apply(to request: inout GenerationRequest) {
    request.cache = cache ?? request.cache
    request.guidanceInterval = guidanceInterval ?? request.guidanceInterval
  }
}
