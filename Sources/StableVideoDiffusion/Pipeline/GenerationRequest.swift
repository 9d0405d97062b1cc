// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import TensorCore

/// What clip to make of a picture: the arguments of diffusers' `StableVideoDiffusionPipeline.__call__`,
/// with its defaults.
public struct GenerationRequest: Sendable {
  /// Width of the frames in pixels; a multiple of 8.
  public var width = 1024
  /// Height of the frames in pixels; a multiple of 8.
  public var height = 576
  /// Frames of a clip; none for as many as the model was trained for.
  public var frames: Int?
  /// Denoising steps; ignored where `sigmas` is given.
  public var steps = 25
  /// Noise levels to be used as they are, the final zero included; none for Karras' levels.
  public var sigmas: [Float]?
  /// Classifier-free guidance of the first frame.
  public var minimumGuidance: Float = 1
  /// Classifier-free guidance of the last frame; no guidance at all where this is 1 or less.
  public var maximumGuidance: Float = 3
  /// How guidance goes from frame to frame.
  public var guidance = GuidanceShape.linear
  /// The noise levels at which there is guidance; none for all.
  ///
  /// Lossy: another clip in less time.
  public var guidanceInterval: GuidanceInterval?
  /// Steps that run a part of the denoiser only; none for whole steps.
  ///
  /// Lossy: another clip in less time.
  public var cache: DeepCache?
  /// Frames a second that the model is told of.
  public var framesPerSecond = 7
  /// How much moves.
  public var motionBucket = 127
  /// How much noise is added to the picture before it is encoded.
  public var noiseAugmentation: Float = 0.02
  /// Frames that are decoded together; none for all.
  public var decodeChunk: Int?
  /// Clips made of each picture.
  public var videosPerPicture = 1
  /// One seed for everything, or one for each clip.
  public var seeds: [UInt64] = [0]
  /// Unit noise to begin with in place of the seeds', `[videos, frames, channels, height, width]`.
  public var latents: [Float]?
  /// The type that the reference would hold noise, embeddings and latents in.
  public var precision = Precision.float32
  /// How temporal attention pairs clips with tokens.
  public var timeContextOrder = TimeContextOrder.perClip

  /// Makes a request with the reference's defaults.
  public init() {}
}

/// How classifier-free guidance goes from the first frame to the last.
public enum GuidanceShape: Sendable, Equatable {
  /// Evenly from the minimum at the first frame to the maximum at the last, as in the reference.
  case linear
  /// Evenly from the minimum at the first frame to the maximum in the middle, and back to the minimum at
  /// the last: both ends keep close to the picture.
  case triangle
  /// A scale for each frame; minimum and maximum are not looked at. Without one above 1 there is no
  /// guidance at all.
  case perFrame([Float])
}

/// Why a generation cannot be done or came to nothing.
public struct GenerationError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable, Equatable {
    /// An argument is out of range; its name is given as in the reference.
    case argument(String)
    /// The model made a number that is not finite, in the stage that the message names.
    case notFinite
  }

  /// The kind of failure.
  public let code: Code
  /// What is wrong and what would be right.
  public let message: String

  /// Makes an error.
  ///
  /// - Parameters:
  ///   - code: The kind of failure.
  ///   - message: What is wrong and what would be right.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The argument, if one is at fault, and the message on one line.
  public var description: String {
    switch code {
    case .argument(let name): "\(name): \(message)"
    case .notFinite: message
    }
  }
}

extension GenerationRequest {
  /// Checks the arguments against each other and a model.
  ///
  /// - Parameters:
  ///   - pictures: How many pictures there are.
  ///   - scaleFactor: Pixels of a picture that one latent spans along each side.
  ///   - modelFrames: Frames of a clip where the request leaves it to the model.
  /// - Throws: `GenerationError` with code `.argument`.
  func check(pictures: Int, scaleFactor: Int, modelFrames: Int) throws(GenerationError) {
    func require(
      _ condition: Bool,
      _ name: String,
      _ message: @autoclosure () -> String
    )
      throws(GenerationError)
    {
      if !condition { throw GenerationError(.argument(name), message()) }
    }
    try require(pictures > 0, "image", "at least one picture is needed")
    for (name, value) in [("width", width), ("height", height)] {
      try require(
        value > 0 && value % 8 == 0 && value <= 1 << 14,
        name,
        "\(value) is not a multiple of 8 from 8 to 16384"
      )
      try require(value >= scaleFactor, name, "\(value) is less than the model's \(scaleFactor)")
    }
    if let frames {
      try require((1...4096).contains(frames), "num_frames", "\(frames) is not from 1 to 4096")
    }
    if let sigmas {
      try require(sigmas.count >= 2, "sigmas", "at least one level and the final zero are needed")
      try require(
        sigmas.dropLast().allSatisfy { $0 > 0 && $0.isFinite }
          && sigmas.last.map { $0 >= 0 && $0.isFinite } ?? false,
        "sigmas",
        "all levels but the last must be above zero"
      )
    } else {
      try require(
        (1...1000).contains(steps),
        "num_inference_steps",
        "\(steps) is not from 1 to 1000"
      )
    }
    try require(minimumGuidance.isFinite, "min_guidance_scale", "must be a number")
    try require(maximumGuidance.isFinite, "max_guidance_scale", "must be a number")
    if case .perFrame(let scales) = guidance {
      let count = frames ?? modelFrames
      try require(
        scales.count == count,
        "guidance_scales",
        "\(scales.count) scales for \(count) frames; give one for each"
      )
      try require(
        scales.allSatisfy(\.isFinite),
        "guidance_scales",
        "each must be a number"
      )
    }
    if let interval = guidanceInterval {
      try require(
        interval.isValid,
        "guidance_interval",
        "\(interval) is not two noise levels LOW:HIGH with LOW zero or more and below HIGH"
      )
    }
    if let cache {
      let steps = DeepCache.intervals
      try require(
        steps.contains(cache.interval),
        "cache",
        "one whole step in \(cache.interval) is not one in \(steps.lowerBound) to \(steps.upperBound)"
      )
    }
    try require(
      (1...1 << 20).contains(framesPerSecond),
      "fps",
      "\(framesPerSecond) is not from 1 to 1048576"
    )
    try require(
      (0...1 << 20).contains(motionBucket),
      "motion_bucket_id",
      "\(motionBucket) is not from 0 to 1048576"
    )
    try require(
      noiseAugmentation >= 0 && noiseAugmentation.isFinite,
      "noise_aug_strength",
      "\(noiseAugmentation) is not zero or more"
    )
    try require(
      decodeChunk.map { $0 > 0 } ?? true,
      "decode_chunk_size",
      "must be 1 or more"
    )
    try require(
      (1...64).contains(videosPerPicture),
      "num_videos_per_prompt",
      "\(videosPerPicture) is not from 1 to 64"
    )
    let videos = pictures * videosPerPicture
    try require(
      seeds.count == 1 || seeds.count == videos,
      "seed",
      "\(seeds.count) seeds for \(videos) clips; give one, or one for each"
    )
  }
}
