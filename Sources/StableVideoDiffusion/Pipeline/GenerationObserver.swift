// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Media
public import TensorCore

/// How far a generation is.
public enum GenerationProgress: Sendable, Equatable {
  /// The picture is being encoded.
  case encoding
  /// This many steps are done; told first with none, when the picture is encoded.
  case denoised(step: Int, of: Int)
  /// This many frames are done.
  case decoded(frame: Int, of: Int)
}

/// What a generation tells while it runs; every call comes from the thread that computes.
public struct GenerationObserver {
  /// Told how far the work is.
  public var progress: (GenerationProgress) -> Void = { _ in }
  /// Told what a person should know, as that a stage had to be repeated.
  public var warning: (String) -> Void = { _ in }
  /// Given the latents `[videos, frames, height, width, channels]` after each step, with its number
  /// from zero and its timestep; may put others in their place, as the reference's
  /// `callback_on_step_end`.
  public var stepEnded: (Int, Float, Tensor) throws -> Tensor = { _, _, latents in latents }
  /// Given after each step, and before its progress is told, what the middle frame of the first clip
  /// is coming to: a pixel for each latent.
  ///
  /// It is estimated without the decoder, at next to no cost; nil, and nothing is computed, where
  /// nobody wants it.
  public var preview: ((_ step: Int, _ count: Int, RGBImage) -> Void)?
  /// Given each finished frame, with the numbers of its video and of its place in it.
  public var frame: (_ video: Int, _ frame: Int, RGBImage) -> Void = { _, _, _ in }

  /// Given each finished frame before it is rounded to bytes: `[height, width, 3]`, row-major, from 0
  /// to 1.
  ///
  /// The reference's `output_type="np"`.
  public var floatFrame: ((_ video: Int, _ frame: Int, [Float]) -> Void)?

  /// Makes an observer that does nothing.
  public init() {}
}

/// What each stage of a generation took, in seconds.
public struct GenerationTimings: Sendable, Equatable {
  /// CLIP, the VAE's encoder, and all that is prepared for the loop.
  public var encode = 0.0
  /// Each denoising step.
  public var steps: [Double] = []
  /// The VAE's decoder and the turning of its numbers into bytes.
  public var decode = 0.0

  /// Makes timings of nothing.
  public init() {}
}
