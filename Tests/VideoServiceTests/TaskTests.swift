// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Tasks` {
  /// Begins a task and gives its id.
  private func submit(_ server: LiveServer, seed: Int = 1) async throws -> String {
    let bytes = request([imagePart, part("seed", "\(seed)")])
    let answer = try await server.exchange(sent(bytes, to: "/generate/submit"))
    #expect(answer.status == 200)
    #expect(answer.headers["content-type"] == "application/json")
    #expect(answer.headers["x-bentoml-request-id"]?.count == 16)
    return try begun(answer)
  }

  private func begun(_ answer: Answer) throws -> String {
    let pattern = /\{"task_id":"([0-9a-f]{32})","status":"in_progress"\}/
    return String(try #require(answer.text.wholeMatch(of: pattern), "\(answer.text)").1)
  }

  /// The request, to another path.
  private func sent(_ bytes: [UInt8], to path: String) -> [UInt8] {
    Array("POST \(path)".utf8) + bytes.dropFirst("POST /generate".utf8.count)
  }

  private func ask(
    _ server: LiveServer,
    _ method: String,
    _ action: String,
    _ id: String
  ) async throws -> Answer {
    try await server.exchange(
      plain(method, "/generate/\(action)?task_id=\(id)"),
      isHead: method == "HEAD"
    )
  }

  private func status(_ server: LiveServer, _ id: String) async throws -> String {
    let answer = try await ask(server, "GET", "status", id)
    return JSON(parsing: answer.body)?["status"]?.text ?? answer.text
  }

  private func waitFor(_ status: String, _ server: LiveServer, _ id: String) async throws {
    while try await self.status(server, id) != "\"\(status)\"" {
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test func `go on without a connection, and their result can be had again and again`()
    async throws
  {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      let id = try await submit(server)
      try await until { generator.state.running == 1 }
      let status = try await ask(server, "GET", "status", id)
      let time = #"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+"#
      let pattern = try Regex(
        #"\{"task_id":"\#(id)","status":"in_progress","created_at":"\#(time)","executed_at":null\}"#
      )
      #expect(status.text.wholeMatch(of: pattern) != nil, "\(status.text)")
      for (method, action) in [("GET", "get"), ("POST", "retry")] {
        let early = try await ask(server, method, action, id)
        #expect(early.status == 400)
        #expect(early.text == #"{"error":"task \#(id) is not completed yet"}"#)
      }
      release.happen()
      try await waitFor("completed", server, id)
      for _ in 1...2 {
        let answer = try await ask(server, "GET", "get", id)
        #expect(answer.status == 200)
        #expect(Data(answer.body) == StubGenerator.clip)
        #expect(answer.headers["content-type"] == "video/mp4")
        #expect(answer.headers["content-disposition"] == "attachment; filename=\"output.mp4\"")
        #expect(answer.headers["x-zoetrope-seed"] == "1")
      }
      let head = try await ask(server, "HEAD", "get", id)
      #expect(head.headers["content-length"] == "300000")
      let late = try await ask(server, "PUT", "cancel", id)
      #expect(late.status == 400)
      #expect(late.text.contains("has ended already"))
      #expect(try await self.status(server, id) == "\"completed\"")
    }
  }

  @Test func `are done again on request, with inputs of their own`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let id = try await submit(server, seed: 5)
      try await waitFor("completed", server, id)
      let again = try begun(try await ask(server, "POST", "retry", id))
      #expect(again != id)
      try await waitFor("completed", server, again)
      #expect(try await ask(server, "GET", "get", again).status == 200)
      #expect(server.kept.count == 2)
      #expect(server.leftovers == [])
    }
    #expect(generator.state.requests.map(\.seed) == [5, 5])
    #expect(generator.state.pictures == [Data(picture), Data(picture)])
  }

  @Test func `stop when they are cancelled, and make room for the next`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release, onlyFor: 1)
    try await LiveServer.with(generator) { server in
      let running = try await submit(server, seed: 1)
      try await until { generator.state.running == 1 }
      let waiting = try await submit(server, seed: 2)
      for id in [waiting, running, running] {
        let answer = try await ask(server, "PUT", "cancel", id)
        #expect(answer.status == 200)
        #expect(answer.text == #"{"task_id":"\#(id)","status":"canceled"}"#)
        #expect(try await status(server, id) == "\"canceled\"")
        #expect(try await ask(server, "GET", "get", id).status == 400)
      }
      try await until { generator.state.cancelled == 1 && generator.state.running == 0 }
      try await server.expect(200, for: request([imagePart, part("seed", "3")]))
      // A task that was cancelled may be tried again.
      let again = try begun(try await ask(server, "POST", "retry", waiting))
      try await waitFor("completed", server, again)
      #expect(try await status(server, running) == "\"canceled\"")
    }
    #expect(generator.state.requests.map(\.seed) == [1, 3, 2])
  }

  @Test func `that fail give their error for a result`() async throws {
    let failure = ClipError(.badPicture, "the picture is not PNG")
    try await LiveServer.with(StubGenerator(failure: failure)) { server in
      let id = try await submit(server)
      try await waitFor("failed", server, id)
      let answer = try await ask(server, "GET", "get", id)
      #expect(answer.status == 400)
      #expect(answer.text.contains(#""loc":["image"]"#))
      _ = try begun(try await ask(server, "POST", "retry", id))
    }
  }

  @Test func `that take too long are ended`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    try await LiveServer.with(generator, jobs: { $0.timeout = .milliseconds(500) }) { server in
      let id = try await submit(server)
      try await waitFor("failed", server, id)
      #expect(generator.state.running == 0)
      #expect(try await ask(server, "GET", "get", id).status == 504)
    }
  }

  @Test func `are refused at once if their input is wrong, or a pickle`() async throws {
    try await LiveServer.with { server in
      let wrong = sent(request([part("seed", "1")]), to: "/generate/submit")
      try await server.expect(400, for: wrong)
      let pickle = rawRequest(body: [46], type: "application/vnd.bentoml+pickle")
      try await server.expect(415, for: sent(pickle, to: "/generate/submit"))
      #expect(server.leftovers == [])
      try await server.expect(200, for: request([imagePart]))
    }
  }

  @Test func `wait in the same line as requests, which may be full`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator, jobs: { $0.queue = 1 }) { server in
      let ids = [try await submit(server, seed: 1), try await submit(server, seed: 2)]
      let bytes = request([imagePart])
      try await server.expect(429, for: sent(bytes, to: "/generate/submit"))
      try await server.expect(429, for: bytes)
      release.happen()
      for id in ids { try await waitFor("completed", server, id) }
      try await server.expect(200, for: bytes)
    }
    #expect(generator.state.mostAtOnce == 1)
  }

  @Test func `are forgotten, the oldest first, with their files`() async throws {
    let room = 2 * (picture.count + StubGenerator.clip.count)
    try await LiveServer.with(jobs: { $0.keptBytes = room }) { server in
      var ids: [String] = []
      for seed in 1...4 {
        ids.append(try await submit(server, seed: seed))
        try await waitFor("completed", server, ids[seed - 1])
      }
      while server.kept.count > 2 { try await Task.sleep(for: .milliseconds(1)) }
      let first = try await ask(server, "GET", "get", ids[0])
      #expect(first.status == 404)
      #expect(first.text == #"{"error":"task_id not found"}"#)
      #expect(try await ask(server, "GET", "get", ids[3]).status == 200)
    }
  }

  @Test func `stay when the server stops, those that wait and the one that runs too`()
    async throws
  {
    let generator = StubGenerator(heldUntil: Occurrence(), onlyFor: 2)
    try await LiveServer.with(
      generator,
      { _, settings in settings.grace = .milliseconds(100) }
    ) { server in
      let done = try await submit(server, seed: 1)
      try await waitFor("completed", server, done)
      _ = try await submit(server, seed: 2)
      _ = try await submit(server, seed: 3)
      try await until { generator.state.running == 1 }
      await server.stop()
      try await until { generator.state.running == 0 }
      #expect(server.kept.count == 3)
      #expect(server.leftovers == [])
    }
    #expect(generator.state.cancelled == 1)
    #expect(generator.state.requests.map(\.seed) == [1, 2])
  }

  @Test(arguments: [("GET", "status"), ("GET", "get"), ("POST", "retry"), ("PUT", "cancel")])
  func `that nobody submitted are not found`(method: String, action: String) async throws {
    try await LiveServer.with { server in
      let path = "/generate/\(action)"
      let without = try await server.exchange(plain(method, path))
      #expect(without.status == 400)
      #expect(without.text == #"{"error":"task_id is required"}"#)
      for id in ["", "%27%20OR%201%3D1", String(repeating: "0", count: 32), "..%2f..%2fetc"] {
        let answer = try await server.exchange(plain(method, "\(path)?task_id=\(id)"))
        #expect(answer.status == 404)
        #expect(answer.text == #"{"error":"task_id not found"}"#)
      }
    }
  }

  @Test(arguments: [
    ("GET", "submit", "POST"), ("POST", "status", "GET, HEAD"), ("POST", "get", "GET, HEAD"),
    ("GET", "retry", "POST"), ("POST", "cancel", "PUT"), ("DELETE", "cancel", "PUT"),
  ])
  func `have their methods`(method: String, action: String, allow: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain(method, "/generate/\(action)?task_id=x"))
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == allow)
    }
  }
}
