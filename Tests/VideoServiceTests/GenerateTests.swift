// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Posting to generate` {
  @Test func `answers the tutorial's curl line with the clip`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let photo = "\(server.directory)/photo.png"
      let clip = "\(server.directory)/generated.mp4"
      try Data(picture).write(to: URL(filePath: photo))
      let result = try await Subprocess.run(
        .name("curl"),
        arguments: [
          "--silent", "--show-error", "--write-out", "%{http_code} %{content_type}",
          "-X", "POST", "http://localhost:\(server.port)/generate",
          "-H", "accept: video/*",
          "-H", "Content-Type: multipart/form-data",
          "-F", "image=@\(photo);type=image/png",
          "-F", "decode_chunk_size=2",
          "-F", "seed=null",
          "-o", clip,
        ],
        output: .string(limit: 4096),
        error: .string(limit: 4096)
      )
      #expect(result.terminationStatus == .exited(0))
      #expect(result.standardOutput == "200 video/mp4")
      #expect(result.standardError == "")
      #expect(try Data(contentsOf: URL(filePath: clip)) == StubGenerator.clip)
      #expect(server.leftovers.sorted() == ["generated.mp4", "photo.png"])
    }
    var asked = try #require(generator.state.requests.first)
    #expect(asked.seed != nil)
    asked.seed = nil
    #expect(asked.model == "stub")
    asked.model = nil
    #expect(asked == ClipRequest())
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `sends the headers that clients rely on`() async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(request([imagePart, part("seed", "42")]))
      #expect(answer.status == 200)
      #expect(Data(answer.body) == StubGenerator.clip)
      #expect(answer.headers["content-type"] == "video/mp4")
      #expect(answer.headers["content-disposition"] == "attachment; filename=\"output.mp4\"")
      #expect(answer.headers["content-length"] == "300000")
      #expect(answer.headers["server"] == "Zoetrope/1.2.3")
      #expect(answer.headers["x-zoetrope-seed"] == "42")
      #expect(answer.headers["server-timing"] == "denoise;dur=1500")
      #expect(answer.headers["x-bentoml-request-id"]?.count == 16)
      #expect(answer.headers["date"] != nil)
      #expect(server.leftovers == [])
    }
  }

  /// One way of sending the same picture with `decode_chunk_size` 4 and `seed` 9.
  struct Layout: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let parts: [[UInt8]]
  }

  static let layouts = [
    Layout(
      testDescription: "curl",
      parts: [imagePart, part("decode_chunk_size", "4"), part("seed", "9")]
    ),
    Layout(
      testDescription: "the Python client",
      parts: [part("seed", "9"), part("decode_chunk_size", "4"), imagePart]
    ),
    Layout(
      testDescription: "Swagger's page",
      parts: [
        imagePart,
        part("decode_chunk_size", Array("4".utf8), fileName: "blob", type: "application/json"),
        part("seed", Array("9".utf8), fileName: "blob", type: "application/json"),
      ]
    ),
    Layout(
      testDescription: "the first file and the last value count",
      parts: [
        part("seed", "8"), imagePart, part("unknown", "x"), part("decode_chunk_size", "\"4\""),
        part("image", Array("another".utf8), fileName: "b.png"), part("seed", "9"),
      ]
    ),
    Layout(
      testDescription: "a file input left blank",
      parts: [
        part("image", [], fileName: ""), imagePart, part("decode_chunk_size", "4.0"),
        part("seed", "9"),
      ]
    ),
  ]

  @Test(arguments: layouts)
  func `reads the layouts of curl, the Python client and pages alike`(
    layout: Layout
  ) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let answer = try await server.exchange(request(layout.parts))
      #expect(answer.status == 200)
    }
    var expected = ClipRequest()
    expected.model = "stub"
    expected.decodeChunkSize = 4
    expected.seed = 9
    #expect(generator.state.requests == [expected])
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `reads every parameter of the pipeline`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let fields = [
        ("num_frames", "14"), ("num_inference_steps", "20"), ("min_guidance_scale", "1.5"),
        ("max_guidance_scale", "2.5"), ("fps", "8"), ("motion_bucket_id", "100"),
        ("noise_aug_strength", "0.1"), ("width", "512"), ("height", "320"), ("fit", "crop"),
        ("format", "webm"), ("seed", "-1"), ("decode_chunk_size", "3"),
        ("playback", "ping-pong"), ("guidance_shape", "triangle"), ("guidance_scales", "1, 2.5,3"),
        ("model", "stub"),
      ]
      let answer = try await server.exchange(
        request([imagePart] + fields.map { part($0.0, $0.1) })
      )
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "video/webm")
      #expect(answer.headers["content-disposition"] == "attachment; filename=\"output.webm\"")
      #expect(answer.headers["x-zoetrope-seed"] == "18446744073709551615")
    }
    #expect(generator.state.requests == [everyParameter])
  }

  @Test(arguments: ["[1,2.5,3]", "[1, 2.5, 3.0]", "\"1,2.5,3\"", "1,2.5,3"])
  func `takes a list of numbers however it is written`(text: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let answer = try await server.exchange(request([imagePart, part("guidance_scales", text)]))
      #expect(answer.status == 200)
    }
    #expect(generator.state.requests.map(\.guidanceScales) == [[1, 2.5, 3]])
  }

  @Test(arguments: ["[]", "1,,2", "one", "[1,[2]]", "101", "-1", "{}", "[true]", "nan"])
  func `refuses what is no list of scales`(text: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(request([imagePart, part("guidance_scales", text)]))
      #expect(answer.status == 400)
      #expect(answer.text.contains("guidance_scales must be up to 256 numbers"))
    }
  }

  @Test(arguments: ["", "data:image/png;base64,"])
  func `takes a JSON body with the picture in base64`(prefix: String) async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let image = prefix + Data(picture).base64EncodedString()
      let body = "{\"image\": \"\(image)\", \"seed\": 18446744073709551615}"
      let answer = try await server.exchange(
        rawRequest(body: Array(body.utf8), type: "application/json")
      )
      #expect(answer.status == 200)
    }
    #expect(generator.state.requests.map(\.seed) == [.max])
    #expect(generator.state.pictures == [Data(picture)])
  }

  @Test func `serves several requests over one connection`() async throws {
    try await LiveServer.with { server in
      let connection = try await RawConnection(port: server.port)
      for seed in 1...3 {
        try await connection.send(request([imagePart, part("seed", "\(seed)")]))
        let answer = try await connection.answer()
        #expect(answer.status == 200)
        #expect(answer.headers["x-zoetrope-seed"] == "\(seed)")
        #expect(answer.body.count == StubGenerator.clip.count)
      }
      try await connection.send(plain("GET", "/livez"))
      #expect(try await connection.answer().status == 200)
      await connection.close()
    }
  }

  @Test func `tells a client that waits for it to go on with the body`() async throws {
    try await LiveServer.with { server in
      let whole = request([imagePart], headers: "Expect: 100-continue\r\n")
      let headEnd = whole.count - imagePart.count - "--XBX--\r\n".utf8.count
      let connection = try await RawConnection(port: server.port)
      try await connection.send(Array(whole[..<headEnd]))
      #expect(try await connection.answer().status == 100)
      try await connection.send(Array(whole[headEnd...]))
      #expect(try await connection.answer().status == 200)
      await connection.close()
    }
  }
}
