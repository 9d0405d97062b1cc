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
