// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import FoundationEssentials
import Serving
import StableVideoDiffusion
import TensorCore
import VideoService

/// How `zoetrope serve`'s flags become settings of what it is made of.
extension Serve {
  /// The settings of the file that the flag or the environment names.
  func readConfiguration() throws -> Configuration {
    try Configuration(
      file: config ?? ProcessInfo.processInfo.environment["ZOETROPE_CONFIG"],
      names: Self.settings
    )
  }

  /// The models that are named, in their order; none for the one that stands in.
  private func modelNames(_ configuration: Configuration) -> [String] {
    let names = configuration.list("model", model)
    // A folder's name may have commas, which separate names in the environment.
    let whole = names.joined(separator: ",")
    return FileManager.default.fileExists(atPath: whole) ? [whole] : names
  }

  /// How models are loaded.
  func engineOptions(_ configuration: Configuration) throws -> EngineOptions {
    var engine = engine
    engine.variant = try configuration.text("variant", engine.variant)
    let threads = try configuration.number("threads", engine.threads, in: 0...1024, default: 0)
    engine.threads = threads == 0 ? nil : threads
    engine.device = try configuration.value(
      "device",
      engine.device,
      of: "auto, cpu, cuda, cuda:N"
    )
    engine.compute = try configuration.value(
      "compute",
      engine.compute,
      of: ComputeType.allCases.map(\.rawValue).joined(separator: ", ")
    )
    engine.memory = try configuration.value(
      "memory",
      engine.memory,
      of: MemoryMode.allCases.map(\.rawValue).joined(separator: ", ")
    )
    engine.lora = configuration.list("lora", engine.lora)
    return engine
  }

  /// What makes clips sooner, and others.
  func lossyOptions(_ configuration: Configuration) throws -> LossyOptions {
    var lossy = lossy
    lossy.cache = try configuration.value(
      "cache",
      lossy.cache,
      of:
        "deep, deep:N with N from \(DeepCache.intervals.lowerBound) to \(DeepCache.intervals.upperBound)"
    )
    lossy.guidanceInterval = try configuration.value(
      "guidance-interval",
      lossy.guidanceInterval,
      of: "LOW:HIGH, two noise levels, the lower one first"
    )
    return lossy
  }

  /// Where the models come from.
  func sources(
    _ configuration: Configuration,
    _ engine: EngineOptions
  ) throws -> [ModelSource] {
    try ModelSource.list(
      modelNames(configuration),
      loras: try engine.loras(),
      pull: try configuration.isSet("pull", pull),
      variant: engine.variant,
      digest: try configuration.text("model-digest", modelDigest)
    )
  }

  /// Where jobs are kept, and for how long.
  func jobSettings(
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

  /// Where and for whom the server listens.
  func serverSettings(_ configuration: Configuration) throws -> HTTPServer.Settings {
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
