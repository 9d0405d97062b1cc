// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Jobs over HTTP` {
  /// The request, to another path.
  private func sent(_ bytes: [UInt8], to path: String) -> [UInt8] {
    Array("POST \(path)".utf8) + bytes.dropFirst("POST /generate".utf8.count)
  }

  @Test func `are asked for, watched, fetched and removed`() async throws {
    try await LiveServer.with { server in
      let form = request(
        [imagePart, part("seed", "-1"), part("priority", "3")],
        headers: "Idempotency-Key: one\r\n"
      )
      let accepted = try await server.exchange(sent(form, to: "/jobs"))
      #expect(accepted.status == 202, "\(accepted.text)")
      #expect(accepted.text.contains(#""seed":"18446744073709551615""#), "\(accepted.text)")
      let path = try #require(accepted.headers["location"])
      let again = try await server.exchange(sent(form, to: "/jobs"))
      #expect(again.headers["location"] == path)
      let events = try await RawConnection(port: server.port)
      try await events.send(plain("GET", "\(path)/events"))
      try await until { events.receivedText.contains("event: end\n") }
      await events.close()
      let job = try await server.exchange(plain("GET", path))
      #expect(job.text.contains(#""state":"succeeded""#), "\(job.text)")
      #expect(job.text.contains(#""url":"\#(path)/clip""#), "\(job.text)")
      let clip = try await server.exchange(
        plain("GET", "\(path)/clip", headers: "Range: bytes=10-19\r\n")
      )
      #expect(clip.status == 206)
      #expect(Data(clip.body) == StubGenerator.clip[10..<20])
      let shown = try await server.exchange(plain("GET", "\(path)/picture"))
      #expect(shown.body == picture)
      let list = try await server.exchange(plain("GET", "/jobs?limit=1&state=succeeded"))
      #expect(list.text.hasSuffix(#""has_more":false}"#), "\(list.text)")
      let retried = try await server.exchange(plain("POST", "\(path)/retry"))
      #expect(retried.status == 202)
      try await server.expect(204, for: plain("DELETE", path))
      try await server.expect(404, for: plain("GET", path))
      try await server.expect(404, for: plain("GET", "\(path)/clip"))
    }
  }

  @Test func `that have a clip can be extended`() async throws {
    // What the engine makes of it is not this suite's matter, but a clip has to look like one.
    let movie = Data([0, 0, 0, 0x20] + Array("ftypisom".utf8) + Array(repeating: 1, count: 999))
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release, onlyFor: 2, clip: movie)
    try await LiveServer.with(generator) { server in
      var paths: [String] = []
      for fields in [[part("seed", "1")], [part("seed", "2")], [part("playback", "loop")]] {
        let form = request([imagePart] + fields)
        let accepted = try await server.exchange(sent(form, to: "/jobs"))
        paths.append(try #require(accepted.headers["location"]))
      }
      try await until { generator.state.requests.count == 2 }
      // One is being made, and one plays in a loop, as it would without a clip.
      func extend(_ path: String, _ body: String = "{}") async throws -> Answer {
        let bytes = rawRequest(body: Array(body.utf8), type: "application/json")
        return try await server.exchange(sent(bytes, to: "\(path)/extend"))
      }
      #expect(try await extend(paths[1]).status == 409)
      let longer = try await extend(paths[0], #"{"seed": 9, "num_frames": 5}"#)
      #expect(longer.status == 202, "\(longer.text)")
      release.happen()
      try await until { generator.state.requests.count == 4 }
      let last = try #require(generator.state.requests.last)
      #expect(last.continuedFrames == 25)
      #expect(last.seed == 9)
      #expect(last.frameCount == 5)
      #expect(generator.state.pictures.last == movie)
      #expect(try await extend(paths[2]).status == 409)
      let path = try #require(longer.headers["location"])
      let shown = try await server.exchange(plain("GET", "\(path)/picture"))
      #expect(shown.headers["content-type"] == "video/mp4")
      #expect(try await extend("/jobs/none").status == 404)
    }
  }

  private static let several: [(fields: [String: String], seeds: [String])] = [
    (["seeds": "5, -1,7"], ["5", "18446744073709551615", "7"]), (["seeds": "[9]"], ["9"]),
    (
      ["num_clips": "3", "seed": "18446744073709551615"], ["18446744073709551615", "0", "1"]
    ),
  ]

  @Test(arguments: Self.several)
  func `of several seeds come from one picture`(
    _ fields: [String: String],
    _ seeds: [String]
  )
    async throws
  {
    let parts = fields.map { part($0.key, $0.value) }
    try await LiveServer.with { server in
      let form = request([imagePart] + parts, headers: "Idempotency-Key: one\r\n")
      let accepted = try await server.exchange(sent(form, to: "/jobs"))
      #expect(accepted.status == 202, "\(accepted.text)")
      let list = try #require(JSON(parsing: accepted.body)?["jobs"])
      #expect(seeds.indices.map { list[$0]?["seed"]?.text } == seeds.map { "\"\($0)\"" })
      #expect(list[seeds.count] == nil)
      let again = try await server.exchange(sent(form, to: "/jobs"))
      let repeated = JSON(parsing: again.body)?["jobs"]
      #expect(repeated?[0]?["id"]?.text == list[0]?["id"]?.text)
      #expect(server.kept.count == seeds.count)
    }
  }

  @Test func `are refused with the field that is wrong`() async throws {
    try await LiveServer.with { server in
      for (name, value) in [
        ("priority", "11"), ("width", "1"), ("webhook_url", "http://127.0.0.1/"),
        ("num_clips", "0"), ("num_clips", "17"), ("seeds", "1,x"), ("seeds", "1,,2"),
        ("seeds", String(repeating: "1,", count: 16) + "1"),
      ] {
        let answer = try await server.exchange(
          sent(request([imagePart, part(name, value)]), to: "/jobs")
        )
        #expect(answer.status == 400)
        #expect(answer.text.contains(#""loc":["\#(name)"]"#), "\(answer.text)")
      }
      let both = request([imagePart, part("seeds", "1,2"), part("num_clips", "2")])
      let answer = try await server.exchange(sent(both, to: "/jobs"))
      #expect(answer.status == 400)
      #expect(answer.text.contains(#""loc":["num_clips"]"#), "\(answer.text)")
      #expect(server.kept == [])
    }
  }
}
