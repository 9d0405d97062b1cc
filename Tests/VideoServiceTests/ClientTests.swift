// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService
import ZoetropeClient

@Suite(.timeLimit(.minutes(15))) struct `The Swift client` {
  private func client(_ server: LiveServer, key: String? = nil) -> ZoetropeClient {
    ZoetropeClient(server: "http://127.0.0.1:\(server.port)/", key: key)
  }

  @Test func `gets a clip with all its parameters`() async throws {
    let generator = StubGenerator()
    var parameters = ClipParameters()
    parameters.decodeChunkSize = 3
    parameters.seed = .max
    parameters.frameCount = 14
    parameters.stepCount = 20
    parameters.minimumGuidance = 1.5
    parameters.maximumGuidance = 2.5
    parameters.framesPerSecond = 8
    parameters.motionBucket = 100
    parameters.noiseAugmentation = 0.1
    parameters.width = 512
    parameters.height = 320
    parameters.fit = "crop"
    parameters.format = "webm"
    parameters.playback = "ping-pong"
    parameters.guidanceShape = "triangle"
    parameters.guidanceScales = [1, 2.5, 3]
    parameters.model = "stub"
    try await LiveServer.with(generator) { server in
      let clip = try await client(server).generate(picture: picture, parameters)
      #expect(Data(clip.bytes) == StubGenerator.clip)
      #expect(clip.contentType == "video/webm")
      #expect(clip.seed == .max)
      let plain = try await client(server).generate(picture: picture)
      #expect(plain.contentType == "video/mp4")
    }
    // A job draws its seed when it is accepted, so that a second try makes the same clip.
    var plain = ClipRequest()
    plain.model = "stub"
    plain.seed = generator.state.requests.last?.seed
    #expect(plain.seed != nil)
    #expect(generator.state.requests == [everyParameter, plain])
    #expect(generator.state.pictures == [Data(picture), Data(picture)])
  }

  @Test func `runs, repeats and cancels tasks`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence(), onlyFor: 13)
    try await LiveServer.with(generator) { server in
      let task = try await client(server).submit(picture: picture)
      let clip = try await task.clip(askingEvery: .milliseconds(5))
      #expect(Data(clip.bytes) == StubGenerator.clip)
      #expect(try await task.status() == .completed)
      let again = try await task.retry()
      #expect(again.id != task.id)
      #expect(try await again.clip(askingEvery: .milliseconds(5)).bytes.count == clip.bytes.count)
      var held = ClipParameters()
      held.seed = 13
      let hopeless = try await client(server).submit(picture: picture, held)
      try await until { generator.state.running == 1 }
      try await hopeless.cancel()
      let error = await #expect(throws: ClientError.self) { try await hopeless.clip() }
      #expect(error?.code == .cancelled)
      try await until { generator.state.running == 0 }
    }
  }

  @Test func `has several clips made of one picture`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      var parameters = ClipParameters()
      parameters.seed = 7
      parameters.format = "webm"
      let counted = try await client(server).submit(picture: picture, parameters, count: 3)
      let chosen = try await client(server).submit(picture: picture, seeds: [21, .max])
      var seeds: [UInt64?] = []
      for task in counted + chosen {
        let clip = try await task.clip(askingEvery: .milliseconds(5))
        #expect(Data(clip.bytes) == StubGenerator.clip)
        seeds.append(clip.seed)
        #expect(try await task.status() == .completed)
        #expect(clip.contentType == (task.id == chosen.last?.id ? "video/mp4" : clip.contentType))
      }
      #expect(seeds == [7, 8, 9, 21, .max])
      // Another process goes on with an id.
      let later = client(server).job(counted[0].id)
      #expect(try await later.clip().contentType == "video/webm")
      let again = try await later.retry()
      #expect(again.id != later.id)
      #expect(try await again.clip().seed == 7)
      let error = await #expect(throws: ClientError.self) {
        try await client(server).submit(picture: picture, count: 17)
      }
      #expect(error?.message == "num_clips must be from 1 to 16, not 17")
    }
    #expect(generator.state.requests.count == 6)
  }

  @Test func `has a clip gone on from`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let task = try await client(server).submit(picture: picture)
      let clip = try await task.clip()
      let longer = try await task.extend(frameCount: 10, seed: 5)
      #expect(try await longer.clip().seed == 5)
      let longest = try await longer.extend()
      #expect(try await longest.clip().seed != clip.seed)
      var gif = ClipParameters()
      gif.playback = "loop"
      let closed = try await client(server).submit(picture: picture, gif)
      _ = try await closed.clip()
      let error = await #expect(throws: ClientError.self) { try await closed.extend() }
      #expect(error?.code == .refused(status: 409))
    }
    let requests = generator.state.requests
    #expect(requests.map(\.continuedFrames) == [nil, 25, 25, nil])
    #expect(requests[1].frameCount == 10)
    #expect(requests[1].seed == 5)
    #expect(generator.state.pictures[1] == StubGenerator.clip)
  }

  @Test func `says why one of several clips was not made, and cancels others`() async throws {
    let generator = StubGenerator(
      heldUntil: Occurrence(),
      onlyFor: 13,
      failure: ClipError(.badPicture, "that is no picture")
    )
    try await LiveServer.with(generator) { server in
      let tasks = try await client(server).submit(picture: picture, seeds: [1, 13])
      let error = await #expect(throws: ClientError.self) { try await tasks[0].clip() }
      #expect(error?.code == .failed)
      #expect(error?.message == "that is no picture")
      try await until { generator.state.running == 1 }
      try await tasks[1].cancel()
      let end = await #expect(throws: ClientError.self) { try await tasks[1].clip() }
      #expect(end?.code == .cancelled)
    }
  }

  @Test func `chooses among the models of a server`() async throws {
    let generators = ["a": StubGenerator(), "b": StubGenerator()]
    let models = generators.sorted { $0.key < $1.key }.map { StubModel($0.key, $0.value) }
    try await LiveServer.with(models: .stub(models)) { server in
      #expect(try await client(server).models() == ["a", "b"])
      var parameters = ClipParameters()
      parameters.model = "b"
      _ = try await client(server).generate(picture: picture, parameters)
      #expect(generators["a"]?.state.requests.count == 0)
      #expect(generators["b"]?.state.requests.map(\.model) == ["b"])
      parameters.model = "c"
      let error = await #expect(throws: ClientError.self) {
        try await client(server).submit(picture: picture, parameters, count: 2)
      }
      #expect(error?.message == "model must be one of a, b, not c")
    }
  }

  @Test func `says what the server says`() async throws {
    try await LiveServer.with { server in
      var parameters = ClipParameters()
      parameters.framesPerSecond = 31
      parameters.width = 1
      let error = await #expect(throws: ClientError.self) {
        try await client(server).generate(picture: picture, parameters)
      }
      #expect(error?.code == .refused(status: 400))
      #expect(
        error?.message == "fps must be from 1 to 30, not 31; width must be from 64 to 2048, not 1"
      )
      let missing = await #expect(throws: ClientError.self) {
        try await client(server).task("none").status()
      }
      #expect(missing?.code == .refused(status: 404))
    }
  }

  @Test func `shows its key`() async throws {
    let key = APIKeys.random()
    let keys = try APIKeys(text: APIKeys.line(for: key, named: "a"))
    let generator = StubGenerator()
    try await LiveServer.with(generator, { _, settings in settings.keys = keys }) { server in
      let clip = try await client(server, key: key).generate(picture: picture)
      #expect(clip.seed == generator.state.requests.first?.seed)
      let error = await #expect(throws: ClientError.self) {
        try await client(server).generate(picture: picture)
      }
      #expect(error?.code == .refused(status: 401))
    }
  }

  @Test func `comes back when the server is too busy, and not for ever`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release, onlyFor: 13)
    try await LiveServer.with(generator, jobs: { $0.queue = 0 }) { server in
      var held = ClipParameters()
      held.seed = 13
      let running = try await client(server).submit(picture: picture, held)
      try await until { generator.state.running == 1 }
      var impatient = client(server)
      impatient.retries = 0
      let error = await #expect(throws: ClientError.self) {
        try await impatient.generate(picture: picture)
      }
      #expect(error?.code == .refused(status: 429))
      async let later = client(server).generate(picture: picture)
      try await running.cancel()
      #expect(try await later.bytes.count == StubGenerator.clip.count)
    }
  }

  @Test func `stops the work when nobody waits for it any more`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    try await LiveServer.with(generator) { server in
      let waiting = Task { try await client(server).generate(picture: picture) }
      try await until { generator.state.running == 1 }
      waiting.cancel()
      await #expect(throws: (any Error).self) { try await waiting.value }
      try await until { generator.state.running == 0 }
    }
  }

  @Test func `says that nobody listens`() async throws {
    var client = ZoetropeClient(server: "http://127.0.0.1:1")
    client.retries = 1
    let error = await #expect(throws: ClientError.self) {
      try await client.generate(picture: picture)
    }
    #expect(error?.code == .unreachable)
  }
}
