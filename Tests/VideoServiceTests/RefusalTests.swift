// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Refusing a request` {
  /// A request that is wrong in one way, and what the answer says.
  struct Wrong: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    var status = 400
    let says: [String]
  }

  static let wrong = [
    Wrong(
      testDescription: "seed=abc",
      bytes: request([imagePart, part("seed", "abc")]),
      says: [
        #""error":"1 validation error for Input""#, #""type":"int_parsing""#, #""loc":["seed"]"#,
        #""msg":"seed must be a whole number, not abc""#,
      ]
    ),
    Wrong(
      testDescription: "decode_chunk_size=0",
      bytes: request([imagePart, part("decode_chunk_size", "0")]),
      says: [#""loc":["decode_chunk_size"]"#, "must be from 1 to 1024, not 0"]
    ),
    Wrong(
      testDescription: "decode_chunk_size=-3",
      bytes: request([imagePart, part("decode_chunk_size", "-3")]),
      says: [#""loc":["decode_chunk_size"]"#, "must be from 1 to 1024, not -3"]
    ),
    Wrong(
      testDescription: "decode_chunk_size=null",
      bytes: request([imagePart, part("decode_chunk_size", "null")]),
      says: [#""type":"int_type""#, #""loc":["decode_chunk_size"]"#]
    ),
    Wrong(
      testDescription: "two fields wrong",
      bytes: request([imagePart, part("decode_chunk_size", "x"), part("seed", "y")]),
      says: ["2 validation error for Input", #""loc":["decode_chunk_size"]"#, #""loc":["seed"]"#]
    ),
    Wrong(
      testDescription: "no image",
      bytes: request([part("seed", "1")]),
      says: [#""type":"missing""#, #""loc":["image"]"#, "image is required"]
    ),
    Wrong(
      testDescription: "an image of no bytes",
      bytes: request([part("image", [], fileName: "photo.png", type: "image/png")]),
      says: [#""loc":["image"]"#, "not empty"]
    ),
    Wrong(
      testDescription: "a body of no bytes",
      bytes: rawRequest(body: [], type: "multipart/form-data; boundary=XBX"),
      says: [#""loc":[]"#, "nowhere in the body"]
    ),
    Wrong(
      testDescription: "the image as text",
      bytes: request([part("image", "/etc/passwd")]),
      says: [#""loc":["image"]"#, "sent as a file"]
    ),
    Wrong(
      testDescription: "no closing boundary",
      bytes: request([imagePart], closing: ""),
      says: [#""loc":[]"#, "cut off"]
    ),
    Wrong(
      testDescription: "another boundary than the header's",
      bytes: request([imagePart], type: "multipart/form-data; boundary=YYY"),
      says: [#""loc":[]"#, "nowhere in the body"]
    ),
    Wrong(
      testDescription: "no boundary in the header",
      bytes: request([imagePart], type: "multipart/form-data"),
      says: ["has no boundary"]
    ),
    Wrong(
      testDescription: "a field that is too long",
      bytes: request([imagePart, part("seed", String(repeating: "1", count: 70_000))]),
      status: 413,
      says: ["seed is longer than the 65536 bytes"]
    ),
    Wrong(
      testDescription: "too many parts",
      bytes: request([imagePart] + Array(repeating: part("a", "b"), count: 100)),
      says: ["more than 100 parts"]
    ),
    Wrong(
      testDescription: "text",
      bytes: rawRequest(body: [65], type: "text/plain"),
      status: 415,
      says: ["multipart/form-data"]
    ),
    Wrong(
      testDescription: "a pickle",
      bytes: rawRequest(body: [65], type: "application/vnd.bentoml+pickle"),
      status: 415,
      says: ["multipart/form-data"]
    ),
    Wrong(
      testDescription: "JSON that is none",
      bytes: rawRequest(body: Array("{".utf8), type: "application/json"),
      says: [#""type":"json_invalid""#, #""loc":[]"#]
    ),
    Wrong(
      testDescription: "a JSON list",
      bytes: rawRequest(body: Array("[1]".utf8), type: "application/json"),
      says: [#""type":"model_type""#, #""loc":[]"#]
    ),
    Wrong(
      testDescription: "JSON with a URL for a picture",
      bytes: rawRequest(
        body: Array(#"{"image":"http://127.0.0.1/x"}"#.utf8),
        type: "application/json"
      ),
      says: [#""loc":["image"]"#, "base64"]
    ),
  ]

  @Test(arguments: wrong)
  func `says what is wrong and leaves nothing behind`(wrong: Wrong) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let answer = try await server.exchange(wrong.bytes)
      #expect(answer.status == wrong.status)
      #expect(answer.headers["content-type"] == "application/json")
      #expect(answer.headers["server"] == "Zoetrope/1.2.3")
      #expect(answer.headers["x-bentoml-request-id"]?.count == 16)
      for words in wrong.says { #expect(answer.text.contains(words), "\(answer.text)") }
      _ = try JSONDecoder().decode([String: Anything].self, from: Data(answer.body))
      #expect(server.leftovers == [])
    }
    #expect(generator.state.requests.isEmpty)
  }

  /// Any JSON value.
  private struct Anything: Decodable {
    init(from decoder: any Decoder) {}
  }

  @Test(arguments: [
    (ClipError(.badPicture, "the picture is not PNG"), 400, #""loc":["image"]"#),
    (ClipError(.badParameter("width"), "width must be a multiple of 64"), 400, #""loc":["width"]"#),
    (ClipError(.tooLarge, "the picture has 400 megapixels"), 413, "400 megapixels"),
    (ClipError(.outOfMemory, "20 GiB are needed, 10 are free"), 503, "20 GiB are needed"),
    (ClipError(.diskFull, "the disk is full"), 507, "disk is full"),
    (ClipError(.internal, "secret path /x"), 500, "the server failed"),
    (ClipError(.cancelled, "cancelled"), 500, "the server failed"),
  ])
  func `says why a clip was not made`(error: ClipError, status: Int, words: String) async throws {
    try await LiveServer.with(StubGenerator(failure: error)) { server in
      let answer = try await server.exchange(request([imagePart]))
      #expect(answer.status == status)
      #expect(answer.text.contains(words), "\(answer.text)")
      #expect(!answer.text.contains("secret"))
      #expect((answer.headers["retry-after"] != nil) == (status == 503))
      #expect(server.leftovers == [])
    }
  }

  @Test func `hides an error that nobody foresaw`() async throws {
    struct Surprise: Error {}
    try await LiveServer.with(StubGenerator(failure: Surprise())) { server in
      let answer = try await server.exchange(request([imagePart]))
      #expect(answer.status == 500)
      #expect(!answer.text.contains("Surprise"))
    }
  }

  @Test func `refuses an upload that says it is too large before reading it`() async throws {
    try await LiveServer.with(StubGenerator(), { service, _ in service.limits.bodyBytes = 1000 }) {
      server in
      let connection = try await RawConnection(port: server.port)
      let whole = request([imagePart])
      try await connection.send(Array(whole[..<200]))
      let answer = try await connection.answer()
      #expect(answer.status == 413)
      #expect(answer.text.contains("limit of 1000 bytes"))
      #expect(answer.headers["connection"] == "close")
      try await until { connection.isClosed }
    }
  }

  @Test func `refuses an upload that turns out too large`() async throws {
    try await LiveServer.with(StubGenerator(), { service, _ in service.limits.bodyBytes = 4000 }) {
      server in
      let head = """
        POST /generate HTTP/1.1\r
        Host: localhost\r
        Content-Type: multipart/form-data; boundary=XBX\r
        Transfer-Encoding: chunked\r
        \r

        """
      let connection = try await RawConnection(port: server.port)
      let size = String(imagePart.count, radix: 16)
      try await connection.send(Array("\(head)\(size)\r\n".utf8) + imagePart)
      let answer = try await connection.answer()
      #expect(answer.status == 413)
      #expect(answer.headers["connection"] == "close")
      #expect(server.leftovers == [])
      await connection.close()
    }
  }

  @Test(arguments: [
    ("GET", "/generate", 405, "POST"), ("PUT", "/generate", 405, "POST"),
    ("POST", "/livez", 405, "GET, HEAD"), ("GET", "/docs", 404, nil),
    ("GET", "/favicon.ico", 404, nil), ("GET", "/../../etc/passwd", 404, nil),
    ("GET", "/static_content/..%2f..%2fetc/passwd", 404, nil),
  ])
  func `knows its routes`(method: String, path: String, status: Int, allow: String?) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain(method, path))
      #expect(answer.status == status)
      #expect(answer.text == (status == 404 ? "Not Found" : "Method Not Allowed"))
      #expect(answer.headers["allow"] == allow)
      #expect(answer.headers["content-type"]?.hasPrefix("text/plain") == true)
    }
  }

  @Test func `sends a path with a slash at its end to the one without`() async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain("GET", "/livez/"))
      #expect(answer.status == 307)
      #expect(answer.headers["location"] == "/livez")
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The probes` {
  @Test(arguments: ["/livez", "/readyz", "/healthz"])
  func `answer with one line feed`(path: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain("GET", path))
      #expect(answer.status == 200)
      #expect(answer.body == [10])
      #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
      #expect(answer.headers["server"] == nil)
      let head = try await server.exchange(plain("HEAD", path), isHead: true)
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == "1")
    }
  }

  @Test func `say that a service is not ready until it is`() async throws {
    let readiness = Readiness(isReady: false)
    try await LiveServer.with(StubGenerator(), { service, _ in service.readiness = readiness }) {
      server in
      #expect(try await server.exchange(plain("GET", "/livez")).status == 200)
      #expect(try await server.exchange(plain("GET", "/readyz")).status == 503)
      let early = try await server.exchange(request([imagePart]))
      #expect(early.status == 503)
      #expect(early.headers["retry-after"] != nil)
      readiness.isReady = true
      #expect(try await server.exchange(plain("GET", "/readyz")).status == 200)
      #expect(try await server.exchange(request([imagePart])).status == 200)
    }
  }
}
