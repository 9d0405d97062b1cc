// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Media
import StableVideoDiffusion
import TensorCore
import VideoService

/// An engine as the service calls it.
struct ServedEngine: ClipGenerating {
  let engine: Engine

  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    let seed = request.seed ?? GenerationRequest.drawSeed()
    var generation = GenerationRequest()
    generation.apply(engine.model.recommended)
    generation.apply(request)
    generation.seeds = [seed]
    let files = ClipMaker.Files(
      pictures: [picture],
      fit: PictureFit(request.fit),
      format: VideoFormat(request.format),
      playback: Playback(request.playback),
      framesPerSecond: Double(generation.framesPerSecond),
      outputs: [output],
      isContinuation: request.continuedFrames != nil
    )
    PeakMemory.reset()
    do {
      let timings = try await ClipMaker(engine: engine).make(
        files,
        generation,
        preview: { step, count, image in
          var now = ClipProgress(.denoised(step: step, of: count))
          now.preview = ClipPreview(width: image.width, height: image.height, pixels: image.pixels)
          progress(now)
        },
        progress: { progress(ClipProgress($0)) }
      )
      return GeneratedClip(
        seed: seed,
        frameCount: files.playback.frameCount(
          generation.frames ?? engine.model.unetConfiguration.numFrames
        ) + (request.continuedFrames.map { $0 - 1 } ?? 0),
        framesPerSecond: generation.framesPerSecond,
        stages: [
          .init(name: "encode", seconds: timings.encode),
          .init(name: "denoise", seconds: timings.steps.reduce(0, +)),
          .init(name: "decode", seconds: timings.decode),
        ],
        peakMemory: PeakMemory.bytes
      )
    } catch let error as MediaError {
      throw ClipError(error)
    } catch let error as GenerationError {
      throw ClipError(error)
    } catch let error as TensorError {
      throw error.code == .outOfMemory
        ? ClipError(.outOfMemory, "the clip does not fit into memory: \(error.message)")
        : ClipError(.internal, "the engine failed", cause: error)
    }
  }
}

extension GenerationRequest {
  /// Takes over what a client asked for; what it left out stays.
  mutating func apply(_ request: ClipRequest) {
    decodeChunk = request.decodeChunkSize
    frames = request.frameCount
    steps = request.stepCount ?? steps
    minimumGuidance = request.minimumGuidance.map { Float($0) } ?? minimumGuidance
    maximumGuidance = request.maximumGuidance.map { Float($0) } ?? maximumGuidance
    guidance =
      request.guidanceScales.map { .perFrame($0.map { Float($0) }) }
      ?? (request.guidanceShape == .triangle ? .triangle : .linear)
    framesPerSecond = request.framesPerSecond ?? framesPerSecond
    motionBucket = request.motionBucket
    noiseAugmentation = request.noiseAugmentation.map { Float($0) } ?? noiseAugmentation
    width = request.width ?? width
    height = request.height ?? height
    cache = request.cache.flatMap(DeepCache.init)
    guidanceInterval = request.guidanceInterval.flatMap(GuidanceInterval.init)
  }
}

extension ClipProgress {
  fileprivate init(_ progress: GenerationProgress) {
    switch progress {
    case .encoding: self.init(stage: "encode", done: 0, total: 1)
    case .denoised(let step, let total): self.init(stage: "denoise", done: step, total: total)
    case .decoded(let frame, let total): self.init(stage: "decode", done: frame, total: total)
    }
  }
}

extension ClipError {
  fileprivate init(_ error: MediaError) {
    let code: Code =
      switch error.code {
      case .notAPicture, .damagedPicture, .unsupportedPicture, .timedOut, .outOfResources:
        .badPicture
      case .pictureTooLarge: .tooLarge
      case .diskFull: .diskFull
      default: .internal
      }
    self.init(code, error.message, cause: code == .internal ? error : nil)
  }

  fileprivate init(_ error: GenerationError) {
    switch error.code {
    case .argument(let name): self.init(.badParameter(name), error.message)
    case .notFinite: self.init(.internal, error.message, cause: error)
    }
  }
}

extension Media.PictureFit {
  fileprivate init(_ fit: VideoService.PictureFit) {
    switch fit {
    case .stretch: self = .stretch
    case .crop: self = .crop
    case .pad: self = .pad
    }
  }
}

extension VideoFormat {
  fileprivate init(_ format: ClipFormat) {
    switch format {
    case .mp4: self = .mp4
    case .webm: self = .webm
    case .gif: self = .gif
    case .webp: self = .webp
    case .zip: self = .zip
    }
  }
}

extension Playback {
  fileprivate init(_ playback: ClipPlayback) {
    switch playback {
    case .forward: self = .forward
    case .pingPong: self = .pingPong
    case .loop: self = .loop
    }
  }
}
