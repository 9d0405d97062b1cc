// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Subprocess
import SystemPackage
import Testing

/// The cache is not ours alone: `huggingface_hub` itself says what it must look like.
@Suite(.enabled(if: Command.python != nil), .timeLimit(.minutes(5)))
struct `The cache and huggingface_hub` {
  private static let patterns = Sample.needed.sorted()

  /// Has the Hub's own tool fetch the same files.
  private static func download(
    _ hub: StandIn,
    _ cache: String,
    offline: Bool = false
  ) async throws
    -> String
  {
    let script = """
      import json, sys
      from huggingface_hub import snapshot_download
      print(snapshot_download("acme/svd", allow_patterns=json.loads(sys.argv[1])))
      """
    let patterns = String(decoding: try JSONEncoder().encode(patterns), as: UTF8.self)
    let outcome = try await Command.run(
      FilePath(try #require(Command.python)),
      ["-c", script, patterns],
      Command.environment(hub, cache).updating(["HF_HUB_OFFLINE": offline ? "1" : "0"])
    )
    try #require(outcome.status == .exited(0), "\(outcome.error)")
    return try #require(outcome.lines.last)
  }

  /// What both keep, but for locks, which are empty, and words in the tag for backups.
  private static func contents(_ hub: StandIn, _ cache: String) throws -> [String: String] {
    try hub.contents(cache).filter { !$0.key.hasPrefix(".locks") && $0.key != "CACHEDIR.TAG" }
  }

  @Test func `are equal to the byte, whoever fetched`() async throws {
    try await StandIn.with { hub in
      let ours = try await ModelFetcher(hub.settings("ours")).pull(`Fetching a model`.model())
      let theirs = try await Self.download(hub, "theirs")
      #expect(ours.folder.split(separator: "/").last == theirs.split(separator: "/").last)
      let mine = try Self.contents(hub, "ours")
      let other = try Self.contents(hub, "theirs")
      #expect(mine.count == 2 * Sample.needed.count + 2)
      #expect(mine.keys.sorted() == other.keys.sorted())
      #expect(mine == other)
    }
  }

  @Test func `serve each other: what one has fetched the other finds`() async throws {
    try await StandIn.with { hub in
      let model = try `Fetching a model`.model()
      _ = try await Self.download(hub, "theirs")
      let before = try hub.contents("theirs")
      try await hub.forget()
      let found = try await ModelFetcher(hub.settings("theirs")).pull(model)
      #expect(found.fetchedBytes == 0)
      #expect(try hub.contents("theirs") == before)
      let fetched = try await ModelFetcher(hub.settings("ours")).pull(model)
      try await hub.forget()
      #expect(try await Self.download(hub, "ours", offline: true) == fetched.folder)
      #expect(try await hub.log().isEmpty)
      #expect(try await Self.download(hub, "ours") == fetched.folder)
      #expect(!(try await hub.log().contains { $0.method == "GET" && $0.port == "files" }))
    }
  }

  @Test func `share what they began: one file of theirs is not fetched again`() async throws {
    try await StandIn.with { hub in
      let theirs = try await Self.download(hub, "theirs")
      // Its name in the snapshot is lost, its content is not.
      let unet = theirs + "/unet/diffusion_pytorch_model.fp16.safetensors"
      try FileManager.default.removeItem(atPath: unet)
      try await hub.forget()
      let model = try `Fetching a model`.model()
      #expect(try await ModelFetcher(hub.settings("theirs")).pull(model).fetchedBytes == 0)
      #expect(FileManager.default.contents(atPath: unet) == Data(Sample.unet))
      #expect(try await hub.fileRequests().isEmpty)
    }
  }
}
