// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `A server with keys` {
  private let key = APIKeys.random()

  private func with(_ body: (LiveServer) async throws -> Void) async throws {
    let keys = try APIKeys(text: APIKeys.line(for: key, named: "alice"))
    try await LiveServer.with(StubGenerator(), { _, settings in settings.keys = keys }, body)
  }

  @Test func `serves those who have one`() async throws {
    try await with { server in
      let header = "Authorization: Bearer \(key)\r\n"
      try await server.expect(200, for: request([imagePart], headers: header))
      try await server.expect(200, for: plain("GET", "/metrics", headers: header))
      try await server.expect(404, for: plain("GET", "/generate/get?task_id=x", headers: header))
    }
  }

  @Test(arguments: ["", "Authorization: Bearer 1234\r\n", "Authorization: Basic YTpi\r\n"])
  func `sends others away before it reads what they send`(header: String) async throws {
    try await with { server in
      let requests = [
        Array(request([imagePart], headers: header).dropLast(1000)),
        plain("GET", "/generate/status?task_id=x", headers: header),
        plain("PUT", "/generate/cancel?task_id=x", headers: header),
        plain("GET", "/metrics", headers: header),
      ]
      for bytes in requests {
        let answer = try await server.exchange(bytes)
        #expect(answer.status == 401)
        #expect(answer.text == #"{"error":"Authorization error"}"#)
        #expect(answer.headers["www-authenticate"] == "Bearer")
      }
      #expect(server.leftovers == [])
    }
  }

  @Test(arguments: [
    "/", "/livez", "/readyz", "/healthz", "/schema.json", "/docs.json", "/static_content/page.js",
  ])
  func `lets everyone see that it is there, and how to use it`(path: String) async throws {
    try await with { server in try await server.expect(200, for: plain("GET", path)) }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `A server that others can reach` {
  @Test(arguments: ["0.0.0.0", "::", "192.0.2.1", "example.org"])
  func `is refused without keys, unless it is wished for`(host: String) throws {
    var settings = HTTPServer.Settings()
    settings.host = host
    let error = #expect(throws: ServingError.self) { try settings.validate() }
    #expect(error?.code == .badConfiguration)
    #expect(error?.message.contains("no API keys") == true)
    settings.isOpen = true
    try settings.validate()
    settings.isOpen = false
    settings.keys = try APIKeys(text: APIKeys.line(for: "x", named: "x"))
    try settings.validate()
  }

  @Test(arguments: ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
  func `is not one that listens on loopback`(host: String) throws {
    var settings = HTTPServer.Settings()
    settings.host = host
    try settings.validate()
  }

  @Test func `does not begin to listen`() async throws {
    await #expect(throws: ServingError.self) {
      try await LiveServer.with(StubGenerator(), { _, settings in settings.host = "0.0.0.0" }) {
        _ in
      }
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Pages of other sites` {
  private let asks = "Access-Control-Request-Method: POST\r\n"

  private func with(
    _ origins: [String],
    _ body: (LiveServer) async throws -> Void
  ) async throws {
    try await LiveServer.with(
      StubGenerator(),
      { _, settings in settings.allowedOrigins = origins },
      body
    )
  }

  @Test func `may use the server if they are allowed to`() async throws {
    try await with(["http://app.example", "https://two.example"]) { server in
      let origin = "Origin: http://app.example\r\n"
      let preflight = try await server.exchange(
        plain("OPTIONS", "/generate", headers: origin + asks)
      )
      #expect(preflight.status == 200)
      #expect(preflight.text == "OK")
      #expect(preflight.headers["access-control-allow-origin"] == "http://app.example")
      #expect(preflight.headers["access-control-allow-methods"]?.contains("POST") == true)
      #expect(preflight.headers["access-control-allow-headers"]?.contains("Content-Type") == true)
      #expect(preflight.headers["vary"] == "Origin")
      let answer = try await server.exchange(request([imagePart], headers: origin))
      #expect(answer.status == 200)
      #expect(answer.headers["access-control-allow-origin"] == "http://app.example")
      #expect(
        answer.headers["access-control-expose-headers"]?.contains("Content-Disposition") == true
      )
    }
  }

  @Test(arguments: ["http://evil.example", "http://app.example.evil.example", "null"])
  func `may not if they are others`(origin: String) async throws {
    try await with(["http://app.example"]) { server in
      let header = "Origin: \(origin)\r\n"
      let preflight = try await server.exchange(
        plain("OPTIONS", "/generate", headers: header + asks)
      )
      #expect(preflight.status == 400)
      #expect(preflight.text == "Disallowed CORS origin")
      #expect(preflight.headers["access-control-allow-origin"] == nil)
      let answer = try await server.exchange(request([imagePart], headers: header))
      #expect(answer.status == 200)
      #expect(answer.headers["access-control-allow-origin"] == nil)
      #expect(answer.headers["vary"] == "Origin")
    }
  }

  @Test func `may all use a server that says so`() async throws {
    try await with(["*"]) { server in
      let answer = try await server.exchange(
        plain("OPTIONS", "/generate", headers: "Origin: http://any.example\r\n" + asks)
      )
      #expect(answer.headers["access-control-allow-origin"] == "*")
    }
  }

  @Test func `may not by default`() async throws {
    try await with([]) { server in
      let answer = try await server.exchange(
        plain("OPTIONS", "/generate", headers: "Origin: http://app.example\r\n" + asks)
      )
      #expect(answer.status == 405)
      #expect(answer.headers["vary"] == nil)
    }
  }
}
