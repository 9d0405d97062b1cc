// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Synchronization
import Testing
import VideoService

/// A form, as it goes over the wire to any path.
private func post(_ path: String, _ parts: [[UInt8]]) -> [UInt8] {
  Array("POST \(path) ".utf8) + request(parts).dropFirst("POST /generate ".utf8.count)
}

@Suite(.timeLimit(.minutes(15))) struct `Several models` {
  private let generators = [StubGenerator(), StubGenerator()]

  private func models() -> [StubModel] {
    [StubModel("a", generators[0]), StubModel("b", generators[1])]
  }

  /// How many clips each of them made.
  private var counts: [Int] { generators.map { $0.state.requests.count } }

  private func json(_ server: LiveServer, _ request: [UInt8]) async throws -> JSON {
    let answer = try await server.exchange(request)
    return try #require(JSON(parsing: answer.body), "\(answer.text)")
  }

  /// A job once it has ended.
  private func ended(_ server: LiveServer, _ id: String) async throws -> JSON {
    while true {
      let job = try await json(server, plain("GET", "/jobs/\(id)"))
      if job["ended_at"]?.text != "null" { return job }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  private func text(_ value: JSON?) throws -> String {
    guard case .string(let text) = try #require(value) else { throw CancellationError() }
    return text
  }

  @Test func `are chosen by name, whatever the API`() async throws {
    try await LiveServer.with(models: .stub(models())) { server in
      try await server.expect(200, for: request([imagePart]))
      #expect(counts == [1, 0])
      try await server.expect(200, for: request([imagePart, part("model", "b")]))
      #expect(counts == [1, 1])
      try await server.expect(200, for: request([imagePart, part("model", "null")]))
      #expect(counts == [2, 1])
      let job = try await json(server, post("/jobs", [imagePart, part("model", "b")]))
      let made = try await ended(server, text(job["id"]))
      #expect(made["model"]?.text == #""b""#)
      #expect(made["model_digest"]?.text == #""digest of b""#)
      #expect(made["parameters"]?["model"]?.text == #""b""#)
      #expect(counts == [2, 2])
      let task = try await json(server, post("/generate/submit", [imagePart, part("model", "b")]))
      _ = try await ended(server, text(task["task_id"]))
      #expect(counts == [2, 3])
      let generation = try await json(
        server,
        post("/v2beta/image-to-video", [imagePart, part("model", "b")])
      )
      _ = try await ended(server, text(generation["id"]))
      #expect(counts == [2, 4])
      // What OpenAI's clients send by themselves means the default.
      let reference = part("input_reference", picture, fileName: "a.png", type: "image/png")
      for (name, expected) in [("sora-2", [3, 4]), ("b", [3, 5])] {
        let video = try await json(server, post("/v1/videos", [reference, part("model", name)]))
        _ = try await ended(server, String(try text(video["id"]).dropFirst("video_".count)))
        #expect(counts == expected)
      }
    }
  }

  @Test(arguments: ["/generate", "/generate/submit", "/jobs", "/v2beta/image-to-video"])
  func `that are not there are refused, with the names of those that are`(
    path: String
  ) async throws {
    try await LiveServer.with(models: .stub(models())) { server in
      let answer = try await server.exchange(post(path, [imagePart, part("model", "c")]))
      #expect(answer.status == 400)
      #expect(answer.text.contains("model must be one of a, b, not c"), "\(answer.text)")
      #expect(server.kept == [])
    }
    #expect(counts == [0, 0])
  }

  @Test func `are listed as OpenAI's clients read it, and offered in forms`() async throws {
    try await LiveServer.with(models: .stub(models())) { server in
      let list = try await json(server, plain("GET", "/v1/models"))
      #expect(list["object"]?.text == #""list""#)
      let (first, second) = (list["data"]?[0], list["data"]?[1])
      #expect(first?["id"]?.text == #""a""#)
      #expect(first?["object"]?.text == #""model""#)
      for (model, word) in [(first, "true"), (second, "false")] {
        #expect(model?["is_default"]?.text == word)
        #expect(model?["is_loaded"]?.text == word)
      }
      #expect(list["data"]?[2] == nil)
      #expect(try await json(server, plain("GET", "/v1/models/b")).sorted == second?.sorted)
      try await server.expect(404, for: plain("GET", "/v1/models/c"))
      let schema = try await json(server, plain("GET", "/schema.json"))
      let field = schema["routes"]?[0]?["input"]?["properties"]?["model"]
      #expect(field?["enum"]?.text == #"["a","b",null]"#)
    }
  }

  @Test func `are loaded when they are asked for, and the job says so`() async throws {
    let release = Occurrence()
    let slow = StubModel("b") {
      await release.wait()
      return StubGenerator()
    }
    let registry = PrometheusRegistry()
    let shelf = ModelShelf.stub([StubModel("a"), slow]) { $0.metrics = registry }
    try await LiveServer.with(models: shelf, metrics: registry) { server in
      #expect(registry.text.contains(#"zoetrope_model_loaded{model="b"} 0.0"#))
      let job = try await json(server, post("/jobs", [imagePart, part("model", "b")]))
      let path = "/jobs/\(try text(job["id"]))"
      while try await json(server, plain("GET", path))["stage"]?.text != #""load""# {
        try await Task.sleep(for: .milliseconds(1))
      }
      #expect(slow.loads == 1)
      #expect(shelf.loadedNames == ["a"])
      release.happen()
      let made = try await ended(server, text(job["id"]))
      #expect(made["state"]?.text == #""succeeded""#)
      #expect(shelf.loadedNames == ["a", "b"])
      try await server.expect(200, for: request([imagePart, part("model", "b")]))
      #expect(slow.loads == 1)
      #expect(registry.text.contains(#"zoetrope_model_loaded{model="b"} 1.0"#))
      #expect(registry.text.contains(#"zoetrope_model_load_seconds{model="b"}"#))
      #expect(
        registry.text.contains(#"zoetrope_jobs_total{model="b",state="succeeded"} 2.0"#),
        "\(registry.text)"
      )
    }
  }

  @Test func `that cannot be loaded fail their jobs, and others are served`() async throws {
    let torn = StubModel("c") { throw ClipError(.internal, "/secret/unet is torn") }
    let shelf = ModelShelf.stub([StubModel("a"), torn])
    try await LiveServer.with(models: shelf) { server in
      let answer = try await server.exchange(request([imagePart, part("model", "c")]))
      #expect(answer.status == 503)
      #expect(answer.text.contains("the model c cannot be loaded"), "\(answer.text)")
      #expect(!answer.text.contains("secret"))
      try await server.expect(200, for: request([imagePart]))
      try await server.expect(200, for: plain("GET", "/readyz"))
      // Tried again, since the files may be right by now.
      try await server.expect(503, for: request([imagePart, part("model", "c")]))
      #expect(torn.loads == 2)
      #expect(shelf.loadedNames == ["a"])
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Models in memory` {
  let folder = StoreFolder()

  /// Has a clip made.
  private func make(_ jobs: VideoJobs, _ model: String) async throws -> VideoJob {
    try await jobs.wait(for: folder.submit(jobs, model: model).id)
  }

  @Test func `go when nobody asked for them for long enough, and come back`() async throws {
    let timers = ManualTimers()
    // Held by nobody else: what is unloaded must be gone.
    let last = Mutex(WeakGenerator())
    let model = StubModel("a") {
      let generator = StubGenerator()
      last.withLock { $0.generator = generator }
      return generator
    }
    let shelf = ModelShelf.stub([model]) {
      $0.unloadAfter = .seconds(60)
      $0.timers = timers
    }
    try await folder.working(models: shelf) { jobs in
      #expect(try await make(jobs, "a").state == .succeeded)
      // The job may be over a moment before its model is free.
      try await until { timers.count == 1 }
      timers.advance(by: .seconds(59))
      #expect(shelf.loadedNames == ["a"])
      timers.advance(by: .seconds(1))
      try await until { shelf.loadedNames == [] }
      try await until { last.withLock { $0.generator == nil } }
      #expect(try await make(jobs, "a").state == .succeeded)
      #expect(model.loads == 2)
    }
  }

  @Test func `stay while they work`() async throws {
    let timers = ManualTimers()
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    let shelf = ModelShelf.stub([StubModel("a", generator), StubModel("b")]) {
      $0.unloadAfter = .seconds(60)
      $0.timers = timers
    }
    try await folder.working(models: shelf) { jobs in
      let id = try await folder.submit(jobs).id
      try await until { generator.state.running == 1 }
      timers.advance(by: .seconds(3600))
      #expect(shelf.loadedNames == ["a"])
      #expect(timers.count == 0)
      release.happen()
      #expect(try await jobs.wait(for: id).state == .succeeded)
    }
  }

  @Test func `make room for the next, the one that rested longest first`() async throws {
    let shelf = ModelShelf.stub([StubModel("a"), StubModel("b"), StubModel("c")])
    shelf.mostLoaded = 2
    try await folder.working(models: shelf) { jobs in
      for (model, left) in [("b", "ab"), ("a", "ab"), ("c", "ac"), ("b", "bc")] {
        let job = try await make(jobs, model)
        #expect(job.model?.name == model)
        #expect(shelf.loadedNames.joined() == left)
      }
    }
  }

  @Test func `make room where memory does not suffice to load another`() async throws {
    let shelf = Mutex<ModelShelf?>(nil)
    let large = StubModel("c") {
      let others = shelf.withLock { $0?.loadedNames } ?? []
      guard others.count < 2 else { throw ClipError(.outOfMemory, "1 MiB is free") }
      return StubGenerator()
    }
    let impossible = StubModel("d") { throw ClipError(.outOfMemory, "2 MiB are free") }
    let models = ModelShelf.stub([StubModel("a"), StubModel("b"), large, impossible])
    shelf.withLock { $0 = models }
    try await folder.working(models: models) { jobs in
      _ = try await make(jobs, "b")
      #expect(try await make(jobs, "c").state == .succeeded)
      #expect(models.loadedNames == ["b", "c"])
      let failed = try await make(jobs, "d")
      #expect(failed.error?.code == "out-of-resources")
      #expect(failed.error?.message == "model d: 2 MiB are free")
      #expect(models.loadedNames == [])
      #expect(try await make(jobs, "a").state == .succeeded)
    }
    shelf.withLock { $0 = nil }
  }

  @Test func `make room where memory does not suffice to work`() async throws {
    let shelf = Mutex<ModelShelf?>(nil)
    let hungry = HungryGenerator { shelf.withLock { $0?.loadedNames } == ["b"] }
    let models = ModelShelf.stub([StubModel("a"), StubModel("b", hungry)])
    shelf.withLock { $0 = models }
    try await folder.working(models: models) { jobs in
      let job = try await make(jobs, "b")
      #expect(job.state == .succeeded)
      #expect(models.loadedNames == ["b"])
    }
    shelf.withLock { $0 = nil }
  }
}

/// Refers to a generator without keeping it.
private struct WeakGenerator {
  weak var generator: StubGenerator?
}

/// Works only where there is enough memory.
private struct HungryGenerator: ClipGenerating {
  let isEnough: @Sendable () -> Bool
  let generator = StubGenerator()

  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    guard isEnough() else { throw ClipError(.outOfMemory, "1 MiB is free") }
    return try await generator.generate(request, picture: picture, to: output, progress: progress)
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Models that change` {
  let folder = StoreFolder()

  private func model(
    _ name: String,
    _ file: String,
    _ generator: StubGenerator = StubGenerator()
  )
    -> StubModel
  {
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    return StubModel(
      name,
      folder: parts.dropLast().joined(separator: "/"),
      weights: [String(parts.last ?? "")],
      revision: "r1"
    ) { generator }
  }

  @Test func `are loaded anew once they are read again, and others stay`() async throws {
    let files = [try folder.write("a.safetensors", [1]), try folder.write("b.safetensors", [2])]
    defer { for file in files { try? FileManager.default.removeItem(atPath: file) } }
    let (a, b) = (model("a", files[0]), model("b", files[1]))
    let shelf = ModelShelf.stub([a, b])
    try await folder.working(models: shelf) { jobs in
      func make(_ name: String) async throws {
        let job = try await jobs.wait(for: folder.submit(jobs, model: name).id)
        #expect(job.state == .succeeded)
      }
      try await make("b")
      #expect([a.loads, b.loads] == [1, 1])
      _ = try folder.write("b.safetensors", [3, 4])
      try await make("b")
      #expect([a.loads, b.loads] == [1, 1])
      shelf.replace(with: [a, b])
      #expect(shelf.loadedNames == ["a"])
      try await make("a")
      try await make("b")
      #expect([a.loads, b.loads] == [1, 2])
      shelf.replace(with: [a, b])
      #expect(shelf.loadedNames == ["a", "b"])
    }
  }

  @Test func `leave work alone that has begun, and fail what has not and lost its model`()
    async throws
  {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    let shelf = ModelShelf.stub([StubModel("a"), StubModel("b", generator)])
    try await folder.working(models: shelf) { jobs in
      let running = try await folder.submit(jobs, model: "b").id
      try await until { generator.state.running == 1 }
      let waiting = try await folder.submit(jobs, model: "b").id
      shelf.replace(with: [StubModel("a"), StubModel("c")])
      release.happen()
      #expect(try await jobs.wait(for: running).state == .succeeded)
      let failed = try await jobs.wait(for: waiting)
      #expect(failed.error?.code == "model-unavailable")
      #expect(failed.error?.message == "the model b is not served any more; there are a, c")
    }
  }

  @Test func `from one run of the server to the next are those that jobs were accepted for`()
    async throws
  {
    let ids = try await {
      // It accepts, and ends before it begins.
      let jobs = try await folder.open(models: .stub([StubModel("a"), StubModel("b")]))
      return [
        try await folder.submit(jobs).id, try await folder.submit(jobs, model: "b").id,
      ]
    }()
    let (a, b) = (StubGenerator(), StubGenerator())
    try await folder.working(models: .stub([StubModel("b", b), StubModel("a", a)])) { jobs in
      for (id, name) in zip(ids, ["a", "b"]) {
        let job = try await jobs.wait(for: id)
        #expect(job.model?.name == name)
      }
    }
  }

  @Test func `are told by the digests of their weights, which are read once`() async throws {
    let file = try folder.write("a.safetensors", Array("weights".utf8))
    let memory = "\(file).json"
    defer { for path in [file, memory] { try? FileManager.default.removeItem(atPath: path) } }
    let digests = WeightDigests(path: memory)
    let shelf = ModelShelf.stub([model("a", file)]) { $0.digests = digests }
    let first = try await folder.working(models: shelf) { jobs in
      await digests.settle()
      let job = try await jobs.wait(for: folder.submit(jobs).id)
      #expect(job.model?.revision == "r1")
      return try #require(job.model?.files)
    }
    #expect(first.map { file.hasSuffix($0.path) } == [true])
    #expect(
      first[0].sha256 == "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
    )
    // The next server knows at once.
    let later = WeightDigests(path: memory)
    let again = ModelShelf.stub([model("a", file)]) { $0.digests = later }
    try await again.prepare()
    #expect(again.offers.map(\.identity.files) == [first])
    _ = try folder.write("a.safetensors", Array("others".utf8))
    let changed = ModelShelf.stub([model("a", file)]) { $0.digests = WeightDigests(path: memory) }
    #expect(changed.offers.map(\.identity.files) == [nil])
  }
}
