// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOCore
import NIOPosix
import Serving
import Synchronization
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Reading what clients send` {
  @Test(arguments: [
    "application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", "",
  ])
  func `takes JSON by any of its names, and what has no name`(type: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let body = #"{"image": "\#(Data(picture).base64EncodedString())", "seed": "7"}"#
      var bytes = rawRequest(body: Array(body.utf8), type: type)
      if type == "" {
        let text = String(decoding: bytes, as: UTF8.self)
        bytes = Array(text.replacing("Content-Type: \r\n", with: "").utf8)
      }
      try await server.expect(200, for: bytes)
    }
    #expect(generator.state.requests.map(\.seed) == [7])
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `reads a form without files and says that the picture is missing`() async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(
        rawRequest(body: Array("seed=%2x&fps=9".utf8), type: "application/x-www-form-urlencoded")
      )
      #expect(answer.status == 400)
      #expect(answer.text.contains("2 validation error for Input"))
      #expect(answer.text.contains(#""loc":["image"]"#))
      #expect(answer.text.contains("seed must be a whole number, not %2x"))
    }
  }

  @Test(arguments: ["", "{}"])
  func `takes no JSON for a form without fields`(body: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(
        rawRequest(body: Array(body.utf8), type: "application/json")
      )
      #expect(answer.status == 400)
      #expect(answer.text.contains(#"{"error":"1 validation error for Input","detail":[{"#))
      #expect(answer.text.contains(#""type":"missing""#))
    }
  }

  /// BentoML refuses these with 500: it believes the label, not the bytes.
  @Test(arguments: ["image/jpg", "image/pjpeg", "image/x-png", "image/*", "image/png; charset=x"])
  func `does not believe the label of a picture`(label: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let image = part("image", picture, fileName: "photo.png", type: label)
      try await server.expect(200, for: request([image]))
    }
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `follows the caller's trace and sends its id where that is asked for`() async throws {
    try await LiveServer.with(
      StubGenerator(),
      { service, _ in service.traceIDHeader = "x-bentoml-trace-id" }
    ) { server in
      let trace = "0af7651916cd43dd8448eb211c80319c"
      let parent = "traceparent: 00-\(trace)-b7ad6b7169203331-01\r\n"
      for seed in ["1", "x"] {
        let answer = try await server.exchange(
          request([imagePart, part("seed", seed)], headers: parent)
        )
        #expect(answer.headers["x-bentoml-trace-id"] == trace)
        #expect(answer.headers["x-bentoml-request-id"]?.count == 16)
        #expect(answer.headers["x-bentoml-request-id"] != "b7ad6b7169203331")
      }
      let own = try await server.exchange(request([imagePart]))
      #expect(own.headers["x-bentoml-trace-id"]?.count == 32)
    }
    try await LiveServer.with { server in
      let answer = try await server.exchange(request([imagePart]))
      #expect(answer.headers["x-bentoml-trace-id"] == nil)
    }
  }
}

