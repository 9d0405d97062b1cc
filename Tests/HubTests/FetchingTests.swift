// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Fetching a model` {
  static func model(_ text: String = "acme/svd") throws -> ModelReference {
    try #require(ModelReference(text))
  }

  private static func pull(
    _ settings: HubSettings,
    _ name: String = "acme/svd"
  ) async throws
    -> ModelFetcher.Fetched
  {
    try await ModelFetcher(settings).pull(model(name))
  }

  /// The error of a call that must fail.
  private static func failure(
    _ settings: HubSettings,
    _ name: String = "acme/svd"
  ) async throws
    -> HubError
  {
    do {
      _ = try await pull(settings, name)
      Issue.record("nothing failed")
    } catch let error as HubError { return error }
    return HubError(.fileSystem, "")
  }

  /// Whether ranges cover a file, and no byte of it twice.
  static func areOnce(_ ranges: [Range<Int>], of size: Int) -> Bool {
    var end = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard range.lowerBound == end else { return false }
      end = range.upperBound
    }
    return end == size
  }

  @Test func `brings what the pipeline needs, every byte once, and nothing else`() async throws {
    try await StandIn.with { hub in
      let fetched = try await Self.pull(hub.settings())
      #expect(fetched.files == Sample.needed.count)
      #expect(fetched.bytes == Sample.neededBytes)
      #expect(fetched.fetchedBytes == Sample.neededBytes)
      for path in Sample.needed {
        #expect(
          FileManager.default.contents(atPath: "\(fetched.folder)/\(path)")
            == Sample.model[path].map { Data($0) }
        )
      }
      let kept = try hub.contents("cache").keys.filter { $0.contains("/snapshots/") }
        .filter { $0.contains(".") }
      #expect(kept.count == Sample.needed.count)
      let requests = try await hub.fileRequests()
      let ranges = Dictionary(grouping: requests, by: \.path).mapValues(\.count)
      // The unet's weights in pieces, two other files whole.
      #expect(ranges.values.sorted() == [1, 1, 16])
      let unet = requests.filter { request in requests.count { $0.path == request.path } > 1 }
      #expect(Self.areOnce(unet.map { $0.bytes(of: Sample.unet.count) }, of: Sample.unet.count))
      try await hub.forget()
      let again = try await Self.pull(hub.settings())
      #expect(again.fetchedBytes == 0)
      #expect(again.folder == fetched.folder)
      #expect(try await hub.log().map(\.path) == ["/api/models/acme/svd/revision/main"])
      // A commit says all by itself.
      try await hub.forget()
      _ = try await Self.pull(hub.settings(), "acme/svd@\(fetched.commit)")
      #expect(try await hub.log().isEmpty)
    }
  }

  @Test func `takes the weights that are asked for, or that are there`() async throws {
    try await StandIn.with { hub in
      let model = try Self.model()
      let plain = try await ModelFetcher(hub.settings()).pull(model, .plain)
      let whole = plain.folder + "/unet/diffusion_pytorch_model.safetensors"
      #expect(FileManager.default.fileExists(atPath: whole))
      #expect(try await ModelFetcher(hub.settings()).pull(model).fetchedBytes == 0)
      let half = try await ModelFetcher(hub.settings()).pull(model, .variant("fp16"))
      #expect(half.fetchedBytes == Sample.unet.count + 15_000)
    }
  }

  @Test func `brings every shard of weights that are in several files`() async throws {
    let stem = "unet/diffusion_pytorch_model"
    var files = Sample.model.filter { !$0.key.hasPrefix(stem) }
    files["\(stem).safetensors.index.fp16.json"] = Array("{}".utf8)
    for shard in 1...2 {
      files["\(stem).fp16-0000\(shard)-of-00002.safetensors"] = Sample.bytes(999, seed: 8)
    }
    try await StandIn.with(["acme/svd": files]) { hub in
      let fetched = try await Self.pull(hub.settings())
      #expect(fetched.files == Sample.needed.count + 2)
      #expect(
        FileManager.default.fileExists(
          atPath: "\(fetched.folder)/\(stem).fp16-00002-of-00002.safetensors"
        )
      )
    }
  }

  @Test func `remembers what a branch stands for`() async throws {
    try await StandIn.with { hub in
      let fetched = try await Self.pull(hub.settings(), "acme/svd@refs/pr/1")
      let refs = "\(hub.folder)/cache/models--acme--svd/refs"
      let kept = FileManager.default.contents(atPath: refs + "/refs/pr/1")
      #expect(kept == Data(fetched.commit.utf8))
      #expect(!FileManager.default.fileExists(atPath: refs + "/main"))
    }
  }

  @Test func `sends its token to the Hub and to nobody else`() async throws {
    try await StandIn.with(["gated/svd": Sample.model]) { hub in
      var settings = hub.settings()
      settings.token = "hf_right"
      _ = try await Self.pull(settings, "gated/svd")
      let requests = try await hub.log()
      #expect(requests.filter { $0.port == "hub" }.allSatisfy { $0.token == "Bearer hf_right" })
      #expect(requests.contains { $0.port == "files" })
      #expect(requests.filter { $0.port == "files" }.allSatisfy { $0.token == nil })
    }
  }

  @Test func `says what to do where it is refused`() async throws {
    try await StandIn.with(["gated/svd": Sample.model, "private/svd": Sample.model]) { hub in
      var settings = hub.settings()
      let page = "\(hub.address)/gated/svd"
      var error = try await Self.failure(settings, "gated/svd")
      #expect(error.code == .refused)
      #expect(error.message.contains("accept its licence at \(page) and give a token"))
      error = try await Self.failure(settings, "private/svd")
      #expect(error.code == .notFound)
      #expect(error.message.contains("or it is private"))
      settings.token = "hf_stranger"
      error = try await Self.failure(settings, "gated/svd")
      #expect(error.message.contains("accept its licence at \(page) with the account"))
      error = try await Self.failure(settings, "gated/nothing")
      #expect(error.message.contains("there is no model gated/nothing"))
      settings.token = "hf_old"
      error = try await Self.failure(settings, "gated/svd")
      #expect(error.message.contains("does not accept the token"))
      settings.token = "hf_right"
      error = try await Self.failure(settings, "gated/svd@v9")
      #expect(error.message.contains("has no revision v9"))
    }
  }

  @Test func `waits as long as it is asked to`() async throws {
    try await StandIn.with { hub in
      try await hub.set(
        rules: """
          [{"path": "/revision/", "times": 1, "do": "status", "status": 429,
            "headers": {"Retry-After": "77"}},
           {"path": "/tree/", "times": 1, "do": "status", "status": 429,
            "headers": {"RateLimit": "\\"api\\";r=0;t=55"}},
           {"on": "files", "skip": 3, "times": 2, "do": "status", "status": 503}]
          """
      )
      let clock = PatientClock()
      let fetched = try await Self.pull(hub.settings(clock: clock))
      #expect(fetched.fetchedBytes == Sample.neededBytes)
      #expect(clock.waits.filter { $0 > .seconds(10) } == [.seconds(77), .seconds(55)])
      #expect(clock.waits.count { $0 >= .seconds(1) } == 4)
    }
  }

  @Test func `gives up in the end, keeps what has come, and goes on with it`() async throws {
    try await StandIn.with { hub in
      try await hub.set(
        rules: #"[{"on": "files", "skip": 9, "do": "status", "status": 500}]"#
      )
      let error = try await Self.failure(hub.settings())
      #expect(error.code == .unreachable)
      #expect(error.message.contains("in 8 tries: 127.0.0.1 answers 500"), "\(error)")
      try await hub.set(rules: "[]")
      let blobs = "\(hub.folder)/cache/models--acme--svd/blobs"
      let size = Sample.unet.count
      let ranges =
        try FileManager.default.contentsOfDirectory(atPath: blobs)
        .map { PartialFile.ranges("\(blobs)/\($0)", size: size) }.first { !$0.isEmpty } ?? []
      #expect(!ranges.isEmpty)
      try await hub.forget()
      _ = try await Self.pull(hub.settings())
      let requests = try await hub.fileRequests().filter { $0.range != nil }
      for range in ranges {
        #expect(!requests.contains { $0.bytes(of: size).overlaps(range) })
      }
    }
  }

  @Test func `goes on where a connection was cut`() async throws {
    try await StandIn.with { hub in
      try await hub.set(rules: #"[{"on": "files", "times": 30, "do": "cut", "bytes": 20000}]"#)
      let fetched = try await Self.pull(hub.settings())
      #expect(fetched.fetchedBytes == Sample.neededBytes)
      let requests = try await hub.fileRequests()
      #expect(requests.contains { ($0.bytes(of: 0).lowerBound % (64 << 10)) == 20_000 })
    }
  }

  @Test func `takes another connection in place of one that has gone silent`() async throws {
    try await StandIn.with { hub in
      try await hub.set(
        rules: #"[{"on": "files", "skip": 5, "times": 1, "do": "stall", "bytes": 1000}]"#
      )
      let clock = PatientClock()
      let settings = hub.settings(clock: clock)
      async let fetched = Self.pull(settings)
      try await hub.until { $0.contains { $0.state == "stalled" } }
      // One whose bytes have not been seen yet is given another chance.
      while try await hub.log().contains(where: { $0.state == "stalled" }) {
        clock.loseFaith()
        try await Task.sleep(for: .milliseconds(50))
      }
      #expect(try await fetched.fetchedBytes == Sample.neededBytes)
    }
  }

  @Test func `keeps nothing that does not have its hash`() async throws {
    try await StandIn.with { hub in
      try await hub.set(
        rules: #"[{"on": "files", "skip": 7, "times": 1, "do": "damage"}]"#
      )
      let error = try await Self.failure(hub.settings())
      #expect(error.code == .damaged)
      #expect(error.message.contains(".safetensors of acme/svd came without its hash sha256:"))
      let fetched = try await Self.pull(hub.settings())
      let unet = "\(fetched.folder)/unet/diffusion_pytorch_model.fp16.safetensors"
      #expect(FileManager.default.contents(atPath: unet) == Data(Sample.unet))
      // Small files too.
      try await hub.set(rules: #"[{"path": "resolve-cache.*/vae/", "do": "damage"}]"#)
      let small = try await Self.failure(hub.settings("other"))
      #expect(small.message.contains("vae/config.json of acme/svd came without its hash git:"))
    }
  }

  @Test func `begins anew with what an earlier call left damaged`() async throws {
    try await StandIn.with { hub in
      try await hub.set(rules: #"[{"on": "files", "skip": 9, "do": "status", "status": 500}]"#)
      _ = try await Self.failure(hub.settings())
      try await hub.set(rules: "[]")
      let cache = "\(hub.folder)/cache"
      for path in try FileManager.default.subpathsOfDirectory(atPath: cache)
      where path.hasSuffix(".zoetrope.incomplete") {
        let file = URL(filePath: "\(cache)/\(path)")
        var data = try Data(contentsOf: file)
        // Every piece's first byte: those that have come are now wrong.
        for offset in stride(from: 0, to: min(data.count, 15_000), by: 64 << 10) {
          data[offset] ^= 1
        }
        try data.write(to: file)
      }
      let fetched = try await Self.pull(hub.settings())
      let unet = "\(fetched.folder)/unet/diffusion_pytorch_model.fp16.safetensors"
      #expect(FileManager.default.contents(atPath: unet) == Data(Sample.unet))
    }
  }

  @Test func `does without ranges where there are none`() async throws {
    try await StandIn.with { hub in
      try await hub.set(rules: #"[{"on": "files", "do": "whole"}]"#)
      #expect(try await Self.pull(hub.settings()).fetchedBytes == Sample.neededBytes)
    }
  }

  @Test func `asks for a new address when a signed one has expired`() async throws {
    try await StandIn.with { hub in
      try await hub.set(
        rules: #"[{"on": "files", "skip": 9, "times": 3, "do": "status", "status": 403}]"#
      )
      #expect(try await Self.pull(hub.settings()).fetchedBytes == Sample.neededBytes)
    }
  }

  @Test func `asks for nothing that the disk has no room for`() async throws {
    try await StandIn.with { hub in
      var settings = hub.settings()
      settings.freeSpace = { _ in 100_000 }
      let error = try await Self.failure(settings)
      #expect(error.code == .diskFull)
      #expect(error.message.contains("set HF_HUB_CACHE to a folder on another disk"))
      #expect(try await hub.fileRequests().isEmpty)
    }
  }

  @Test func `asks nobody when it is told to be offline`() async throws {
    try await StandIn.with { hub in
      var settings = hub.settings()
      settings.isOffline = true
      let error = try await Self.failure(settings)
      #expect(error.message.contains("HF_HUB_OFFLINE forbids to fetch it"))
      let fetched = try await Self.pull(hub.settings())
      try await hub.forget()
      #expect(try await Self.pull(settings).folder == fetched.folder)
      try FileManager.default.removeItem(atPath: fetched.folder + "/vae/config.json")
      let missing = try await Self.failure(settings)
      #expect(missing.message.contains("vae/config.json is not in"))
      #expect(try await hub.log().isEmpty)
    }
  }

  @Test func `refuses what it could not use before it fetches it`() async throws {
    var pickled = Sample.model.filter { $0.key != "vae/diffusion_pytorch_model.safetensors" }
    pickled["vae/diffusion_pytorch_model.bin"] = [0]
    var other = Sample.model
    other["model_index.json"] = Array(#"{"_class_name": "FluxPipeline"}"#.utf8)
    let none = Sample.model.filter { $0.key != "model_index.json" }
    let models = ["a/pickled": pickled, "a/other": other, "a/none": none]
    try await StandIn.with(models) { hub in
      for (name, message) in [
        ("a/pickled", "vae/diffusion_pytorch_model.bin, a pickle, which can run anything"),
        ("a/other", "a/other is a FluxPipeline, not a StableVideoDiffusionPipeline"),
        ("a/none", "a/none has no model_index.json"),
      ] {
        let error = try await Self.failure(hub.settings(), name)
        #expect(error.code == .unusable)
        #expect(error.message.contains(message), "\(error)")
      }
      #expect(try await hub.fileRequests().isEmpty)
    }
  }

  @Test func `fetches once what two ask for at the same time`() async throws {
    try await StandIn.with { hub in
      async let first = Self.pull(hub.settings())
      async let second = Self.pull(hub.settings())
      #expect(try await first.folder == second.folder)
      let requests = try await hub.fileRequests()
      #expect(Set(requests.map { "\($0.path) \($0.range ?? "")" }).count == requests.count)
    }
  }

  @Test func `reaches the Hub through a proxy, and the excepted hosts without`() async throws {
    try await StandIn.with { hub in
      var settings = hub.settings()
      settings.endpoint = "http://hub.invalid"
      settings.proxies = try Proxies(environment: [
        "http_proxy": hub.address, "no_proxy": "localhost, 127.0.0.1",
      ])
      #expect(try await Self.pull(settings).fetchedBytes == Sample.neededBytes)
    }
  }
}
