// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import CUDA
import CoreMetrics
import FoundationEssentials
import Logging
import Serving
import StableVideoDiffusion
import TensorCore
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

      Each setting comes from its flag, else from the environment (--api-keys from \
      ZOETROPE_API_KEYS), else from the file of --config (api-keys: keys.txt), else from its default.
      """
  )

  @OptionGroup var model: ModelOptions

  @Option(help: ArgumentHelp("A YAML file with any of these settings.", valueName: "file"))
  var config: String?

  @Flag(
    help: """
      Fetch the model, OWNER/NAME or OWNER/NAME@REVISION, from the Hub if the cache has not all of it; \
      the server is not ready before.
      """
  )
  var pull = false

  @Option(
    help: ArgumentHelp(
      "What the files of a model that is fetched must be; `zoetrope models show` tells it.",
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
    "threads",
    "device", "compute",
  ]

  func run() async throws {
    let configuration = try Configuration(
      file: config ?? ProcessInfo.processInfo.environment["ZOETROPE_CONFIG"],
      names: Self.settings
    )
    let settings = try serverSettings(configuration)
    let timeout = try configuration.number("timeout", timeout, in: 1...86_400, default: 600)
    let (store, jobSettings) = try self.jobSettings(configuration, timeout: timeout)
    let logFormat = try configuration.choice(
      "log-format",
      logFormat,
      default: LineLogHandler.Format.text
    )
    var model = model
    model.model = try configuration.text("model", model.model)
    model.variant = try configuration.text("variant", model.variant)
    let threads = try configuration.number("threads", model.threads, in: 0...1024, default: 0)
    model.threads = threads == 0 ? nil : threads
    model.device = try configuration.value(
      "device",
      model.device,
      of: "auto, cpu, cuda, cuda:N"
    )
    model.compute = try configuration.value(
      "compute",
      model.compute,
      of: Element.allCases.map(\.rawValue).joined(separator: ", ")
    )
    // What is wrong with the settings, or missing of the model, is known before the port opens.
    let source = try self.source(of: model, configuration)
    if case .here(let choice) = source {
      try StableVideoDiffusionModel.check(folder: choice.folder, variant: model.variant)
    }
    let engine = ServedEngine()
    let logger = Logger(label: "zoetrope") { _ in LineLogHandler(logFormat) }
    let jobs: VideoJobs
    do {
      jobs = try await VideoJobs(
        store: store,
        generator: engine,
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
    let metrics = PrometheusRegistry()
    let server = HTTPServer(service, settings: settings, metrics: metrics, logger: logger)
    try await run(server) { [model, readiness = service.readiness] port in
      let choice = try await source.fetched()
      let loaded = try await model.load(choice)
      engine.use(loaded)
      jobs.begin(with: ModelIdentity(name: loaded.name, digest: loaded.model.digest))
      await Self.tellOfBuild(metrics, hasCUDA: loaded.model.backend.name.hasPrefix("cuda"))
      readiness.isReady = true
      let seconds = GenerationReport.tenths(loaded.loadSeconds)
      Terminal.say(
        "\(choice.folder), loaded in \(seconds) s, is served on \(scheme)://\(shown):\(port)"
      )
    }
  }

  /// Where the model is to come from.
  private enum Source {
    case here(ModelChoice)
    case hub(PulledModel)

    func fetched() async throws -> ModelChoice {
      switch self {
      case .here(let choice): choice
      case .hub(let model): try await model.fetch()
      }
    }
  }

  private func source(
    of model: ModelOptions,
    _ configuration: Configuration
  ) throws -> Source {
    let digest = try configuration.text("model-digest", modelDigest)
    guard try configuration.isSet("pull", pull) else {
      guard digest == nil else {
        throw ConfigurationError("model-digest is for a model that is fetched: set pull too")
      }
      return .here(try model.choice())
    }
    return .hub(try PulledModel(model.model, variant: model.variant, digest: digest))
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
    let outcome = await serving.result
    // Nobody else cancels it. A server that was told to stop does not wait for the model.
    if serving.isCancelled { try await loading.value }
    try outcome.get()
  }

  /// Where jobs are kept, and for how long.
  private func jobSettings(
    _ configuration: Configuration,
    timeout: Int
  ) throws -> (store: String, VideoJobs.Settings) {
    var settings = VideoJobs.Settings()
    settings.timeout = .seconds(timeout)
    settings.queue = try configuration.number("queue", queue, in: 0...10_000, default: 100)
    let hours = try configuration.number("keep-hours", keepHours, in: 0...876_000, default: 168)
    settings.keptFor = .seconds(hours * 3600)
    settings.keptBytes =
      try configuration.number(
        "keep-megabytes",
        keepMegabytes,
        in: 0...1_000_000_000,
        default: 10_240
      ) << 20
    settings.webhooks = try webhooks(configuration)
    let environment = ProcessInfo.processInfo.environment
    let state =
      environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? "\(environment["HOME"] ?? "/var/lib")/.local/state"
    var store = try configuration.text("store", store) ?? "\(state)/zoetrope"
    while store.count > 1, store.hasSuffix("/") { store.removeLast() }
    return (store, settings)
  }

  /// Who may be told of the ends of jobs.
  private func webhooks(_ configuration: Configuration) throws -> Webhooks? {
    let hosts = configuration.list("webhook-host", webhookHost)
    let path = try configuration.text("webhook-secret", webhookSecret)
    guard let path, !hosts.isEmpty else {
      if path == nil, hosts.isEmpty { return nil }
      throw ConfigurationError("webhook-host and webhook-secret belong together: one is missing")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError("the webhook secret in \(path) cannot be read")
    }
    let secret = String(decoding: data, as: UTF8.self).filter { !$0.isWhitespace }
    do { return try Webhooks(hosts: hosts, secret: secret) } catch {
      throw ConfigurationError("\(path): \(error.message)")
    }
  }

  private func serverSettings(_ configuration: Configuration) throws -> HTTPServer.Settings {
    var settings = HTTPServer.Settings()
    settings.host = try configuration.text("host", host) ?? "127.0.0.1"
    settings.port = try configuration.number("port", port, in: 0...65535, default: 3000)
    settings.grace = .seconds(
      try configuration.number("grace", grace, in: 0...86_400, default: 30)
    )
    let interim = try configuration.number("interim", interim, in: 0...3600, default: 15)
    settings.interimInterval = interim == 0 ? nil : .seconds(interim)
    let patience = try configuration.number(
      "upload-patience",
      uploadPatience,
      in: 1...3600,
      default: 60
    )
    settings.uploadPatience = .seconds(patience)
    if let path = try configuration.text("api-keys", apiKeys) {
      guard let data = FileManager.default.contents(atPath: path) else {
        throw ConfigurationError("the API keys in \(path) cannot be read")
      }
      settings.keys = try APIKeys(text: String(decoding: data, as: UTF8.self))
    }
    let certificate = try configuration.text("tls-certificate", tlsCertificate)
    let key = try configuration.text("tls-key", tlsKey)
    if let certificate, let key {
      settings.tls = TLSFiles(certificate: certificate, key: key)
    } else if certificate != nil || key != nil {
      throw ConfigurationError("tls-certificate and tls-key belong together: one is missing")
    }
    settings.isOpen = try configuration.isSet("open", open)
    settings.allowedOrigins = configuration.list("cors-origin", corsOrigin)
    let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    if !temporary.isEmpty {
      settings.temporaryDirectory =
        temporary.count > 1 && temporary.hasSuffix("/")
        ? String(temporary.dropLast()) : temporary
    }
    do {
      try settings.validate()
    } catch {
      throw ConfigurationError(error.message)
    }
    return settings
  }
}
