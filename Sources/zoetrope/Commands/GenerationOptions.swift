// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import StableVideoDiffusion
import TensorCore

/// The arguments of a generation, named as in diffusers.
///
/// What is not given stays as it was.
struct GenerationOptions: ParsableArguments {
  @Option(help: "Width of the frames in pixels, a multiple of 8.")
  var width: Int?

  @Option(help: "Height of the frames in pixels, a multiple of 8.")
  var height: Int?

  @Option(
    name: [.customLong("num-frames"), .customLong("frames")],
    help: "Frames of a clip; as many as the model was trained for if not given."
  )
  var frames: Int?

  @Option(
    name: [.customLong("num-inference-steps"), .customLong("steps")],
    help: "Denoising steps."
  )
  var steps: Int?

  @Option(parsing: .upToNextOption, help: "Noise levels in place of steps, the final 0 included.")
  var sigmas: [Float] = []

  @Option(name: .customLong("min-guidance-scale"), help: "Guidance of the first frame.")
  var minimumGuidance: Float?

  @Option(name: .customLong("max-guidance-scale"), help: "Guidance of the last frame; 1 for none.")
  var maximumGuidance: Float?

  @Option(
    help: """
      How guidance goes from frame to frame: linear, or triangle for the maximum in the middle and the \
      minimum at both ends.
      """
  )
  var guidanceShape = Shape.linear

  /// How guidance goes from frame to frame.
  enum Shape: String, CaseIterable, ExpressibleByArgument {
    case linear, triangle
  }

  @Option(parsing: .upToNextOption, help: "Guidance of every frame, in place of the other three.")
  var guidanceScales: [Float] = []

  @Option(help: "Frames a second that the model is told of.")
  var fps: Int?

  @Option(name: .customLong("motion-bucket-id"), help: "How much moves: 1 is still, 255 is wild.")
  var motionBucket: Int?

  @Option(
    name: .customLong("noise-aug-strength"),
    help: "Noise added to the picture; more frees the clip from it."
  )
  var noiseAugmentation: Float?

  @Option(
    name: .customLong("decode-chunk-size"),
    help: "Frames decoded together; all if not given."
  )
  var decodeChunk: Int?

  @Option(
    name: [.customLong("num-videos-per-prompt"), .customLong("videos")],
    help: "Clips made of each picture."
  )
  var videos: Int?

  @Option(
    parsing: .unconditionalSingleValue,
    help: "A seed for all clips, or, given again and again, one for each; random if not given."
  )
  var seed: [Int] = []

  @Option(help: "float16 draws noise as a half-precision run of diffusers does.")
  var precision = Precision.float32

  @OptionGroup var lossy: LossyOptions

  @Flag(help: "Order temporal attention's context as diffusers did up to 0.27.")
  var legacyTimeContext = false

  /// Puts what was given into a request.
  func apply(to request: inout GenerationRequest) {
    request.width = width ?? request.width
    request.height = height ?? request.height
    request.frames = frames ?? request.frames
    request.steps = steps ?? request.steps
    request.sigmas = sigmas.isEmpty ? request.sigmas : sigmas
    request.minimumGuidance = minimumGuidance ?? request.minimumGuidance
    request.maximumGuidance = maximumGuidance ?? request.maximumGuidance
    request.guidance =
      guidanceScales.isEmpty
      ? (guidanceShape == .triangle ? .triangle : .linear) : .perFrame(guidanceScales)
    request.framesPerSecond = fps ?? request.framesPerSecond
    request.motionBucket = motionBucket ?? request.motionBucket
    request.noiseAugmentation = noiseAugmentation ?? request.noiseAugmentation
    request.decodeChunk = decodeChunk ?? request.decodeChunk
    request.videosPerPicture = videos ?? request.videosPerPicture
    // Negative seeds count down from 2⁶⁴, as torch has them.
    request.seeds =
      seed.isEmpty
      ? [GenerationRequest.drawSeed()]
      : seed.map { UInt64(bitPattern: Int64($0)) }
    lossy.apply(to: &request)
    request.precision = precision
    request.timeContextOrder = legacyTimeContext ? .legacy : .perClip
  }
}
