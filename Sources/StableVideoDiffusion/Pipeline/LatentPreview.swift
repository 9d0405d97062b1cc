// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import TensorCore

/// What a clip is coming to after a step, seen without the decoder.
struct LatentPreview {
  private let colours: LatentColours
  private let plan: Plan
  private let scale: Float
  /// The frame that is shown, of the first clip.
  private let frame: Int

  /// Learns the colours of latents from a picture and its own.
  ///
  /// - Parameters:
  ///   - picture: The picture of the first clip.
  ///   - imageLatents: The pictures' latents, `[halves · videos, height, width, channels]`, the
  ///     unconditional half first; the scaling factor is not applied.
  ///   - plan: What is being made.
  ///   - model: What makes it.
  /// - Throws: `TensorError` or `MediaError`.
  init(
    of picture: RGBImage,
    imageLatents: Tensor,
    _ plan: Plan,
    _ model: StableVideoDiffusionModel
  ) throws {
    let first = (plan.halves - 1) * plan.videos
    colours = LatentColours(
      of: try picture.resized(
        width: plan.pixels.width,
        height: plan.pixels.height,
        filter: .lanczos
      ),
      latents: try imageLatents.slice(first..<first + 1).values(),
      columns: plan.latentShape[3],
      channels: plan.latentShape[4]
    )
    self.plan = plan
    scale = 1 / model.vaeConfiguration.scalingFactor
    frame = plan.frames / 2
  }

  /// The frame as the model takes it to be at a step.
  ///
  /// - Parameters:
  ///   - sample: The latents before the step, `[videos, frames, height, width, channels]`.
  ///   - velocity: What the model predicted for them; with guidance twice as many, first the
  ///     unconditional half.
  ///   - guidance: The scale of each frame; none where there is one half only.
  ///   - step: The noise levels.
  /// - Returns: A pixel for each latent.
  /// - Throws: `TensorError` or `MediaError`.
  func image(
    of sample: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    _ step: EulerStep
  ) throws -> RGBImage {
    let images = plan.imageShape
    func values(_ tensor: Tensor, half: Int) throws -> [Float] {
      let frames = Shape(
        [tensor.shape.count / images.count * images[0]] + images.dimensions.dropFirst()
      )
      let index = half * images[0] + frame
      return try tensor.reshaped(frames).slice(index..<index + 1).values()
    }
    let noisy = try values(sample, half: 0)
    var predicted = try values(velocity, half: 0)
    if let guidance = guidance?[frame] {
      for (index, conditional) in try values(velocity, half: 1).enumerated() {
        predicted[index] += guidance * (conditional - predicted[index])
      }
    }
    let clean = zip(noisy, predicted).map { scale * step.denoised($0, velocity: $1) }
    return try RGBImage(
      width: plan.latentShape[3],
      height: plan.latentShape[2],
      pixels: colours.pixels(of: clean)
    )
  }
}
