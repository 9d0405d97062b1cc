// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCore
import ZoetropeClient

/// `zoetrope generate --server`: the clip is made elsewhere.
struct RemoteGeneration {
  let server: String
  /// The server's name of a model; nil for its default.
  let model: String?
  let settings: GenerationOptions
  let fit: Generate.Fit
  let format: VideoFormat
  let playback: Playback
  let json: Bool

  /// Clips of each picture.
  var videos: Int { max(settings.videos ?? 1, 1) }

  private struct Result: Encodable {
    let event = "done"
    let outputs: [String]
    let seeds: [UInt64]
  }

  /// Has the clips of each picture made, one after another.
  ///
  /// - Throws: `ValidationError` for settings that a server does not know; ``ClientError``.
  func run(pictures: [String], outputs: [String]) async throws {
    try refuseUnknown(pictures.count * videos)
    let key = ProcessInfo.processInfo.environment["ZOETROPE_KEY"]
    let client = ZoetropeClient(server: server, key: key)
    var seeds: [UInt64] = []
    for (index, output) in outputs.enumerated() {
      let picture = pictures[index / videos]
      guard let data = FileManager.default.contents(atPath: picture) else {
        throw ValidationError("\(picture) cannot be read")
      }
      let clip = try await clip(client, [UInt8](data), parameters(index))
      do {
        try Data(clip.bytes).write(to: URL(filePath: output), options: .atomic)
      } catch {
        throw ValidationError("\(output) cannot be written: \(error)")
      }
      if let seed = clip.seed { seeds.append(seed) }
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let line = try encoder.encode(Result(outputs: outputs, seeds: seeds))
      Terminal.print(String(decoding: line, as: UTF8.self))
    } else {
      let shown = seeds.map(String.init).joined(separator: ", ")
      Terminal.say("\(outputs.joined(separator: ", ")): seed \(shown)")
    }
  }

  /// As a task, so that no connection has to last for as long as the work; interrupted, it is
  /// cancelled there too.
  private func clip(
    _ client: ZoetropeClient,
    _ picture: [UInt8],
    _ parameters: ClipParameters
  ) async throws -> Clip {
    let task = try await client.submit(picture: picture, parameters)
    let report = GenerationReport(json: json)
    do {
      try await show(task, in: report)
      report.end()
      return try await task.clip()
    } catch {
      report.end()
      if Task.isCancelled {
        // A task of its own, as this one can wait for nothing any more.
        await Task { try? await task.cancel() }.value
      }
      throw error
    }
  }

  /// Shows how far a task is, as it would be shown were it done here.
  private func show(_ task: ClipTask, in report: GenerationReport) async throws {
    var last: TaskProgress?
    for try await progress in task.progress() {
      if let others = progress.queuePosition, others != last?.queuePosition {
        report.wait(for: others)
      }
      if progress.stage != last?.stage || progress.done != last?.done {
        switch progress.stage {
        case "encode" where last?.stage != "encode": report.show(.encoding)
        case "denoise": report.show(.denoised(step: progress.done, of: progress.total))
        case "decode": report.show(.decoded(frame: progress.done, of: progress.total))
        default: break
        }
      }
      last = progress
    }
    try Task.checkCancellation()
  }

  private func parameters(_ index: Int) -> ClipParameters {
    var parameters = ClipParameters()
    parameters.decodeChunkSize = settings.decodeChunk
    let seeds = settings.seed
    if !seeds.isEmpty {
      parameters.seed = UInt64(bitPattern: Int64(seeds.count == 1 ? seeds[0] : seeds[index]))
    }
    parameters.frameCount = settings.frames
    parameters.stepCount = settings.steps
    parameters.minimumGuidance = settings.minimumGuidance.map(Double.init)
    parameters.maximumGuidance = settings.maximumGuidance.map(Double.init)
    parameters.guidanceShape = settings.guidanceShape.rawValue
    parameters.guidanceScales =
      settings.guidanceScales.isEmpty ? nil : settings.guidanceScales.map(Double.init)
    parameters.framesPerSecond = settings.fps
    parameters.motionBucket = settings.motionBucket
    parameters.noiseAugmentation = settings.noiseAugmentation.map(Double.init)
    parameters.width = settings.width
    parameters.height = settings.height
    parameters.fit = fit.rawValue
    parameters.format = format.rawValue
    parameters.playback = playback.rawValue
    parameters.model = model
    return parameters
  }

  private func refuseUnknown(_ clipCount: Int) throws {
    let unknown: [(String, Bool)] = [
      ("--sigmas", !settings.sigmas.isEmpty),
      ("--precision", settings.precision != .float32),
      ("--legacy-time-context", settings.legacyTimeContext), ("--fit keep", fit == .keep),
      ("--format png", format == .png), ("--cache", settings.lossy.cache != nil),
      ("--guidance-interval", settings.lossy.guidanceInterval != nil),
    ]
    for (name, isGiven) in unknown where isGiven {
      throw ValidationError("\(name) cannot be used with --server")
    }
    // Each is made for itself there, so one seed would make a picture's clips all alike.
    let isOneEnough = videos == 1 && settings.seed.count == 1
    guard settings.seed.isEmpty || isOneEnough || settings.seed.count == clipCount else {
      throw ValidationError("--seed: give none, or one for each of the \(clipCount) clips")
    }
  }
}
