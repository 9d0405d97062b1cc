// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing

@Suite(.timeLimit(.minutes(15))) struct `An operation` {
  @Test(arguments: [
    ("/books/a/pages/7", 200, #""a 7 2 nil""#),
    ("/books/%41%2Fb/pages/7?scale=10&colour=true&unknown=1", 200, #""A/b 7 10 true""#),
    ("/books/a+b/pages/-1?scale=1&scale=3", 200, #""a+b -1 3 nil""#),
    ("/books/a/pages/x", 400, "number must be a whole number, not x"),
    ("/books/a/pages/7?scale=11", 400, "scale must be from 1 to 10, not 11"),
    ("/books/a/pages/7?scale=%FF", 400, "the query is not UTF-8"),
    ("/books/%FF", 400, "id is not UTF-8"),
    ("/books/lost", 404, "there is no such book"),
    ("/books/a/pages/", 404, "Not Found"), ("/books//pages/7", 404, "Not Found"),
    ("/books/a/pages/7/", 307, ""),
  ])
  func `reads its path and its query`(path: String, status: Int, text: String) async throws {
    try await LiveServer.with(try LibraryService.make()) { server in
      let answer = try await server.exchange(plain("GET", path))
      #expect(answer.status == status)
      #expect(answer.text.contains(text) || answer.text.isEmpty == text.isEmpty, "\(answer.text)")
      if status == 400 {
        #expect(answer.text.contains(#""code":"invalid-input""#))
      }
    }
  }

  @Test func `leaves the more literal path to others`() async throws {
    try await LiveServer.with(try LibraryService.make()) { server in
      #expect(try await server.exchange(plain("GET", "/something")).text == #""something""#)
      #expect(try await server.exchange(plain("GET", "/livez")).text == "\n")
      #expect(try await server.exchange(plain("GET", "/metrics")).text.contains("request_total"))
      let catalogue = try await server.exchange(plain("GET", "/books/catalogue"))
      #expect(catalogue.headers["content-type"] == "text/plain")
    }
  }

  @Test func `takes its methods, and HEAD where there is something to see`() async throws {
    let log = LibraryService.Log()
    try await LiveServer.with(try LibraryService.make(log: log)) { server in
      let got = try await server.exchange(plain("GET", "/books/a"))
      let head = try await server.exchange(plain("HEAD", "/books/a"), isHead: true)
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == "\(got.body.count)")
      #expect(got.headers["server"] == "Library/1")
      #expect(got.headers["x-request-id"]?.count == 16)
      let deleted = try await server.exchange(plain("DELETE", "/books/a"))
      #expect(deleted.status == 204)
      #expect(deleted.headers["content-length"] == nil)
      #expect(deleted.headers["content-type"] == nil)
      #expect(log.seen == ["delete a"])
      let refused = try await server.exchange(plain("PUT", "/books/a"))
      #expect(refused.status == 405)
      #expect(refused.headers["allow"] == "GET, HEAD, DELETE")
      #expect(refused.text.contains(#""code":"method-not-allowed""#))
    }
  }

  @Test func `reads its body as endpoints do, within the same limits`() async throws {
    let log = LibraryService.Log()
    let books = { (parts: [[UInt8]]) in
      Array(
        String(decoding: request(parts), as: UTF8.self).replacing("/generate", with: "/books").utf8
      )
    }
    try await LiveServer.with(
      try LibraryService.make(log: log),
      { service, _ in service.limits.bodyBytes = 1000 }
    ) { server in
      let made = try await server.exchange(
        books([
          part("title", "One"), part("text", Array("abc".utf8), fileName: "a.txt"),
          part("copies", "3"),
        ])
      )
      #expect(made.status == 201)
      #expect(made.headers["location"] == "/books/1")
      let body = Array(#"{"title":"Two","text":"ZGVm"}"#.utf8)
      let json = rawRequest(body: body, type: "application/json")
      try await server.expect(
        201,
        for: Array(
          String(decoding: json, as: UTF8.self).replacing("/generate", with: "/books").utf8
        )
      )
      #expect(log.seen == ["One 3 abc", "Two 1 def"])
      let wrong = try await server.exchange(books([part("copies", "9")]))
      #expect(wrong.status == 400)
      #expect(wrong.text.contains(#""field":"title""#))
      try await server.expect(413, for: books([part("title", String(repeating: "x", count: 1000))]))
      #expect(server.leftovers == [])
    }
  }

  @Test func `takes its turn only if it says so`() async throws {
    let service = try LibraryService.make()
    try await LiveServer.with(service, { service, _ in service.readiness.isReady = false }) {
      server in
      try await server.expect(200, for: plain("GET", "/books/a"))
      try await server.expect(503, for: plain("POST", "/inventory"))
      service.readiness.isReady = true
      try await server.expect(200, for: plain("POST", "/inventory"))
    }
  }

  @Test func `writes its errors as it says`() async throws {
    try await LiveServer.with(try LibraryService.make()) { server in
      let lost = try await server.exchange(plain("GET", "/books/lost"))
      #expect(lost.headers["content-type"] == "application/json")
      let error = try #require(JSON(parsing: lost.body))
      #expect(error["problem"]?.text == #""there is no such book""#)
      #expect(error["request"]?.text == "\"\(lost.headers["x-request-id"] ?? "")\"")
      let fault = try await server.exchange(plain("GET", "/books/cursed"))
      #expect(fault.status == 500)
      #expect(fault.text.contains(#""problem":"the server failed; its log says why"#))
    }
  }

  @Test func `knows who asks`() async throws {
    let key = APIKeys.random()
    let keys = try APIKeys(text: APIKeys.line(for: key, named: "alice"))
    let header = "Authorization: Bearer \(key)\r\n"
    try await LiveServer.with(
      try LibraryService.make(),
      { _, settings in settings.keys = keys }
    ) { server in
      let stranger = try await server.exchange(plain("GET", "/books/a"))
      #expect(stranger.status == 401)
      #expect(stranger.headers["www-authenticate"] == "Bearer")
      #expect(stranger.text.contains(#""code":"unauthorized""#))
      try await server.expect(200, for: plain("GET", "/books/catalogue"))
      let known = try await server.exchange(
        plain("GET", "/books/a", headers: header + "Accept-Language: sv\r\n")
      )
      #expect(known.text == #"{"id":"a","owner":"alice","language":"sv"}"#)
    }
  }

  @Test func `is counted by its pattern`() async throws {
    try await LiveServer.with(try LibraryService.make()) { server in
      for id in 0..<20 { try await server.expect(200, for: plain("GET", "/books/\(id)")) }
      let metrics = try await server.exchange(plain("GET", "/metrics")).text
      #expect(metrics.contains(#"endpoint="/books/{id}",http_response_code="200""#))
      #expect(!metrics.contains("/books/1"))
    }
  }

  @Test func `can be used by pages of other sites`() async throws {
    try await LiveServer.with(
      try LibraryService.make(),
      { _, settings in settings.allowedOrigins = ["*"] }
    ) { server in
      let asks = "Origin: http://a.example\r\nAccess-Control-Request-Method: DELETE\r\n"
      let answer = try await server.exchange(plain("OPTIONS", "/books/a", headers: asks))
      #expect(answer.headers["access-control-allow-methods"] == "GET, HEAD, POST, PUT, DELETE")
      #expect(
        answer.headers["access-control-allow-headers"]
          == "Authorization, Content-Type, Traceparent, Accept-Language"
      )
    }
  }

  @Test func `stands in the OpenAPI document`() async throws {
    try await LiveServer.with(try LibraryService.make()) { server in
      let answer = try await server.exchange(plain("GET", "/docs.json"))
      let document = try #require(JSON(parsing: answer.body))
      let get = try #require(document["paths"]?["/books/{id}/pages/{number}"]?["get"])
      #expect(get["operationId"]?.text == #""get_books_id_pages_number""#)
      #expect(get["tags"]?.text == #"["Books"]"#)
      #expect(get["parameters"]?[0]?["in"]?.text == #""path""#)
      #expect(get["parameters"]?[2]?["name"]?.text == #""scale""#)
      #expect(get["parameters"]?[2]?["schema"]?["maximum"]?.text == "10")
      #expect(get["responses"]?["404"]?.text.contains("LibraryError") == true)
      let book = try #require(document["paths"]?["/books/{id}"])
      #expect(book["delete"]?["responses"]?["204"] != nil)
      #expect(book["get"]?["parameters"]?[1]?["in"]?.text == #""header""#)
      let content = document["paths"]?["/books/catalogue"]?["get"]?["responses"]
      #expect(content?["206"] != nil && content?["416"] != nil)
      let body = document["paths"]?["/books"]?["post"]?["requestBody"]?["content"]
      #expect(body?["multipart/form-data"]?["schema"]?["required"]?.text == #"["title"]"#)
      #expect(document["components"]?["schemas"]?["LibraryError"] != nil)
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `A file that is asked for` {
  private static let text = "0123456789"

  private func with(_ body: (LiveServer) async throws -> Void) async throws {
    let path = URL.temporaryDirectory.appending(path: "catalogue-\(UUID().uuidString)").path
    try Self.text.write(toFile: path, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await LiveServer.with(try LibraryService.make(file: path), { _, _ in }, body)
  }

  @Test(
    arguments: [
      ("bytes=0-0", 206, "0", "bytes 0-0/10"), ("bytes=2-4", 206, "234", "bytes 2-4/10"),
      ("bytes=7-", 206, "789", "bytes 7-9/10"), ("bytes=-3", 206, "789", "bytes 7-9/10"),
      ("bytes=-99", 206, "0123456789", "bytes 0-9/10"),
      ("Bytes=5-99999999999999999999999", 206, "56789", "bytes 5-9/10"),
      ("bytes=10-", 416, "", "bytes */10"), ("bytes=-0", 416, "", "bytes */10"),
      ("bytes=4-2", 200, "0123456789", nil), ("bytes=0-1,4-5", 200, "0123456789", nil),
      ("lines=0-1", 200, "0123456789", nil), ("bytes=-", 200, "0123456789", nil),
      ("bytes=a-b", 200, "0123456789", nil), ("bytes=+1-2", 200, "0123456789", nil),
    ] as [(String, Int, String, String?)]
  )
  func `comes in parts`(range: String, status: Int, text: String, part: String?) async throws {
    try await with { server in
      let answer = try await server.exchange(
        plain("GET", "/books/catalogue", headers: "Range: \(range)\r\n")
      )
      #expect(answer.status == status)
      #expect(answer.text == text)
      #expect(answer.headers["content-range"] == part)
      #expect(answer.headers["content-length"] == "\(text.utf8.count)")
      let head = try await server.exchange(
        plain("HEAD", "/books/catalogue", headers: "Range: \(range)\r\n"),
        isHead: true
      )
      #expect(head.status == status)
      #expect(head.headers["content-length"] == "\(text.utf8.count)")
    }
  }

  @Test func `is not sent again to who has it`() async throws {
    try await with { server in
      let first = try await server.exchange(plain("GET", "/books/catalogue"))
      #expect(first.headers["accept-ranges"] == "bytes")
      #expect(first.headers["cache-control"] == "private")
      let tag = try #require(first.headers["etag"])
      for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
        let answer = try await server.exchange(
          plain("GET", "/books/catalogue", headers: "If-None-Match: \(known)\r\n")
        )
        #expect(answer.status == 304)
        #expect(answer.headers["etag"] == tag)
        #expect(answer.body.isEmpty)
      }
      for (condition, status) in [
        (tag, 206), ("\"x\"", 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200),
      ] {
        let headers = "If-Range: \(condition)\r\nRange: bytes=1-2\r\n"
        try await server.expect(status, for: plain("GET", "/books/catalogue", headers: headers))
      }
      try await server.expect(
        200,
        for: plain("GET", "/books/catalogue", headers: "If-None-Match: \"x\"\r\n")
      )
    }
  }

  @Test func `is saved or shown, as it was asked for`() async throws {
    try await with { server in
      let shown = try await server.exchange(plain("GET", "/books/catalogue"))
      #expect(shown.headers["content-disposition"] == nil)
      let saved = try await server.exchange(plain("GET", "/books/catalogue?download=1"))
      #expect(saved.headers["content-disposition"] == #"attachment; filename="catalogue.txt""#)
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `A stream of events` {
  /// Reads until what has come contains a text.
  private func read(_ connection: RawConnection, until text: String) async throws {
    try await until { connection.receivedText.contains(text) || connection.isClosed }
    #expect(connection.receivedText.contains(text))
  }

  @Test func `sends them as they come, and ends after the last`() async throws {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: ServerEvent.self)
    try await LiveServer.with(try LibraryService.make(events: events)) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(plain("GET", "/news"))
      try await read(connection, until: "\r\n\r\n")
      let head = connection.receivedText.lowercased()
      #expect(head.contains("content-type: text/event-stream"))
      #expect(head.contains("cache-control: no-cache"))
      #expect(head.contains("transfer-encoding: chunked"))
      continuation.yield(ServerEvent(id: "1", name: "state", json: ["a": 1]))
      try await read(connection, until: "id: 1\nevent: state\ndata: {\"a\":1}\n\n")
      continuation.yield(ServerEvent(data: "one\ntwo\r\nthree"))
      try await read(connection, until: "data: one\ndata: two\ndata: three\n\n")
      continuation.finish()
      try await read(connection, until: "\r\n0\r\n\r\n")
      #expect(!connection.isClosed)
      await connection.close()
    }
  }

  @Test func `shows that it is there`() async throws {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: ServerEvent.self)
    defer { continuation.finish() }
    let service = try LibraryService.make(events: events, heartbeat: .milliseconds(20))
    try await LiveServer.with(service) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(plain("GET", "/news"))
      try await until { connection.receivedText.split(separator: ": still here\n\n").count > 3 }
      await connection.close()
    }
  }

  @Test func `ends when the client leaves`() async throws {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: ServerEvent.self)
    let ended = Occurrence()
    continuation.onTermination = { _ in ended.happen() }
    try await LiveServer.with(try LibraryService.make(events: events)) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(plain("GET", "/news"))
      try await read(connection, until: "\r\n\r\n")
      await connection.close()
      await ended.wait()
    }
  }

  @Test func `ends when the server stops`() async throws {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: ServerEvent.self)
    defer { continuation.finish() }
    try await LiveServer.with(try LibraryService.make(events: events)) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(plain("GET", "/news"))
      try await read(connection, until: "\r\n\r\n")
      await server.stop()
      try await read(connection, until: "0\r\n\r\n")
      try await until { connection.isClosed }
    }
  }

  @Test func `is cut off when it fails`() async throws {
    let (events, continuation) = AsyncThrowingStream.makeStream(of: ServerEvent.self)
    try await LiveServer.with(try LibraryService.make(events: events)) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(plain("GET", "/news"))
      continuation.yield(ServerEvent(data: "one"))
      try await read(connection, until: "data: one\n\n")
      continuation.finish(throwing: CancellationError())
      try await until { connection.isClosed }
      #expect(!connection.receivedText.hasSuffix("0\r\n\r\n"))
    }
  }
}
