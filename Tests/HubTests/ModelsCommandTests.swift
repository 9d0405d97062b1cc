// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Subprocess
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Models in the cache` {
  private static let second = Sample.model.merging(["README.md": Array("# another\n".utf8)]) { $1 }

  /// A cache that a model was fetched into.
  private static func withModel(
    _ body: @escaping @Sendable (StandIn, ModelFetcher.Fetched) async throws -> Void
  ) async throws {
    try await StandIn.with { hub in
      let fetched = try await ModelFetcher(hub.settings()).pull(`Fetching a model`.model())
      try await body(hub, fetched)
    }
  }

  @Test func `are listed with their commits, sizes and what is missing`() async throws {
    try await Self.withModel { hub, fetched in
      var outcome = try await Command.run(hub, ["models", "list"])
      #expect(outcome.output == "acme/svd  \(fetched.commit.prefix(8)) main  1.0 MB\n")
      try FileManager.default.removeItem(atPath: fetched.folder + "/unet/config.json")
      outcome = try await Command.run(hub, ["models", "list", "--json"])
      #expect(outcome.output.contains(#""missing":"unet/config.json""#))
      // Another program's models are not listed, and not touched.
      let index = fetched.folder + "/model_index.json"
      try FileManager.default.removeItem(atPath: index)
      #expect(try await Command.run(hub, ["models", "list"]).output.isEmpty)
      #expect(try await Command.run(hub, ["models", "list", "--all"]).lines.count == 1)
    }
  }

  @Test func `are shown with the digest of every file`() async throws {
    try await Self.withModel { hub, fetched in
      let outcome = try await Command.run(hub, ["models", "show", "acme/svd"])
      #expect(outcome.status == .exited(0), "\(outcome.error)")
      let digests = outcome.lines.filter { $0.contains(".safetensors") }
      #expect(digests.count == 3)
      #expect(digests.allSatisfy { $0.wholeMatch(of: /sha256:[0-9a-f]{64}  .*/) != nil })
      #expect(
        outcome.lines.contains { $0.wholeMatch(of: /git:[0-9a-f]{40}  .*vae.config.json/) != nil }
      )
      let json = try await Command.run(hub, ["models", "show", "acme/svd@main", "--json"])
      #expect(json.output.contains(#""commit":"\#(fetched.commit)""#))
      let none = try await Command.run(hub, ["models", "show", "acme/none"])
      #expect(none.error.contains("`zoetrope pull acme/none` fetches it"))
    }
  }

  @Test func `are held to their digests`() async throws {
    try await Self.withModel { hub, fetched in
      var outcome = try await Command.run(hub, ["models", "verify"])
      #expect(outcome.status == .exited(0), "\(outcome.error)")
      #expect(outcome.lines.count == Sample.needed.count)
      #expect(outcome.lines.allSatisfy { $0.hasPrefix("right  ") })
      let path = fetched.folder + "/vae/diffusion_pytorch_model.safetensors"
      let blob = URL(filePath: path).resolvingSymlinksInPath()
      var bytes = try Data(contentsOf: blob)
      bytes[777] ^= 1
      try bytes.write(to: blob)
      outcome = try await Command.run(hub, ["models", "verify", "acme/svd"])
      #expect(outcome.status == .exited(2))
      #expect(outcome.lines.count { $0.hasPrefix("WRONG  ") } == 1)
      #expect(outcome.lines.contains("WRONG  acme/svd  vae/diffusion_pytorch_model.safetensors"))
    }
  }

  @Test func `are removed with all that is theirs, and nothing of others`() async throws {
    let models = ["acme/svd": Sample.model, "acme/other": Self.second]
    try await StandIn.with(models) { hub in
      for name in models.keys {
        _ = try await ModelFetcher(hub.settings()).pull(`Fetching a model`.model(name))
      }
      let outcome = try await Command.run(hub, ["models", "rm", "acme/svd"])
      #expect(outcome.error.contains("acme/svd is gone, and 1.0 MB with it"), "\(outcome.error)")
      let left = try hub.contents("cache").keys
      #expect(!left.contains { $0.contains("acme--svd") })
      let other = try await Command.run(hub, ["models", "verify", "acme/other"])
      #expect(other.status == .exited(0))
    }
  }

  @Test func `of two commits share contents, of which the last takes all with it`() async throws {
    try await Self.withModel { hub, fetched in
      // A second commit of the same repository with one other file.
      let place = hub.folder + "/cache/models--acme--svd"
      let commit = String(repeating: "a", count: 40)
      let files = FileManager.default
      try files.copyItem(atPath: fetched.folder, toPath: "\(place)/snapshots/\(commit)")
      let config = "\(place)/snapshots/\(commit)/vae/config.json"
      let name = String(repeating: "b", count: 40)
      try files.removeItem(atPath: config)
      try Data("{}".utf8).write(to: URL(filePath: "\(place)/blobs/\(name)"))
      try files.createSymbolicLink(atPath: config, withDestinationPath: "../../../blobs/\(name)")
      let blobs = try files.contentsOfDirectory(atPath: place + "/blobs").count
      let outcome = try await Command.run(hub, ["models", "rm", "acme/svd@\(commit)"])
      #expect(outcome.status == .exited(0), "\(outcome.error)")
      #expect(try files.contentsOfDirectory(atPath: place + "/blobs").count == blobs - 1)
      #expect(try await Command.run(hub, ["models", "verify"]).status == .exited(0))
      #expect(try await Command.run(hub, ["models", "rm", "acme/svd@main"]).status == .exited(0))
      #expect(!files.fileExists(atPath: place))
    }
  }

  @Test func `are never fetched only because they are named`() async throws {
    try await StandIn.with { hub in
      for command in [["generate", "x.png"], ["serve"]] {
        let outcome = try await Command.run(hub, command + ["--model", "acme/svd"])
        #expect(outcome.status != .exited(0))
        #expect(outcome.error.contains("acme/svd is neither a folder nor a model in \(hub.folder)"))
        #expect(outcome.error.contains("`zoetrope pull acme/svd` fetches it"))
      }
      #expect(try await hub.log().isEmpty)
    }
  }

  @Test func `are used by their names`() async throws {
    try await StandIn.with(["acme/tiny": Command.tinyCheckpoint()]) { hub in
      let pulled = try await Command.run(hub, ["pull", "acme/tiny"])
      try #require(pulled.status == .exited(0), "\(pulled.error)")
      let folder = try #require(pulled.lines.first)
      let tests = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
      let clip = hub.folder + "/clip.mp4"
      let arguments = [
        "generate", "/\(tests)/ZoetropeTests/Assets/lake-sherburne.jpg", "--model", "acme/tiny",
        "--width", "64", "--height", "64", "--num-frames", "2", "--num-inference-steps", "1", "-o",
        clip, "--device", "cpu",
      ]
      let outcome = try await Command.run(hub, arguments)
      #expect(outcome.status == .exited(0), "\(outcome.error)")
      let made = FileManager.default.contents(atPath: clip) ?? Data()
      #expect(String(decoding: made, as: UTF8.self).contains(#""name":"tiny""#))
      // Half of a model is not used.
      try FileManager.default.removeItem(atPath: folder + "/vae/config.json")
      let half = try await Command.run(hub, arguments)
      #expect(half.error.contains("vae/config.json is not in"), "\(half.error)")
    }
  }
}
