// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Subprocess
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct `zoetrope pull` {
  @Test func `prints the folder, and says what it did`() async throws {
    try await StandIn.with { hub in
      let outcome = try await Command.run(hub, ["pull", "acme/svd"])
      #expect(outcome.status == .exited(0), "\(outcome.error)")
      let folder = try #require(outcome.lines.first)
      #expect(FileManager.default.fileExists(atPath: folder + "/model_index.json"))
      #expect(outcome.error.contains("acme/svd at "))
      #expect(outcome.error.contains("1.0 MB fetched in"))
      let refused = try await Command.run(hub, ["pull", "acme/nothing"])
      #expect(refused.status != .exited(0))
      #expect(refused.error.split(separator: "\n").count == 1, "\(refused.error)")
    }
  }

  /// Which bytes of which large files are in a cache, by their hashes.
  private static func there(_ cache: String, _ sizes: [String: Int]) -> [String: [Range<Int>]] {
    let blobs = cache + "/models--acme--svd/blobs"
    return sizes.reduce(into: [:]) { there, file in
      let whole = FileManager.default.fileExists(atPath: "\(blobs)/\(file.key)")
      there[file.key] =
        whole
        ? [0..<file.value]
        : PartialFile.ranges("\(blobs)/\(file.key).zoetrope.incomplete", size: file.value)
    }
  }

  /// `Tools/kill-pull.sh` has it killed more often.
  @Test func `goes on after it was killed, with the right result and no byte fetched again`()
    async throws
  {
    let kills = ProcessInfo.processInfo.environment["ZOETROPE_KILLS"].flatMap { Int($0) } ?? 3
    var model = Sample.model
    let unet = Sample.bytes(100_000_007, seed: 9)
    model["unet/diffusion_pytorch_model.fp16.safetensors"] = unet
    try await StandIn.with(["acme/svd": model]) { [model] hub in
      let cache = hub.folder + "/cache"
      var sizes: [String: Int] = [:]
      var before = 0
      for kill in 0...kills {
        let isLast = kill == kills
        // Each time a little more comes before all falls silent, sooner or later.
        let bytes = 90_000_000 / (kills * 7) + 1000 * kill
        try await hub.set(
          rules: isLast ? "[]" : #"[{"on": "files", "do": "stall", "bytes": \#(bytes)}]"#
        )
        try await hub.forget()
        let there = Self.there(cache, sizes)
        if isLast {
          let outcome = try await Command.run(hub, ["pull", "acme/svd"])
          #expect(outcome.status == .exited(0), "\(outcome.error)")
        } else {
          try await Self.killed(hub) { requests in
            requests.count { $0.state == "stalled" } > kill % 6
          }
        }
        for request in try await hub.fileRequests() {
          let hash = String(request.path.dropFirst())
          let size = hash.isEmpty ? 0 : try Self.size(hub, hash, model)
          sizes[hash] = size
          let asked = request.bytes(of: size)
          for range in there[hash] ?? [] {
            #expect(!range.overlaps(asked), "\(asked) of \(hash) was asked for again")
          }
        }
        let count = Self.there(cache, sizes).values.joined().reduce(0) { $0 + $1.count }
        #expect(count > before)
        before = count
      }
      let snapshots = cache + "/models--acme--svd/snapshots"
      let commit = try #require(
        try FileManager.default.contentsOfDirectory(atPath: snapshots).first
      )
      for path in Sample.needed {
        let bytes = FileManager.default.contents(atPath: "\(snapshots)/\(commit)/\(path)")
        #expect(bytes == model[path].map { Data($0) })
      }
      let blobs = try FileManager.default.contentsOfDirectory(
        atPath: cache + "/models--acme--svd/blobs"
      )
      #expect(!blobs.contains { $0.contains("incomplete") })
    }
  }

  /// The size of a large file, which the list in the cache tells.
  private static func size(_ hub: StandIn, _ hash: String, _ model: [String: [UInt8]]) throws -> Int
  {
    struct Tree: Decodable {
      struct File: Decodable {
        let lfs_sha256: String?
        let size: Int
      }
      let files: [String: File]
    }
    let folder = "\(hub.folder)/cache/models--acme--svd/trees"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    let data = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
    let tree = try JSONDecoder().decode(Tree.self, from: data)
    return try #require(tree.files.values.first { $0.lfs_sha256 == hash }).size
  }

  /// Runs the program until a condition holds, and kills it then.
  private static func killed(
    _ hub: StandIn,
    when condition: ([StandIn.Request]) -> Bool
  ) async throws {
    let result = try await Subprocess.run(
      .path(Command.zoetrope),
      arguments: ["pull", "acme/svd"],
      environment: Command.environment(hub, "cache"),
      input: .none,
      output: .discarded,
      error: .discarded
    ) { execution in
      try await hub.until(condition)
      try execution.send(signal: .kill)
    }
    #expect(result.terminationStatus == .signaled(9))
  }
}
