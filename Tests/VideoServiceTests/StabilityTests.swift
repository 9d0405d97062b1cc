// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

/// The start of a PNG file of a size.
private func png(_ width: UInt32, _ height: UInt32) -> [UInt8] {
  let number = { (value: UInt32) in
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }
  return [0x89] + Array("PNG\r\n\u{1A}\n".utf8) + number(13) + Array("IHDR".utf8)
    + number(width) + number(height) + [8, 2, 0, 0, 0]
}

/// The start of a JPEG file of a size.
private func jpeg(_ width: UInt16, _ height: UInt16) -> [UInt8] {
  let number = { (value: UInt16) in [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
  return [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + Array(repeating: 0, count: 14)
    + [0xFF, 0xC2, 0, 17, 8] + number(height) + number(width) + Array(repeating: 0, count: 12)
}

@Suite(
  .enabled(if: PythonClient.python != nil, "ZOETROPE_TEST_PYTHON is not set"),
  .serialized,
  .timeLimit(.minutes(15))
)
struct `A client of Stability's API` {
  private func client(
    _ server: LiveServer,
    _ accept: String,
    key: String = "none"
  ) async throws -> JSON {
    try await PythonClient.run(
      "stability_client.py",
      ["http://127.0.0.1:\(server.port)", "picture", key, accept],
      picture: png(576, 1024)
    )
  }

  @Test func `waits for its video, in bytes and in JSON`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let bytes = try await client(server, "video/*")
      #expect(bytes["type"]?.text == #""video/mp4""#)
      #expect(bytes["bytes"]?.text == "300000")
      #expect(bytes["body"]?.sorted == #"{"finish_reason":"SUCCESS","seed":"7"}"#)
      #expect(bytes["unknown"]?[0]?.text == "404")
      #expect(bytes["unknown"]?[1]?.text == #""not_found""#)
      let json = try await client(server, "application/json")
      #expect(json["type"]?.text == #""application/json""#)
      #expect(json["body"]?.sorted == #"{"finish_reason":"SUCCESS","seed":7}"#)
      #expect(json["hash"]?.text == bytes["hash"]?.text)
    }
    let request = try #require(generator.state.requests.first)
    #expect(request.seed == 7)
    #expect(request.minimumGuidance == 1)
    #expect(abs((request.maximumGuidance ?? 0) - 2.6) < 1e-9)
    #expect([request.width, request.height] == [576, 1024])
  }

  @Test func `is told that it must wait`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      async let seen = client(server, "video/*")
      try await until { generator.state.running == 1 }
      try await Task.sleep(for: .milliseconds(500))
      release.happen()
      #expect(try await seen["waited"]?.sorted == #"{"id":true,"status":"in-progress"}"#)
    }
  }

  @Test func `is refused in the words it knows`() async throws {
    let keys = try APIKeys(text: APIKeys.line(for: APIKeys.random(), named: "alice"))
    try await LiveServer.with(StubGenerator(), { _, settings in settings.keys = keys }) { server in
      let seen = try await client(server, "video/*")
      #expect(seen["status"]?.text == "401")
      #expect(seen["error"]?["name"]?.text == #""unauthorized""#)
      #expect(seen["error"]?["errors"]?.text == #"["Authorization error"]"#)
      #expect(seen["error"]?["id"]?.text.count == 18)
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Stability's image to video` {
  private func post(_ parts: [[UInt8]]) -> [UInt8] {
    let bytes = request(parts)
    let path = Array("/generate".utf8)
    guard let start = bytes.firstRange(of: path) else { return bytes }
    return bytes[..<start.lowerBound] + Array("/v2beta/image-to-video".utf8)
      + bytes[start.upperBound...]
  }

  @Test(arguments: [
    (png(1024, 576), [1024, 576]), (jpeg(768, 768), [768, 768]), (png(640, 480), []),
    (jpeg(576, 1024), [576, 1024]), (picture, []), ([0xFF, 0xD8, 0xFF], []), ([0x89], []),
    (Array(png(1024, 576).prefix(20)), []), (Array(jpeg(768, 768).prefix(24)), []),
  ])
  func `has the size of its picture if the hosted service took it`(
    picture: [UInt8],
    sides: [Int]
  ) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      try await server.expect(200, for: post([part("image", picture, fileName: "a.png")]))
      try await until { generator.state.requests.count == 1 }
    }
    let request = try #require(generator.state.requests.first)
    #expect([request.width, request.height].compactMap(\.self) == sides)
    #expect(request.fit == .crop)
    // Drawn when it was accepted.
    #expect(request.seed != nil)
  }

  @Test(arguments: [
    ("seed", "-1", "seed must be from 0 to 4294967294, not -1"),
    ("seed", "4294967295", "seed must be from 0 to 4294967294, not 4294967295"),
    ("cfg_scale", "10.1", "cfg_scale must be from 0.0 to 10.0, not 10.1"),
    ("motion_bucket_id", "0", "motion_bucket_id must be from 1 to 255, not 0"),
  ])
  func `refuses what the hosted service refused`(
    name: String,
    value: String,
    words: String
  ) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(post([imagePart, part(name, value)]))
      #expect(answer.status == 400)
      let error = try #require(JSON(parsing: answer.body))
      #expect(error["name"]?.text == #""bad_request""#)
      #expect(error["errors"]?.text == "[\"\(words)\"]")
    }
  }

  @Test func `says why there is no video`() async throws {
    let failure = ClipError(.badPicture, "the picture cannot be read")
    try await LiveServer.with(StubGenerator(failure: failure)) { server in
      let made = try await server.exchange(post([imagePart]))
      let id = try #require(JSON(parsing: made.body)?["id"]?.text.dropFirst().dropLast())
      var answer = made
      repeat {
        answer = try await server.exchange(plain("GET", "/v2beta/image-to-video/result/\(id)"))
      } while answer.status == 202
      #expect(answer.status == 400)
      #expect(answer.text.contains(#""errors":["the picture cannot be read"]"#))
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The same request through several APIs` {
  /// The stub writes what it was asked for: equal files come from equal requests.
  @Test func `is the same job`() async throws {
    let generator = StubGenerator()
    let photo = png(1024, 576)
    try await LiveServer.with(generator) { server in
      let common = [
        part("seed", "7"), part("motion_bucket_id", "90"), part("min_guidance_scale", "1"),
        part("max_guidance_scale", "3"), part("fit", "crop"),
      ]
      let image = { (name: String) in part(name, photo, fileName: "a.png") }
      try await server.expect(
        200,
        for: request([image("image"), part("width", "1024"), part("height", "576")] + common)
      )
      for (path, parts) in [
        ("/v1/videos", [image("input_reference"), part("size", "1024x576")] + common),
        (
          "/v2beta/image-to-video",
          [
            image("image"), part("seed", "7"), part("motion_bucket_id", "90"),
            part("cfg_scale", "2"),
          ]
        ),
      ] {
        var bytes = request(parts)
        let start = try #require(bytes.firstRange(of: Array("/generate".utf8)))
        bytes.replaceSubrange(start, with: Array(path.utf8))
        try await server.expect(200, for: bytes)
      }
      try await until { generator.state.requests.count == 3 }
    }
    let state = generator.state
    #expect(state.requests.allSatisfy { $0 == state.requests[0] })
    #expect(state.pictures.allSatisfy { $0 == Data(photo) })
  }
}
