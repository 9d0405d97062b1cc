// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Clients that keep the server waiting` {
  /// Sends a byte now and then until there is an answer or no connection.
  private func trickle(_ bytes: [UInt8], on connection: RawConnection) async throws {
    while connection.receivedCount == 0, !connection.isClosed {
      do { try await connection.send(bytes) } catch { return }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test(arguments: [false, true])
  func `an upload that trickles is given up and told so`(isChunked: Bool) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(
      generator,
      { _, settings in
        settings.uploadPatience = .milliseconds(300)
        // Nothing comes as fast as this.
        settings.slowestUpload = .max
      }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      var start = Array(request([imagePart]).prefix(200))
      var next: [UInt8] = [7]
      if isChunked {
        start = Array(
          String(decoding: start, as: UTF8.self).split(separator: "\r\n\r\n")[0]
            .replacing(/Content-Length: \d+/, with: "Transfer-Encoding: chunked").utf8
        )
        start += Array("\r\n\r\n".utf8)
        next = Array("1\r\na\r\n".utf8)
      }
      try await connection.send(start)
      try await trickle(next, on: connection)
      let answer = try await connection.answer()
      #expect(answer.status == 408)
      #expect(answer.text.contains("the upload brought"), "\(answer.text)")
      #expect(answer.headers["connection"] == "close")
      #expect(server.leftovers == [])
      await connection.close()
    }
    #expect(generator.state.requests.isEmpty)
  }

  @Test(arguments: ["GET /livez HTTP/1.1\r\nX-Slow: ", "", "\r\n"])
  func `a head that trickles is given up`(start: String) async throws {
    try await LiveServer.with(
      StubGenerator(),
      { _, settings in settings.idleTimeout = .seconds(1) }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      // A machine so busy that this comes late has been given up before.
      try? await connection.send(Array(start.utf8))
      if !start.isEmpty { try await trickle(Array(start.utf8.suffix(1)), on: connection) }
      try await until { connection.isClosed }
    }
  }

  @Test func `a body whose chunks never end is refused at the limit`() async throws {
    try await LiveServer.with(
      StubGenerator(),
      { service, settings in
        service.limits.bodyBytes = 100_000
        // It is the limit that ends it, however slowly a busy machine brings the chunks.
        settings.uploadPatience = .seconds(3600)
      }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      let head = """
        POST /generate HTTP/1.1\r
        Host: localhost\r
        Content-Type: multipart/form-data; boundary=XBX\r
        Transfer-Encoding: chunked\r
        \r

        """
      try await connection.send(Array(head.utf8))
      let chunk = Array("3e8\r\n".utf8) + Array(repeating: 45, count: 1000) + [13, 10]
      try await trickle(chunk, on: connection)
      let answer = try await connection.answer()
      #expect(answer.status == 413)
      #expect(server.leftovers == [])
      await connection.close()
    }
  }

  @Test(arguments: [
    "GET /livez HTTP/1.1\r\nX: \(String(repeating: "a", count: 200_000))",
    "GET /\(String(repeating: "a", count: 200_000))",
    "GET /livez HTTP/1.1\r\n\(String(repeating: "a: b\r\n", count: 2000))",
  ])
  func `a head without end is refused`(start: String) async throws {
    try await LiveServer.with { server in
      let connection = try await RawConnection(port: server.port)
      try? await connection.send(Array(start.utf8))
      #expect(try await connection.answer().status == 400)
      try await until { connection.isClosed }
      try await server.expect(200, for: plain("GET", "/livez"))
    }
  }

  @Test func `a half-closed connection counts as gone, whatever it was about`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    try await LiveServer.with(generator) { server in
      let silent = try await RawConnection(port: server.port)
      try await silent.finishSending()
      try await until { silent.isClosed }
      let uploading = try await RawConnection(port: server.port)
      try await uploading.send(Array(request([imagePart]).dropLast(100)))
      try await until { server.leftovers.count == 1 }
      try await uploading.finishSending()
      try await until { uploading.isClosed && server.leftovers == [] }
      let waiting = try await RawConnection(port: server.port)
      try await waiting.send(request([imagePart]))
      try await until { generator.state.running == 1 }
      try await waiting.finishSending()
      try await until { generator.state.cancelled == 1 && server.leftovers == [] }
      try await until { waiting.isClosed }
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Headers that a service sends` {
  /// Sends back whatever it is given, where nobody should.
  private struct Parrot: Endpoint {
    struct Input: Form {
      @Field("Anything.") var words = ""
    }

    let path = "/parrot"
    let summary = "Repeats."
    let output = ReplyKind.file("text/plain")

    func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
      Reply(
        file: "/dev/null",
        contentType: "text/plain",
        fileName: input.words,
        headers: ["x-words": input.words]
      )
    }
  }

  @Test(arguments: ["a\r\nX-Evil: 1", "a\nX-Evil: 1\n\nbody", "a\"; filename=\"../../b", "\u{0}"])
  func `cannot be broken out of`(words: String) async throws {
    let parrot = try Service("parrot", product: "parrot/1") { Parrot() }
    try await LiveServer.with(StubGenerator(), { service, _ in service = parrot }) { server in
      let body = Array("{\"words\": \(JSON.string(words).text)}".utf8)
      let bytes = rawRequest(body: body, type: "application/json")
      let text = String(decoding: bytes, as: UTF8.self).replacing("/generate", with: "/parrot")
      let answer = try await server.exchange(Array(text.utf8))
      #expect(answer.status == 200)
      #expect(answer.headers["x-evil"] == nil)
      let name = try #require(answer.headers["content-disposition"]?.split(separator: "\"").last)
      #expect(name.allSatisfy { $0.isLetter || $0.isNumber || "._-".contains($0) }, "\(name)")
      #expect(answer.body.isEmpty)
    }
  }
}
