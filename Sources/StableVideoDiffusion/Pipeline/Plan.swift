// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore

/// All that follows from a request and a model alone.
package struct Plan {
  package let request: GenerationRequest
  package let frames: Int
  package let videos: Int
  /// 2 with guidance, else 1.
  package let halves: Int
  package let sigmas: [Float]
  package let timesteps: [Float]
  /// The scale of each frame, at the steps that have guidance; none where no step has.
  package let guidance: [Float]?
  /// Frames a second less one, motion bucket, noise augmentation.
  package let ids: [Float]
  /// The size of the frames: the request's, cut to whole latents.
  package let pixels: Extent
  /// `[videos, frames, height, width, channels]`.
  package let latentShape: Shape

  package init(_ request: GenerationRequest, _ model: StableVideoDiffusionModel, pictures: Int) {
    self.request = request
    let frames = request.frames ?? model.unetConfiguration.numFrames
    self.frames = frames
    videos = pictures * request.videosPerPicture
    let scales = request.guidance.scales(
      request.minimumGuidance,
      request.maximumGuidance,
      frames: frames,
      precision: request.precision
    )
    (sigmas, timesteps) = model.scheduler.levels(request)
    let interval = request.guidanceInterval
    // At no level is as good as no guidance.
    let isGuided = sigmas.dropLast().contains { interval?.contains($0) ?? true }
    guidance = isGuided ? scales : nil
    halves = guidance == nil ? 1 : 2
    ids = [
      Float(request.framesPerSecond - 1), Float(request.motionBucket), request.noiseAugmentation,
    ].map(request.precision.round)
    let factor = model.vaeConfiguration.scaleFactor
    let latents = Extent(request.height / factor, request.width / factor)
    pixels = Extent(latents.height * factor, latents.width * factor)
    latentShape = Shape([
      videos, frames, latents.height, latents.width, model.unetConfiguration.inChannels / 2,
    ])
  }

  /// The scale of each frame at a step, counted from zero; none where there is no guidance.
  package func guidance(at step: Int) -> [Float]? {
    guard let interval = request.guidanceInterval else { return guidance }
    return interval.contains(sigmas[step]) ? guidance : nil
  }

  /// One prediction of the two that guidance needs, unconditional half first; the only one without.
  func guided(_ values: [Float], _ guidance: [Float]?) -> [Float] {
    guard let guidance else { return values }
    let half = values.count / 2
    let image = half / max(videos * frames, 1)
    let round = request.precision.round
    return (0..<half).map { index in
      let (without, with) = (values[index], values[half + index])
      return round(without + round(guidance[index / image % frames] * round(with - without)))
    }
  }

  /// `[videos · frames, height, width, channels]`.
  package var imageShape: Shape { Shape([videos * frames] + latentShape.dimensions.dropFirst(2)) }
}

extension GuidanceShape {
  /// The scale of each frame; none where there is no guidance.
  ///
  /// Whether there is any is decided once, by the highest scale; the reference decides a second time
  /// inside its loop, and fails where the two disagree.
  fileprivate func scales(
    _ low: Float,
    _ high: Float,
    frames: Int,
    precision: Precision
  ) -> [Float]? {
    switch self {
    case .linear:
      high > 1
        ? EulerDiscreteScheduler.guidance(low, high, frames: frames, precision: precision) : nil
    case .triangle:
      high > 1
        ? (0..<frames).map { frame in
          // Twice the way from the nearer end, in whole steps, so that both sides are alike.
          let way = Float(2 * min(frame, frames - 1 - frame)) / Float(max(frames - 1, 1))
          return precision.round(low.addingProduct(high - low, way))
        } : nil
    case .perFrame(let scales): scales.contains { $0 > 1 } ? scales.map(precision.round) : nil
    }
  }
}