/// What has been used, or could be, against servers of this kind.
@Suite(.timeLimit(.minutes(15))) struct `Standing up to abuse` {
  /// CVE-2024-2912, CVE-2025-27520, CVE-2025-32375.
  @Test(arguments: [
    "application/vnd.bentoml+pickle", "Application/VND.BentoML+Pickle",
    "application/vnd.bentoml.pickled", "application/x-pickle", "multipart/mixed; boundary=x",
  ])
  func `never opens a pickle`(type: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let headers = """
        args-number: 1\r
        Payload-Container: NdarrayContainer\r
        Payload-Meta: {"format": "default"}\r
        Batch-Size: -1\r

        """
      let bytes = rawRequest(body: Array("cos\nsystem\n.".utf8), type: type, headers: headers)
      let answer = try await server.exchange(bytes)
      #expect(answer.status == 415)
      #expect(answer.text.hasPrefix(#"{"error":"#))
      let root = String(decoding: bytes, as: UTF8.self).replacing("POST /generate", with: "POST /")
      try await server.expect(405, for: Array(root.utf8))
    }
    #expect(generator.state.requests.isEmpty)
  }

  /// Loopback, private, link-local and shared addresses, in the spellings that slip past guards.
  static let addresses = [
    "http://127.0.0.1:PORT/x.png", "http://2130706433:PORT/", "http://0x7f000001:PORT/",
    "http://127.1:PORT/", "http://[::1]:PORT/", "http://[::ffff:127.0.0.1]:PORT/",
    "http://localhost:PORT/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    "file:///etc/passwd", "/etc/passwd", "\"http://127.0.0.1:PORT/x.png\"",
  ]

  @Test func `fetches no address that stands in a picture's place`() async throws {
    let generator = StubGenerator()
    let connections = Atomic(0)
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        connections.add(1, ordering: .relaxed)
        return channel.close()
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(listener.localAddress?.port)
    try await LiveServer.with(generator) { server in
      for address in Self.addresses.map({ $0.replacing("PORT", with: "\(port)") }) {
        let escaped = address.utf8.map { byte in
          let digits = String(byte, radix: 16)
          return "%" + (digits.count < 2 ? "0" : "") + digits
        }
        let bodies = [
          request([part("image", address)]),
          rawRequest(
            body: Array(("image=" + escaped.joined()).utf8),
            type: "application/x-www-form-urlencoded"
          ),
          rawRequest(
            body: Array(#"{"image":\#(JSON.string(address).text)}"#.utf8),
            type: "application/json"
          ),
        ]
        for body in bodies {
          let answer = try await server.exchange(body)
          #expect(answer.status == 400)
          #expect(answer.text.contains(#""loc":["image"]"#))
        }
      }
      #expect(server.leftovers == [])
    }
    try await listener.close()
    #expect(connections.load(ordering: .relaxed) == 0)
    #expect(generator.state.requests.isEmpty)
  }

  /// CVE-2024-9056: a parser that begins anew at each hyphen would outlast the suite's time limit.
  @Test func `reads past what follows the last boundary`() async throws {
    try await LiveServer.with { server in
      let closing = "--XBX--" + String(repeating: "-", count: 4 << 20)
      try await server.expect(200, for: request([imagePart], closing: closing))
    }
  }

  @Test(arguments: ["application/json", "application/x-www-form-urlencoded"])
  func `takes no more of a body in memory than it says`(type: String) async throws {
    try await LiveServer.with(StubGenerator(), { service, _ in service.limits.jsonBytes = 1000 }) {
      server in
      let answer = try await server.exchange(
        rawRequest(body: Array(repeating: 97, count: 5000), type: type)
      )
      #expect(answer.status == 413)
      #expect(answer.text.contains("limit of 1000 bytes"))
    }
  }

  @Test func `refuses 300 megabytes before they come`() async throws {
    try await LiveServer.with { server in
      let head = String(decoding: rawRequest(body: [], type: "application/json"), as: UTF8.self)
        .replacing("Content-Length: 0", with: "Content-Length: 300000000")
      let answer = try await server.exchange(Array(head.utf8))
      #expect(answer.status == 413)
      #expect(answer.headers["connection"] == "close")
    }
  }

  @Test(arguments: [
    "../../a.bin", "..\\\\..\\\\a.bin", "/etc/passwd", "a\u{0}b.png", "%2e%2e%2fa.png", ".", "..",
    String(repeating: "a", count: 5000), "a.png\u{7}", "C:\\\\x.png",
  ])
  func `makes no path of a file's name`(name: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let image = part("image", picture, fileName: name, type: "image/png")
      let answer = try await server.exchange(request([image]))
      #expect(answer.status == 200)
      #expect(answer.headers["content-disposition"] == "attachment; filename=\"output.mp4\"")
      #expect(server.leftovers == [])
    }
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test(arguments: [
    #"{"image":"#, String(repeating: "[", count: 200_000),
    #"{"seed":"# + String(repeating: "[", count: 5000),
    #"{"seed":\#(String(repeating: "9", count: 5000))}"#, "\u{FEFF}{}", "null", "[]", "1",
    "{\"a\":1,}", "{\"seed\":NaN}",
  ])
  func `answers JSON that is none, or too much, with what is wrong`(body: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(
        rawRequest(body: Array(body.utf8), type: "application/json")
      )
      #expect(answer.status == 400)
      #expect(answer.text.hasPrefix(#"{"error":"1 validation error for Input","detail":[{"#))
      #expect(answer.body.count < 1000)
    }
  }

  @Test func `a request that is not HTTP is told so`() async throws {
    try await LiveServer.with { server in
      try await server.expect(400, for: Array("NONSENSE\r\n\r\n".utf8))
      let header = "X: \(String(repeating: "a", count: 70_000))\r\n"
      try await server.expect(200, for: plain("GET", "/livez", headers: header))
    }
  }
}
