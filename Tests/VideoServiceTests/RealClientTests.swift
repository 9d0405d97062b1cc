// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

@Suite(
  .enabled(if: PythonClient.python != nil, "ZOETROPE_TEST_PYTHON is not set"),
  // Each of them keeps a core busy while it starts.
  .serialized,
  .timeLimit(.minutes(15))
)
struct `BentoML's own client` {
  /// Runs the client, unchanged, and gives what it saw.
  private func client(
    _ kind: String,
    _ server: LiveServer,
    timeout: Double = 30
  ) async throws -> JSON {
    try await PythonClient.run(
      "bento_client.py",
      [kind, "http://127.0.0.1:\(server.port)", "picture", "\(timeout)"]
    )
  }

  /// The client puts a random word before the name that the server gave.
  private func expectClip(_ seen: JSON) throws {
    #expect(seen["ready"]?.text == "true")
    #expect(seen["clip"]?["bytes"]?.text == "300000")
    #expect(seen["clip"]?["type"]?.text == #""PosixPath""#)
    #expect(seen["clip"]?["name"]?.text.hasSuffix(#"output.mp4""#) == true)
  }

  @Test(arguments: ["sync", "async"])
  func `gets its clip`(kind: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      try expectClip(try await client(kind, server))
      #expect(server.leftovers == [])
    }
    #expect(generator.state.requests.map(\.decodeChunkSize) == [2])
    // One that is left out is drawn when the job is accepted.
    let seeds = generator.state.requests.map(\.seed)
    #expect(seeds.count == 1 && (kind == "sync" ? seeds[0] != nil : seeds[0] == 7))
    #expect(generator.state.pictures == [Data(picture)])
  }

  /// Its patience is shortened from 30 seconds, and the work takes longer.
  @Test(arguments: ["sync", "async"])
  func `waits for a clip that takes longer than its patience`(kind: String) async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = .milliseconds(200) }
    ) { server in
      let work = Task {
        try await until { generator.state.running == 1 }
        try await Task.sleep(for: .seconds(13))
        release.happen()
      }
      try expectClip(try await client(kind, server, timeout: 10))
      try await work.value
    }
  }

  /// What requests is made of; it takes any interim answer but 100 for the final one.
  @Test func `is no worse off than Python's own`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = .milliseconds(100) }
    ) { server in
      let work = Task {
        try await until { generator.state.running == 1 }
        try await Task.sleep(for: .seconds(1))
        release.happen()
      }
      let seen = try await client("urllib", server)
      #expect(seen["status"]?.text == "200")
      #expect(seen["bytes"]?.text == "300000")
      try await work.value
    }
  }

  @Test func `raises the exceptions it has for what is wrong`() async throws {
    try await LiveServer.with { server in
      let errors = try #require(try await client("refused", server)["errors"])
      for (index, words) in [
        "seed must be a whole number, not", "decode_chunk_size must be from 1 to 1024, not 0",
        "image must be sent as a file",
      ].enumerated() {
        #expect(errors[index]?["type"]?.text == #""InvalidArgument""#)
        #expect(errors[index]?["code"]?.text == "400")
        #expect(errors[index]?["text"]?.text.contains(words) == true, "\(errors.text)")
      }
    }
  }

  @Test func `runs tasks, and cancels them`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence(), onlyFor: 13)
    try await LiveServer.with(generator) { server in
      let seen = try await client("tasks", server)
      #expect(seen["then"]?.text == #""completed""#)
      for name in ["clip", "again"] { #expect(seen[name]?["bytes"]?.text == "300000") }
      #expect(seen["cancelled"]?.text == #""canceled""#)
      #expect(seen["error"]?["type"]?.text == #""InvalidArgument""#)
      try await until { generator.state.running == 0 }
    }
    #expect(generator.state.requests.prefix(2).map(\.seed) == [1, 1])
    #expect(generator.state.pictures.prefix(2) == [Data(picture), Data(picture)])
  }

  @Test func `brings a parser that reads our metrics`() async throws {
    try await LiveServer.with { server in
      try await server.expect(200, for: request([imagePart]))
      let seen = try await client("metrics", server)
      #expect(seen["bentoml_service_request"]?.text == #""counter""#)
      #expect(seen["bentoml_service_request_duration_seconds"]?.text == #""histogram""#)
      #expect(seen["bentoml_service_request_in_progress"]?.text == #""gauge""#)
    }
  }

  @Test func `could be made from the OpenAPI document, which is valid`() async throws {
    func check(_ server: LiveServer) async throws {
      let seen = try await client("openapi", server)
      #expect(seen["valid"]?.text == "true")
    }
    try await LiveServer.with { try await check($0) }
    try await LiveServer.with(LibraryService.make()) { try await check($0) }
  }
}
