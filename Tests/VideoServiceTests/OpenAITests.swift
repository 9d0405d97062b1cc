// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import Testing
import VideoService

/// A clip that plays, of 25 frames.
private func playableClip() async throws -> Data {
  let result = try await Subprocess.run(
    .name("ffmpeg"),
    arguments: [
      "-v", "error", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=7", "-frames:v", "25",
      "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1",
    ],
    output: .bytes(limit: 4 << 20),
    error: .string(limit: 1 << 16)
  )
  try #require(result.terminationStatus == .exited(0), "\(result.standardError)")
  return Data(result.standardOutput)
}

@Suite(
  .enabled(if: PythonClient.python != nil, "ZOETROPE_TEST_PYTHON is not set"),
  .serialized,
  .timeLimit(.minutes(15))
)
struct `OpenAI's own client` {
  private func client(
    _ kind: String,
    _ server: LiveServer,
    key: String = "none"
  ) async throws -> JSON {
    try await PythonClient.run(
      "openai_client.py",
      [kind, "http://127.0.0.1:\(server.port)", "picture", key]
    )
  }

  @Test func `makes, sees, downloads, lists and deletes a video`() async throws {
    let clip = try await playableClip()
    let generator = StubGenerator(clip: clip)
    try await LiveServer.with(generator) { server in
      let seen = try await client("whole", server)
      let video = try #require(seen["made"])
      #expect(video["object"]?.text == #""video""#)
      #expect(video["status"]?.text == #""completed""#)
      #expect(video["progress"]?.text == "100")
      #expect(video["prompt"]?.text == #""a boat at sea""#)
      #expect(video["size"]?.text == #""1024x576""#)
      #expect(video["model"]?.text == #""stub""#)
      #expect(video["id"]?.text.count == 2 + 6 + 32)
      #expect(seen["again"]?.text == "true")
      #expect(video["error"]?.text ?? "null" == "null")
      for name in ["video", "default"] {
        #expect(seen[name]?["bytes"]?.text == "\(clip.count)")
      }
      // RIFF, and the start of a JPEG.
      #expect(seen["thumbnail"]?["start"]?.text.hasPrefix(#""52494646"#) == true)
      #expect(seen["spritesheet"]?["start"]?.text.hasPrefix(#""ffd8ff"#) == true)
      #expect(seen["listed"]?.text == "[true]")
      #expect(seen["deleted"]?.sorted == #"{"deleted":true,"id":true,"object":"video.deleted"}"#)
      #expect(seen["left"]?.text == "0")
      #expect(server.kept == [])
    }
    let request = try #require(generator.state.requests.first)
    #expect(request.seed == 7)
    #expect(request.framesPerSecond == 6)
    #expect(request.frameCount == 24)
    #expect([request.width, request.height] == [1024, 576])
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `turns the pages of the list`() async throws {
    try await LiveServer.with { server in
      let seen = try await client("pages", server)
      #expect(seen["newest"]?.text == "true")
      #expect(seen["oldest"]?.text == "true")
      #expect(seen["sizes"]?.text == "[2,3]")
      #expect(seen["more"]?.text == "[true,false]")
    }
  }

  @Test func `waits for a video without blocking`() async throws {
    try await LiveServer.with { server in
      let seen = try await client("async", server)
      #expect(seen["status"]?.text == #""completed""#)
      #expect(seen["bytes"]?.text == "300000")
    }
  }

  @Test func `raises the exceptions it has for what is wrong`() async throws {
    let key = APIKeys.random()
    let keys = try APIKeys(text: APIKeys.line(for: key, named: "alice"))
    try await LiveServer.with(StubGenerator(), { _, settings in settings.keys = keys }) { server in
      let errors = try #require(try await client("refused", server, key: key)["errors"])
      let expected: [(exception: String, param: String, code: String, words: String)] = [
        ("BadRequestError", #""input_reference""#, "missing", "input_reference is required"),
        ("BadRequestError", #""size""#, "value_error", "size must be such as 1024x576"),
        ("BadRequestError", #""seconds""#, "less_than_equal", "seconds must be from"),
        ("NotFoundError", "null", "not_found", "there is no video video_0000"),
        ("NotFoundError", "null", "not_found", "there is no video 0000"),
        ("NotFoundError", "null", "not_found", "there is no video video_x"),
        ("BadRequestError", #""limit""#, "greater_than_equal", "limit must be from 1 to 100"),
        ("NotFoundError", "null", "", ""),
        ("AuthenticationError", "null", "invalid_api_key", "Authorization error"),
      ]
      for (index, (exception, param, code, words)) in expected.enumerated() {
        let error = try #require(errors[index])
        #expect(error["exception"]?.text == "\"\(exception)\"", "\(error.text)")
        #expect(error["param"]?.text == param, "\(error.text)")
        guard !code.isEmpty else { continue }
        #expect(error["code"]?.text == "\"\(code)\"", "\(error.text)")
        #expect(error["type"]?.text == #""invalid_request_error""#)
        #expect(error["message"]?.text.contains(words) == true, "\(error.text)")
      }
    }
  }

  @Test func `can end what it began`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    try await LiveServer.with(generator) { server in
      let seen = try await client("cancel", server)
      #expect(seen["early"]?.text.contains("the video is not ready yet") == true)
      #expect(seen["after"]?.text == #""failed""#)
      #expect(seen["polled"]?.text == #""failed""#)
      #expect(seen["code"]?.text == #""cancelled""#)
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `OpenAI's videos` {
  private func post(_ body: String) -> [UInt8] {
    let head = """
      POST /v1/videos HTTP/1.1\r
      Host: localhost\r
      Content-Type: application/json\r
      Content-Length: \(body.utf8.count)\r
      \r

      """
    return Array((head + body).utf8)
  }

  @Test(arguments: [
    #"{"image_url":"data:image/png;base64,AQID"}"#, #""data:image/png;base64,AQID""#, #""AQID""#,
  ])
  func `take a picture in JSON`(reference: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let body = #"{"prompt":"x","input_reference":\#(reference),"seconds":"2"}"#
      let answer = try await server.exchange(post(body))
      #expect(answer.status == 200, "\(answer.text)")
      let video = try #require(JSON(parsing: answer.body))
      #expect(video["seconds"]?.text == #""2""#)
      try await until { generator.state.requests.count == 1 }
    }
    #expect(generator.state.pictures == [Data([1, 2, 3])])
    #expect(generator.state.requests.first?.frameCount == 14)
  }

  @Test(arguments: [
    (#"{"file_id":"file-1"}"#, "not one with file_id"),
    (#"{"image_url":"http://127.0.0.1/x.png"}"#, "must be base64 or a base64 data: URI"),
    ("7", "sent as a file"), ("null", "sent as a file"),
  ])
  func `take no other picture`(reference: String, words: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(
        post(#"{"prompt":"x","input_reference":\#(reference)}"#)
      )
      #expect(answer.status == 400)
      let error = try #require(JSON(parsing: answer.body)?["error"])
      #expect(error["param"]?.text == #""input_reference""#)
      #expect(error["message"]?.text.contains(words) == true, "\(answer.text)")
    }
  }

  @Test func `say why there is none`() async throws {
    let failure = ClipError(.badParameter("width"), "width is too large for this model")
    try await LiveServer.with(StubGenerator(failure: failure)) { server in
      let made = try await server.exchange(post(#"{"input_reference":"AQID"}"#))
      let id = try #require(JSON(parsing: made.body)?["id"]?.text.dropFirst().dropLast())
      var video = try #require(JSON(parsing: made.body))
      while video["status"]?.text != #""failed""# {
        let answer = try await server.exchange(plain("GET", "/v1/videos/\(id)"))
        video = try #require(JSON(parsing: answer.body))
      }
      #expect(video["error"]?["message"]?.text == #""width is too large for this model""#)
      #expect(video["error"]?["param"]?.text == #""size""#)
      #expect(video["completed_at"]?.text == "null")
      let content = try await server.exchange(plain("GET", "/v1/videos/\(id)/content"))
      #expect(content.status == 400)
      #expect(content.text.contains("width is too large for this model"))
    }
  }

  @Test func `are the owner's alone`() async throws {
    let names = ["alice", "bob"]
    let secrets = names.map { _ in APIKeys.random() }
    let lines = zip(secrets, names).map { APIKeys.line(for: $0, named: $1) }
    let keys = try APIKeys(text: lines.joined(separator: "\n"))
    try await LiveServer.with(StubGenerator(), { _, settings in settings.keys = keys }) { server in
      let headers = secrets.map { "Authorization: Bearer \($0)\r\n" }
      let body = #"{"input_reference":"AQID"}"#
      let head = String(decoding: post(body), as: UTF8.self)
        .replacing("Host: localhost\r\n", with: "Host: localhost\r\n\(headers[0])")
      let made = try await server.exchange(Array(head.utf8))
      let id = try #require(JSON(parsing: made.body)?["id"]?.text.dropFirst().dropLast())
      for (header, status) in zip(headers, [200, 404]) {
        try await server.expect(status, for: plain("GET", "/v1/videos/\(id)", headers: header))
      }
      let list = try await server.exchange(plain("GET", "/v1/videos", headers: headers[1]))
      #expect(JSON(parsing: list.body)?["data"]?.text == "[]")
      try await server.expect(
        404,
        for: plain("DELETE", "/v1/videos/\(id)", headers: headers[1])
      )
    }
  }

  @Test func `repeat nothing for a repeated request`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let text = String(decoding: post(#"{"input_reference":"AQID"}"#), as: UTF8.self)
        .replacing("Host: localhost\r\n", with: "Host: localhost\r\nIdempotency-Key: k1\r\n")
      let first = try await server.exchange(Array(text.utf8))
      let second = try await server.exchange(Array(text.utf8))
      #expect(JSON(parsing: first.body)?["id"]?.text == JSON(parsing: second.body)?["id"]?.text)
      let other = text.replacing("AQID", with: "AQIE")
      try await server.expect(409, for: Array(other.utf8))
    }
  }
}
