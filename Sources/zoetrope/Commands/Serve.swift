// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CoreMetrics
import FoundationEssentials
import Logging
import Serving
import StableVideoDiffusion
import TensorCore
import UnixSignals
import VideoService

/// `zoetrope serve`.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serves the model over HTTP.",
    discussion: """
      POST /generate takes a picture and answers with a clip; one is made at a time, others wait. \
      SIGTERM lets the running one finish within the grace period, then cancels it. While the \
      model is loaded, /livez answers 200, /readyz and /generate 503.

      What was accepted is kept in the store: after a restart, or a crash, jobs that waited are \
      made, and one that was being made is begun once more.

      Several models may be served: --model NAME=MODEL, again for more. The first is loaded at the \
      start and used where a request names none, the others when they are asked for. SIGHUP reads \
      the list of --config again, and has models loaded anew whose files have changed.

      Each setting comes from its flag, else from the environment (--api-keys from \
      ZOETROPE_API_KEYS), else from the file of --config (api-keys: keys.txt), else from its default.
      """
  )

  @Option(
    help: ArgumentHelp(
      """
      The folder of a checkpoint in diffusers' layout, one safetensors file in Stability's, or \
      OWNER/NAME of a model that `zoetrope pull` or the Hub's own tools fetched; NAME=… to call it so; \
      …+LORA to add one to it alone; again for more. ZOETROPE_MODEL if not given, and without that the demonstration model.
      """,
      valueName: "path"
    )
  )
  var model: [String] = []

  @OptionGroup var engine: EngineOptions

  @OptionGroup var lossy: LossyOptions

  @Option(
    help: "How many models are in memory at once; 0, the default: one, on a GPU as many as fit."
  )
  var maxLoaded: Int?

  @Option(
    help: "Seconds after which a model is unloaded that nobody asks for; 0, the default, for never."
  )
  var unloadAfter: Int?

  @Option(help: ArgumentHelp("A YAML file with any of these settings.", valueName: "file"))
  var config: String?

  @Flag(
    help: """
      Fetch each model that is OWNER/NAME or OWNER/NAME@REVISION from the Hub if the cache has not all \
      of it; the server is not ready before.
      """
  )
  var pull = false

  @Option(
    help: ArgumentHelp(
      "What the files of the only model must be, if it is fetched; `zoetrope models show` tells it.",
      valueName: "digest"
    )
  )
  var modelDigest: String?

  @Option(help: "The address to listen on; 127.0.0.1 if not given, 0.0.0.0 for all.")
  var host: String?

  @Option(name: .shortAndLong, help: "The port to listen on; 3000 if not given.")
  var port: Int?

  @Option(help: "Seconds that a request may take before it is answered with 504; 600.")
  var timeout: Int?

  @Option(help: "How many clips may wait to be made; 100.")
  var queue: Int?

  @Option(
    help: ArgumentHelp(
      "The folder of jobs and clips, one server's own; ~/.local/state/zoetrope if not given.",
      valueName: "folder"
    )
  )
  var store: String?

  @Option(help: "Hours that a job and its clip are kept after it ended; 168, a week.")
  var keepHours: Int?

  @Option(help: "Megabytes of pictures and clips that are kept of jobs that ended; 10240.")
  var keepMegabytes: Int?

  @Option(
    help: ArgumentHelp(
      "A host that jobs may report their end to, as example.com:8443; again for more.",
      valueName: "host"
    )
  )
  var webhookHost: [String] = []

  @Option(
    help: ArgumentHelp("The secret that such reports are signed with.", valueName: "file")
  )
  var webhookSecret: String?

  @Option(help: "Seconds that running work may go on after SIGTERM; 30.")
  var grace: Int?

  @Option(
    help: """
      Seconds between two interim answers (100) to a client that waits; 15. 0 for none, if a proxy \
      takes them for the final one.
      """
  )
  var interim: Int?

  @Option(
    help:
      "Seconds that an upload may bring less than 1 KiB in each before it is answered with 408; 60."
  )
  var uploadPatience: Int?

  @Option(
    help: ArgumentHelp("The keys that clients must have; see `zoetrope key`.", valueName: "file")
  )
  var apiKeys: String?

  @Flag(help: "Serve everyone without keys, also on an address that other machines may reach.")
  var open = false

  @Option(
    help: ArgumentHelp(
      "A site whose pages may use the server; again for more, * for all.",
      valueName: "origin"
    )
  )
  var corsOrigin: [String] = []

  @Option(
    help: ArgumentHelp("The certificate to serve HTTPS with, in PEM.", valueName: "file")
  )
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The private key of that certificate, in PEM.", valueName: "file"))
  var tlsKey: String?

  @Option(help: "How lines of the log are written: text or json.")
  var logFormat: String?

  /// The settings that the file and the environment may have.
  static let settings = [
    "host", "port", "timeout", "queue", "store", "keep-hours", "keep-megabytes", "webhook-host",
    "webhook-secret", "grace", "interim", "upload-patience", "api-keys", "open", "cors-origin",
    "tls-certificate", "tls-key", "log-format", "model", "pull", "model-digest", "variant",
    "lora", "threads", "device", "compute", "memory", "max-loaded", "unload-after", "cache",
    "guidance-interval",
  ]

  func run() async throws {
    let configuration = try readConfiguration()
    let settings = try serverSettings(configuration)
    let timeout = try configuration.number("timeout", timeout, in: 1...86_400, default: 600)
    let (store, jobSettings) = try self.jobSettings(configuration, timeout: timeout)
    let logFormat = try configuration.choice(
      "log-format",
      logFormat,
      default: LineLogHandler.Format.text
    )
    let engine = try engineOptions(configuration)
    let maxLoaded = try configuration.number("max-loaded", maxLoaded, in: 0...1000, default: 0)
    let metrics = PrometheusRegistry()
    var shelfSettings = ModelShelf.Settings()
    let idle = try configuration.number("unload-after", unloadAfter, in: 0...10_000_000, default: 0)
    shelfSettings.unloadAfter = idle == 0 ? nil : .seconds(idle)
    shelfSettings.digests = WeightDigests(path: store + "/weights.json")
    shelfSettings.metrics = metrics
    // What is wrong with the settings, or missing of a model, is known before the port opens.
    let list = ServedModels(engine, try lossyOptions(configuration))
    let sources = try sources(configuration, engine)
    let logger = Logger(label: "zoetrope") { _ in LineLogHandler(logFormat) }
    let shelf = ModelShelf(try list.announced(sources), settings: shelfSettings, logger: logger)
    let jobs: VideoJobs
    do {
      jobs = try await VideoJobs(
        store: store,
        models: shelf,
        settings: jobSettings,
        logger: logger
      )
    } catch let error as ServingError where error.code == .badConfiguration {
      throw ConfigurationError(error.message)
    }
    var service = try Service.stableVideoDiffusion(version: Version.text, jobs: jobs)
    service.traffic.timeout = .seconds(timeout)
    service.readiness = Readiness(isReady: false)
    let shown = settings.host == "0.0.0.0" ? "localhost" : settings.host
    let scheme = settings.tls == nil ? "http" : "https"
    let server = HTTPServer(service, settings: settings, metrics: metrics, logger: logger)
    // One that comes while models are fetched or loaded waits until that is done.
    let signals = await UnixSignalsSequence(trapping: .sighup)
    try await run(server) { [readiness = service.readiness] port in
      let models = try await list.models(sources)
      shelf.replace(with: models)
      if models[0].standsIn { Terminal.say(DemonstrationModel.remark) }
      let start = ContinuousClock.now
      try await shelf.prepare()
      let seconds = GenerationReport.tenths((ContinuousClock.now - start) / .seconds(1))
      // Nobody tells how much memory a model leaves to others, but for a GPU's driver.
      shelf.mostLoaded = maxLoaded > 0 ? maxLoaded : list.isOnGPU ? nil : 1
      jobs.begin()
      await Self.tellOfBuild(metrics, hasCUDA: list.isOnGPU)
      readiness.isReady = true
      Terminal.say(
        "\(models[0].path), loaded in \(seconds) s, is served on \(scheme)://\(shown):\(port)"
      )
      for await _ in signals { await reload(shelf, list, logger) }
    }
  }

  /// Reads the list of models again.
  private func reload(_ shelf: ModelShelf, _ list: ServedModels, _ logger: Logger) async {
    do {
      let configuration = try readConfiguration()
      let sources = try sources(configuration, engineOptions(configuration))
      shelf.replace(with: try await list.models(sources))
      logger.notice("the models were read again: \(shelf.names.joined(separator: ", "))")
    } catch {
      logger.error("the models stay as they were: \(error)")
    }
  }

  /// Has the metrics say which program this is, and what is at work in it.
  private static func tellOfBuild(_ metrics: PrometheusRegistry, hasCUDA: Bool) async {
    metrics.describe("zoetrope_build_info", "Which program this is, and what is at work in it.")
    let facts: [(String, String?)] =
      [
        ("version", Version.text), ("commit", Version.commit), ("date", Version.date),
        ("swift", Version.swift),
      ] + (await Version.parts(hasCUDA: hasCUDA)).map { ($0.lowercased(), $1) }
    let labels = facts.map { name, value in (name, value ?? "") }
    metrics.makeMeter(label: "zoetrope_build_info", dimensions: labels).set(Double(1))
  }

  /// Serves until the server is told to stop, or the model cannot be loaded.
  ///
  /// - Parameters:
  ///   - server: The server.
  ///   - load: Loads the model once the server listens on a port.
  /// - Throws: What either of them throws.
  private func run(
    _ server: HTTPServer,
    load: @escaping @Sendable (Int) async throws -> Void
  ) async throws {
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    let serving = Task {
      try await server.run { listening.yield($0) }
    }
    let loading = Task {
      guard let port = await ports.first(where: { _ in true }) else { return }
      do { try await load(port) } catch {
        serving.cancel()
        throw error
      }
    }
    defer { loading.cancel() }
    let outcome = await serving.result
    // Nobody else cancels it. A server that was told to stop does not wait for the model.
    if serving.isCancelled { try await loading.value }
    try outcome.get()
  }
}
