// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCore

/// How a clip was made, as its file tells: enough to make it again.
///
/// Holds nothing of the moment or the place, so that the same clip has the same bytes.
struct ClipRecord: Codable, Equatable {
  /// The version of this program.
  var version: String
  var model: Model
  /// Where it was computed, as "cpu": elsewhere the numbers differ a little.
  var device: String
  /// SHA-256 of each picture's file, in hexadecimal.
  var pictures: [String]
  /// Which of the clips that were made together this is, from 1.
  var clip: Int
  var parameters: Parameters
  /// Whether the picture is a clip, whose frames come first; nil for a picture.
  var continues: Bool?

  /// The checkpoint.
  struct Model: Codable, Equatable {
    /// The last part of its folder's path.
    var name: String
    /// Also of what was added to its weights.
    var digest: String
    /// What was added to its weights; nil if nothing was.
    var loras: [Adapter]?
  }

  /// A LoRA that was added to a model's weights.
  struct Adapter: Codable, Equatable {
    /// What its file is called.
    var name: String
    var scale: Float
    /// SHA-256 of its file, in hexadecimal.
    var sha256: String
  }

  /// The arguments under diffusers' names, and what was done with the frames.
  struct Parameters: Codable, Equatable {
    var width, height, num_frames: Int
    var num_inference_steps: Int?
    var sigmas: [Float]?
    var min_guidance_scale, max_guidance_scale: Float?
    var guidance_shape: String?
    var guidance_scales: [Float]?
    /// As `GuidanceInterval` and `DeepCache` write themselves; nil in clips that nothing was left out of.
    var guidance_interval, cache: String?
    var fps, motion_bucket_id: Int
    var noise_aug_strength: Float
    var decode_chunk_size: Int?
    var num_videos_per_prompt: Int
    var seeds: [UInt64]
    var precision: Precision
    var legacy_time_context: Bool
    var fit, playback, format: String
    var playback_fps: Double
  }

  /// What stands in a file beside what other programs may write there.
  private struct Wrapper: Codable {
    let zoetrope: ClipRecord
  }
}

extension ClipRecord {
  /// The record as one line of ASCII.
  func comment() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(Wrapper(zoetrope: self)), as: UTF8.self)
    return text.utf16.reduce(into: "") { text, unit in
      if unit < 0x7F {
        text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      } else {
        let digits = String(unit, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
  }

  /// Reads a record; nil for a text that is none.
  ///
  /// - Parameter comment: What a file says; nil if it says nothing.
  init?(comment: String?) {
    guard let comment,
      let found = try? JSONDecoder().decode(Wrapper.self, from: Data(comment.utf8))
    else { return nil }
    self = found.zoetrope
  }

  /// Describes the first of the clips that are made together.
  init(_ files: ClipMaker.Files, _ request: GenerationRequest, pictures: [String], _ engine: Engine)
  {
    version = Version.text
    model = Model(
      name: engine.name,
      digest: engine.model.digest,
      loras: engine.adapters.isEmpty ? nil : engine.adapters
    )
    device = engine.device
    self.pictures = pictures
    clip = 1
    continues = files.isContinuation ? true : nil
    var parameters = Parameters(
      width: request.width,
      height: request.height,
      num_frames: request.frames ?? engine.model.unetConfiguration.numFrames,
      fps: request.framesPerSecond,
      motion_bucket_id: request.motionBucket,
      noise_aug_strength: request.noiseAugmentation,
      decode_chunk_size: request.decodeChunk,
      num_videos_per_prompt: request.videosPerPicture,
      seeds: request.seeds,
      precision: request.precision,
      legacy_time_context: request.timeContextOrder == .legacy,
      fit: files.fit?.rawValue ?? Self.unfitted,
      playback: files.playback.rawValue,
      format: files.format.rawValue,
      playback_fps: files.framesPerSecond
    )
    parameters.sigmas = request.sigmas
    if request.sigmas == nil { parameters.num_inference_steps = request.steps }
    if case .perFrame(let scales) = request.guidance {
      parameters.guidance_scales = scales
    } else {
      parameters.min_guidance_scale = request.minimumGuidance
      parameters.max_guidance_scale = request.maximumGuidance
      parameters.guidance_shape = request.guidance == .triangle ? "triangle" : "linear"
    }
    parameters.guidance_interval = request.guidanceInterval?.description
    parameters.cache = request.cache?.description
    self.parameters = parameters
  }

  /// The word for a picture that comes to its size in the pipeline.
  private static let unfitted = "keep"

  /// The request that the record describes.
  var request: GenerationRequest {
    var request = GenerationRequest()
    request.width = parameters.width
    request.height = parameters.height
    request.frames = parameters.num_frames
    request.steps = parameters.num_inference_steps ?? request.steps
    request.sigmas = parameters.sigmas
    request.minimumGuidance = parameters.min_guidance_scale ?? request.minimumGuidance
    request.maximumGuidance = parameters.max_guidance_scale ?? request.maximumGuidance
    request.guidance =
      parameters.guidance_scales.map(GuidanceShape.perFrame)
      ?? (parameters.guidance_shape == "triangle" ? .triangle : .linear)
    request.guidanceInterval = parameters.guidance_interval.flatMap(GuidanceInterval.init)
    request.cache = parameters.cache.flatMap(DeepCache.init)
    request.framesPerSecond = parameters.fps
    request.motionBucket = parameters.motion_bucket_id
    request.noiseAugmentation = parameters.noise_aug_strength
    request.decodeChunk = parameters.decode_chunk_size
    request.videosPerPicture = parameters.num_videos_per_prompt
    request.seeds = parameters.seeds
    request.precision = parameters.precision
    request.timeContextOrder = parameters.legacy_time_context ? .legacy : .perClip
    return request
  }

  /// The files around the generation; nil where the record has words that this version does not know.
  func files(pictures: [String], outputs: [String]) -> ClipMaker.Files? {
    guard let format = VideoFormat(rawValue: parameters.format),
      let playback = Playback(rawValue: parameters.playback)
    else { return nil }
    let fit = PictureFit(rawValue: parameters.fit)
    guard fit != nil || parameters.fit == Self.unfitted,
      parameters.cache.map({ DeepCache($0) != nil }) ?? true,
      parameters.guidance_interval.map({ GuidanceInterval($0) != nil }) ?? true
    else { return nil }
    return ClipMaker.Files(
      pictures: pictures,
      fit: fit,
      format: format,
      playback: playback,
      framesPerSecond: parameters.playback_fps,
      outputs: outputs,
      isContinuation: continues == true
    )
  }
}
