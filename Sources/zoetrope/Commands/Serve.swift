// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Logging
import Serving
import StableVideoDiffusion
import VideoService

/// `zoetrope serve`.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves the model over HTTP.",
    discussion: """
      POST /generate takes a picture and answers with a clip; one is made at a time, others wait. \
      SIGTERM lets the running one finish within the grace period, then cancels it.
      """
  )

  @OptionGroup var model: ModelOptions

  @Option(help: "The address to listen on.")
  var host = "0.0.0.0"

  @Option(name: .shortAndLong, help: "The port to listen on.")
  var port = 3000

  @Option(help: "Seconds that a request may take before it is answered with 504.")
  var timeout = 600

  @Option(help: "How many requests may wait.")
  var queue = 8

  @Option(help: "Seconds that running work may go on after SIGTERM.")
  var grace = 30

  @Option(
    help: """
      Seconds between two interim answers (102) to a client that waits; 0 for none, if a proxy \
      takes them for the final one.
      """
  )
  var interim = 5

  func validate() throws {
    for (name, value, range) in [
      ("--port", port, 0...65535), ("--timeout", timeout, 1...86_400),
      ("--queue", queue, 0...10_000),
      ("--grace", grace, 0...86_400), ("--interim", interim, 0...3600),
    ] where !range.contains(value) {
      throw ValidationError(
        "\(name) \(value) is not from \(range.lowerBound) to \(range.upperBound)"
      )
    }
  }

  func run() async throws {
    let engine = try await model.load()
    var service = try Service.stableVideoDiffusion(
      version: Version.text,
      generator: ServedEngine(engine: engine)
    )
    service.timeout = .seconds(timeout)
    service.queue = queue
    var settings = HTTPServer.Settings()
    settings.host = host
    settings.port = port
    settings.grace = .seconds(grace)
    settings.interimInterval = interim == 0 ? nil : .seconds(interim)
    let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    if !temporary.isEmpty {
      settings.temporaryDirectory =
        temporary.count > 1 && temporary.hasSuffix("/")
        ? String(temporary.dropLast()) : temporary
    }
    let shown = host == "0.0.0.0" ? "localhost" : host
    let folder = try model.folder()
    let seconds = GenerationReport.tenths(engine.loadSeconds)
    try await HTTPServer(service, settings: settings, logger: Logger(label: "zoetrope")).run {
      port in
      Terminal.say("\(folder), loaded in \(seconds) s, is served on http://\(shown):\(port)")
    }
  }
}
