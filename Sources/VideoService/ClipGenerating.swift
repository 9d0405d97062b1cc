// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Turns a picture into a short clip: what the service needs of an engine.
public protocol ClipGenerating: Sendable {
  /// Makes one clip. Called for one request at a time for each unit of the service's concurrency.
  ///
  /// - Parameters:
  ///   - request: What to make.
  ///   - picture: The path of the picture as it was uploaded: of any format, and untrusted. If the
  ///     request goes on from a clip, the path of that clip, which was made here.
  ///   - output: The path to write the clip to; nothing is there yet.
  ///   - progress: Told how far the work is, from any task.
  /// - Returns: What was made.
  /// - Throws: ``ClipError``; `CancellationError` soon after the task was cancelled.
  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip
}

/// How a picture is brought to the size of the clip.
public enum PictureFit: String, Sendable, CaseIterable, Codable {
  /// Both sides are scaled on their own; proportions are lost.
  case stretch
  /// Scaled until it covers the frame, then cut about the middle.
  case crop
  /// Scaled until the frame holds it, with bars on two sides.
  case pad
}

/// The file format of a clip.
public enum ClipFormat: String, Sendable, CaseIterable, Codable {
  /// H.264 in MP4.
  case mp4
  /// VP9 in WebM.
  case webm
  /// Animated GIF.
  case gif
  /// Animated WebP.
  case webp
  /// PNG frames in a ZIP archive.
  case zip

  /// The media type, such as `video/mp4`.
  public var mediaType: String {
    switch self {
    case .mp4, .webm: "video/\(rawValue)"
    case .gif, .webp: "image/\(rawValue)"
    case .zip: "application/zip"
    }
  }
}

/// The order in which a clip's frames are shown.
public enum ClipPlayback: String, Sendable, CaseIterable, Codable {
  /// From the first to the last.
  case forward
  /// Forward and back again.
  case pingPong = "ping-pong"
  /// Forward, with the end faded into the beginning.
  case loop
}

/// How guidance goes from frame to frame.
public enum ClipGuidance: String, Sendable, CaseIterable, Codable {
  /// From the minimum at the first frame to the maximum at the last.
  case linear
  /// From the minimum at the first frame to the maximum in the middle and back.
  case triangle
}

/// What clip to make of a picture.
///
/// What is nil is left to the model: a checkpoint may recommend other
/// settings than Stable Video Diffusion XT's.
public struct ClipRequest: Sendable, Equatable, Codable {
  /// The name of the model; nil for the one that is used where none is named.
  public var model: String?
  /// How many frames are decoded together; larger needs more memory.
  public var decodeChunkSize = 2
  /// Repeats a clip exactly; nil draws one at random.
  public var seed: UInt64?
  /// Frames in the clip; nil for as many as the model was trained on.
  public var frameCount: Int?
  /// Denoising steps.
  public var stepCount: Int?
  /// Classifier-free guidance of the first frame.
  public var minimumGuidance: Double?
  /// Classifier-free guidance of the last frame.
  public var maximumGuidance: Double?
  /// How guidance goes from frame to frame.
  public var guidanceShape = ClipGuidance.linear
  /// Guidance of every frame, in place of the other three.
  public var guidanceScales: [Double]?
  /// Frames per second, both as told to the model and as played.
  public var framesPerSecond: Int?
  /// How much moves: 1 is still, 255 is wild.
  public var motionBucket = 127
  /// How much noise is added to the picture: more lets the clip depart from it.
  public var noiseAugmentation: Double?
  /// Width of the clip in pixels.
  public var width: Int?
  /// Height of the clip in pixels.
  public var height: Int?
  /// How the picture is brought to that size.
  public var fit = PictureFit.stretch
  /// The file format.
  public var format = ClipFormat.mp4
  /// The order of the frames.
  public var playback = ClipPlayback.forward
  /// How the denoiser is spared at some steps, as `deep:3`, or ``exact``; nil for as the model is served.
  public var cache: String?
  /// The noise levels with guidance, as `0.3:20`, or ``exact``; nil for as the model is served.
  public var guidanceInterval: String?
  /// If the picture is a clip that is gone on from, how many frames it has; nil for a picture.
  public var continuedFrames: Int?

  /// The word for a setting that leaves nothing out.
  public static let exact = "none"

  /// Creates a request with the defaults.
  public init() {}
}

/// How far a clip is.
public struct ClipProgress: Sendable, Equatable {
  /// What is being done, such as `denoise`.
  public var stage: String
  /// Parts of this stage that are done.
  public var done: Int
  /// Parts of this stage in all.
  public var total: Int
  /// What the clip is coming to; nil where there is nothing new to see.
  public var preview: ClipPreview?

  /// Creates a progress without a preview.
  public init(stage: String, done: Int, total: Int) {
    self.stage = stage
    self.done = done
    self.total = total
  }
}

/// A clip as it forms: one of its frames, small and rough.
public struct ClipPreview: Sendable, Equatable {
  /// Pixels across.
  public var width: Int
  /// Pixels down.
  public var height: Int
  /// Rows from the top: `width * height * 3` bytes, red, green and blue.
  public var pixels: [UInt8]

  /// Creates a preview.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}

/// A clip that was made.
public struct GeneratedClip: Sendable, Equatable {
  /// The seed that was used: the request's, or the one drawn.
  public var seed: UInt64
  /// Frames in the clip.
  public var frameCount: Int
  /// Frames per second.
  public var framesPerSecond: Int
  /// What each stage took, in their order.
  public var stages: [Stage]
  /// The most memory that was in use, in bytes; nil if it was not measured.
  public var peakMemory: Int?

  /// One stage of the work.
  public struct Stage: Sendable, Equatable, Codable {
    /// A word of lower-case letters, such as `denoise`.
    public var name: String
    /// What it took.
    public var seconds: Double

    /// Names what a stage took.
    public init(name: String, seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  /// Describes a clip.
  public init(
    seed: UInt64,
    frameCount: Int,
    framesPerSecond: Int,
    stages: [Stage],
    peakMemory: Int? = nil
  ) {
    self.peakMemory = peakMemory
    self.seed = seed
    self.frameCount = frameCount
    self.framesPerSecond = framesPerSecond
    self.stages = stages
  }
}

/// Why a clip was not made.
public struct ClipError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable, Equatable {
    /// The picture cannot be read.
    case badPicture
    /// A parameter is outside what this model can do, by its name in the form.
    case badParameter(String)
    /// The picture or the clip is larger than is allowed.
    case tooLarge
    /// The clip does not fit into the memory that is free.
    case outOfMemory
    /// The disk is full.
    case diskFull
    /// The work was cancelled.
    case cancelled
    /// A fault of the engine.
    case `internal`
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what went wrong and what to do about it.
  ///
  /// Sent to the client except for `internal`.
  public let message: String
  /// What brought this about; logged, never sent.
  public let cause: (any Error)?

  /// Creates an error.
  public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// The message and its cause.
  public var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
