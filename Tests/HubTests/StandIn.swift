// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import AsyncHTTPClient
import FoundationEssentials
import Hub
import NIOCore
import NIOHTTP1
import Subprocess
import SystemPackage
import Testing

/// A pretended Hub, in a process of its own, and a folder for caches; both are gone after the test.
struct StandIn: Sendable {
  /// The Hub's address.
  let address: String
  /// The address of the place that large files are redirected to.
  let files: String
  /// The folder for caches.
  let folder: String

  /// One request, as the pretended Hub noted it.
  struct Request: Decodable {
    let port: String
    let method: String
    let path: String
    let range: String?
    let token: String?
    let state: String

    /// The bytes that were asked for of a file of a size.
    func bytes(of size: Int) -> Range<Int> {
      guard let parts = range?.dropFirst("bytes=".count).split(separator: "-"), parts.count == 2,
        let first = Int(parts[0]), let last = Int(parts[1])
      else { return 0..<size }
      return first..<last + 1
    }
  }

  /// Works with a pretended Hub.
  ///
  /// - Parameters:
  ///   - models: The files of each `OWNER/NAME`.
  ///   - body: What to do with it; what it throws is recorded.
  /// - Throws: What starting it throws.
  static func with(
    _ models: [String: [String: [UInt8]]] = ["acme/svd": Sample.model],
    _ body: @escaping @Sendable (StandIn) async throws -> Void
  ) async throws {
    let folder = URL.temporaryDirectory.appending(path: "hub-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (model, files) in models {
      for (path, bytes) in files {
        let file = URL(filePath: "\(folder)/models/\(model)/\(path)")
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(),
          withIntermediateDirectories: true
        )
        try Data(bytes).write(to: file)
      }
    }
    let sources = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    _ = try await Subprocess.run(
      .name("python3"),
      arguments: ["/\(sources)/StandIn/hub.py", "\(folder)/models"],
      // It ends when its input does, also if this process is killed.
      input: .inputWriter,
      output: .sequence,
      error: .currentStandardError
    ) { execution in
      var line = ""
      for try await text in execution.standardOutput.strings() {
        line += text
        // Both addresses and what stands after them.
        let addresses = line.split { $0.isWhitespace }.map(String.init)
        guard addresses.count == 3 else { continue }
        do {
          try await body(StandIn(address: addresses[0], files: addresses[1], folder: folder))
        } catch { Issue.record(error) }
        try await execution.standardInputWriter.finish()
        break
      }
    }
  }

  /// The settings of a client that waits for nobody but who is told to by `clock`.
  func settings(_ cache: String = "cache", clock: PatientClock = PatientClock()) -> HubSettings {
    var settings = HubSettings(cache: "\(folder)/\(cache)")
    settings.endpoint = address
    settings.pieceSize = 64 << 10
    settings.patience = PatientClock.patience
    settings.clock = clock
    return settings
  }

  /// Makes requests go wrong; see `hub.py`.
  func set(rules: String) async throws { try await post("rules", rules) }

  /// Empties the log.
  func forget() async throws { try await post("forget", "") }

  private func post(_ path: String, _ body: String) async throws {
    var request = HTTPClientRequest(url: "\(address)/stand-in/\(path)")
    request.method = .POST
    request.body = .bytes(ByteBuffer(string: body))
    let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
    try #require(response.status == .ok)
    _ = try await response.body.collect(upTo: 1 << 20)
  }

  /// What was asked.
  func log() async throws -> [Request] {
    let request = HTTPClientRequest(url: "\(address)/stand-in/log")
    let response = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
    let body = try await response.body.collect(upTo: 16 << 20)
    return try JSONDecoder().decode([Request].self, from: Data(body.readableBytesView))
  }

  /// What was asked of the place of large files.
  func fileRequests() async throws -> [Request] { try await log().filter { $0.port == "files" } }

  /// Waits for something to be in the log.
  func until(_ condition: ([Request]) -> Bool) async throws {
    while try await !condition(log()) { try await Task.sleep(for: .milliseconds(5)) }
  }

  /// What is below a folder: a file's bytes, or where a link leads.
  func contents(_ cache: String) throws -> [String: String] {
    let root = "\(folder)/\(cache)"
    var contents: [String: String] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
      let whole = "\(root)/\(path)"
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: whole) {
        contents[path] = "-> \(target)"
      } else if let data = FileManager.default.contents(atPath: whole) {
        contents[path] = data.base64EncodedString()
      }
    }
    return contents
  }
}

/// What the tests' models are made of.
enum Sample {
  /// As many bytes, always the same for a seed.
  static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 2 &+ 1
    var bytes = [UInt8](repeating: 0, count: count)
    for index in bytes.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes[index] = UInt8(truncatingIfNeeded: state >> 33)
    }
    return bytes
  }

  /// Without weights.
  static let settings: [String: [UInt8]] = [
    "model_index.json": Array(#"{"_class_name": "StableVideoDiffusionPipeline"}"#.utf8),
    "scheduler/scheduler_config.json": Array("{}".utf8),
    "feature_extractor/preprocessor_config.json": Array(#"{"size": 224}"#.utf8),
    "image_encoder/config.json": Array(#"{"a": 1}"#.utf8),
    "vae/config.json": Array(#"{"b": 2}"#.utf8),
    "unet/config.json": Array(#"{"c": 3}"#.utf8),
  ]

  /// The unet's halved weights: some pieces and a bit.
  static let unet = bytes(1_000_003, seed: 1)

  /// A repository with more in it than is needed.
  static let model = settings.merging(
    [
      "image_encoder/model.safetensors": bytes(30_000, seed: 2),
      "image_encoder/model.fp16.safetensors": bytes(15_000, seed: 3),
      "vae/diffusion_pytorch_model.safetensors": bytes(20_000, seed: 4),
      "unet/diffusion_pytorch_model.fp16.safetensors": unet,
      "unet/diffusion_pytorch_model.safetensors": bytes(2_000_000, seed: 5),
      "unet/diffusion_pytorch_model.bin": bytes(1000, seed: 6),
      "svd.safetensors": bytes(3000, seed: 7),
      "README.md": Array("# a model\n".utf8),
      "assets/Prüfung \"1\".txt": Array("x".utf8),
    ],
    uniquingKeysWith: { $1 }
  )

  /// The files that are fetched of it.
  static let needed =
    settings.keys + [
      "image_encoder/model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors",
      "unet/diffusion_pytorch_model.fp16.safetensors",
    ]

  /// The bytes of those.
  static let neededBytes = needed.reduce(0) { $0 + (model[$1]?.count ?? 0) }
}
