// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCore

/// `zoetrope generate`.
struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a clip of a picture.",
    discussion: """
      Defaults are those of diffusers' StableVideoDiffusionPipeline, unless the model's folder \
      recommends others. The same picture, seed and settings make the same clip.
      """
  )

  @Argument(
    help: "One or more pictures: PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC."
  )
  var images: [String]

  @Option(
    name: .shortAndLong,
    help: "The file to write; with several clips, -1, -2 and so on is put before its ending."
  )
  var output = "output.mp4"

  @OptionGroup var model: ModelOptions
  @OptionGroup var settings: GenerationOptions

  @Option(
    help:
      """
      mp4, webm, gif, webp, zip for an archive of PNG frames, or png for a folder of them; by the \
      output's ending if not given.
      """
  )
  var format: VideoFormat?

  @Option(help: "Frames a second at which the clip plays; --fps if not given.")
  var playbackFps: Double?

  @Option(
    help: """
      The order of the frames: forward; ping-pong, forward and back; or loop, with the end faded into \
      the beginning.
      """
  )
  var playback = Playback.forward

  @Option(
    help: """
      How the picture comes to the clip's size: stretch, crop or pad; keep leaves that to the \
      pipeline, as a direct call of diffusers does.
      """
  )
  var fit = Fit.stretch

  /// How a picture comes to the clip's size.
  enum Fit: String, CaseIterable, ExpressibleByArgument {
    case stretch, crop, pad, keep
  }

  @Option(
    help: ArgumentHelp(
      """
      Have the clips made by a Zoetrope server, such as http://localhost:3000; its key, if it asks for \
      one, is taken from ZOETROPE_KEY.
      """,
      valueName: "url"
    )
  )
  var server: String?

  @Flag(help: "Print one JSON object a line: progress, then the result.")
  var json = false

  func run() async throws {
    if let server {
      guard playbackFps == nil else {
        throw ValidationError("--playback-fps cannot be used with --server")
      }
      guard model.engine.lora.isEmpty else {
        throw ValidationError(
          "--lora cannot be used with --server: the server is told of LoRAs when it is started"
        )
      }
      let generation = RemoteGeneration(
        server: server,
        model: model.model,
        settings: settings,
        fit: fit,
        format: try self.format ?? Self.format(of: output),
        playback: playback,
        json: json
      )
      return try await Interruption.cancelling {
        try await generation.run(
          pictures: images,
          outputs: Self.names(output, images.count * generation.videos)
        )
      }
    }
    let engine = try await model.load()
    var request = GenerationRequest()
    request.apply(engine.model.recommended)
    settings.apply(to: &request)
    let clips = images.count * request.videosPerPicture
    let format = try self.format ?? Self.format(of: output)
    let files = ClipMaker.Files(
      pictures: images,
      fit: PictureFit(rawValue: fit.rawValue),
      format: format,
      playback: playback,
      framesPerSecond: playbackFps ?? Double(request.framesPerSecond),
      outputs: Self.names(output, clips)
    )
    let report = GenerationReport(json: json)
    let clock = ContinuousClock()
    let start = clock.now
    let timings: GenerationTimings
    do {
      timings = try await Interruption.cancelling { [request] in
        try await ClipMaker(engine: engine).make(files, request) { report.show($0) }
      }
    } catch {
      report.end()
      throw error
    }
    report.end()
    report.result(
      files: files,
      request: request,
      timings: timings,
      load: engine.loadSeconds,
      total: (clock.now - start) / .seconds(1)
    )
  }

  /// The format that a file's ending says.
  ///
  /// - Throws: `ValidationError`.
  static func format(of path: String) throws -> VideoFormat {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else {
      throw ValidationError("--output \(path) has no ending; give --format")
    }
    let ending = path[path.index(after: dot)...].lowercased()
    guard let format = VideoFormat(rawValue: ending) else {
      throw ValidationError(
        "--output \(path): .\(ending) is none of "
          + VideoFormat.allCases.map { "." + $0.rawValue }.joined(separator: ", ")
      )
    }
    return format
  }

  /// `clip.mp4`, or `clip-1.mp4`, `clip-2.mp4` and so on.
  private static func names(_ path: String, _ count: Int) -> [String] {
    guard count > 1 else { return [path] }
    let dot =
      path.lastIndex(of: ".").flatMap { path[$0...].contains("/") ? nil : $0 } ?? path.endIndex
    return (1...count).map { "\(path[..<dot])-\($0)\(path[dot...])" }
  }
}
