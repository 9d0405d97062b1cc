// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import StableVideoDiffusion

/// `zoetrope extend`.
struct Extend: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a clip longer: goes on from its last frame.",
    discussion: """
      Takes the parameters from the clip, all but the seed. The new frames follow the old ones in one \
      file; the frame that both share is there once.
      """
  )

  @Argument(help: "An MP4, WebM or GIF that this program or its server made.")
  var clip: String

  @Option(
    name: .shortAndLong,
    help: "The file to write; by default the clip's name with -extended before its ending."
  )
  var output: String?

  @Option(
    name: [.customLong("num-frames"), .customLong("frames")],
    help: "Frames to make, the shared one included; as many as were made for the clip if not given."
  )
  var frames: Int?

  @Option(parsing: .unconditional, help: "The seed; random if not given.")
  var seed: Int?

  @OptionGroup var model: ModelOptions

  func run() async throws {
    guard let record = ClipRecord(comment: try await FFmpeg().comment(of: clip)) else {
      throw RecordError("\(clip) does not tell how it was made; only what zoetrope makes does")
    }
    guard record.parameters.playback == Playback.forward.rawValue else {
      throw RecordError("\(clip) plays \(record.parameters.playback); only forward has an end")
    }
    let output = output ?? Reproduce.name(beside: clip, "extended")
    guard !FileManager.default.fileExists(atPath: output) else {
      throw RecordError("\(output) is there already; name another file with --output")
    }
    let format = try Generate.format(of: output)
    let engine = try await model.load()
    if record.model.digest != engine.model.digest {
      Terminal.say("\(clip) was made with another model, \(record.model.name)")
    }
    var request = record.request
    request.frames = frames ?? request.frames
    request.videosPerPicture = 1
    request.seeds = [seed.map { UInt64(bitPattern: Int64($0)) } ?? GenerationRequest.drawSeed()]
    let files = ClipMaker.Files(
      pictures: [clip],
      fit: nil,
      format: format,
      framesPerSecond: record.parameters.playback_fps,
      outputs: [output],
      isContinuation: true
    )
    let report = GenerationReport(json: false)
    defer { report.end() }
    _ = try await Interruption.cancelling { [request] in
      try await ClipMaker(engine: engine).make(files, request) { report.show($0) }
    }
    Terminal.say("\(output): seed \(request.seeds[0])")
  }
}
