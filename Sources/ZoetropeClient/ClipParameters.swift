// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What clip to make of a picture; what is nil is left to the server.
public struct ClipParameters: Sendable, Equatable {
  /// How many frames are decoded together.
  public var decodeChunkSize: Int?
  /// Repeats a clip exactly.
  public var seed: UInt64?
  /// Frames in the clip.
  public var frameCount: Int?
  /// Denoising steps.
  public var stepCount: Int?
  /// Guidance of the first frame.
  public var minimumGuidance: Double?
  /// Guidance of the last frame.
  public var maximumGuidance: Double?
  /// How guidance goes from frame to frame: `linear` or `triangle`.
  public var guidanceShape: String?
  /// Guidance of every frame, in place of the other three.
  public var guidanceScales: [Double]?
  /// Frames per second.
  public var framesPerSecond: Int?
  /// How much moves: 1 is still, 255 is wild.
  public var motionBucket: Int?
  /// How much noise is added to the picture.
  public var noiseAugmentation: Double?
  /// Width in pixels.
  public var width: Int?
  /// Height in pixels.
  public var height: Int?
  /// How the picture is brought to that size: `stretch`, `crop` or `pad`.
  public var fit: String?
  /// The file format: `mp4`, `webm`, `gif`, `webp`, or `zip` for PNG frames.
  public var format: String?
  /// The order of the frames: `forward`, `ping-pong` or `loop`.
  public var playback: String?
  /// The name of the model, as ``ZoetropeClient/models()`` gives them.
  public var model: String?

  /// Leaves everything to the server.
  public init() {}

  /// The fields of the form, by their names on the wire.
  var fields: [(name: String, value: String)] {
    let all: [(String, (any CustomStringConvertible)?)] = [
      ("decode_chunk_size", decodeChunkSize), ("seed", seed), ("num_frames", frameCount),
      ("num_inference_steps", stepCount), ("min_guidance_scale", minimumGuidance),
      ("max_guidance_scale", maximumGuidance), ("fps", framesPerSecond),
      ("motion_bucket_id", motionBucket), ("noise_aug_strength", noiseAugmentation),
      ("width", width), ("height", height), ("fit", fit), ("format", format),
      ("playback", playback), ("guidance_shape", guidanceShape),
      ("guidance_scales", guidanceScales?.map(\.description).joined(separator: ",")),
      ("model", model),
    ]
    return all.compactMap { name, value in value.map { (name, $0.description) } }
  }
}

/// A clip that a server made.
public struct Clip: Sendable {
  /// The file's bytes.
  public let bytes: [UInt8]
  /// Its media type, such as `video/mp4`.
  public let contentType: String
  /// Repeats the clip; nil if the server does not say.
  public let seed: UInt64?
}

/// How a task is.
public enum ClipTaskStatus: String, Sendable, Codable {
  /// It waits for its turn or is being worked on.
  case inProgress = "in_progress"
  /// It has its clip.
  case completed
  /// It has failed; asking for its clip says why.
  case failed
  /// It was cancelled.
  case canceled
}
