// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(2))) struct `Previews of jobs` {
  private static let picture: ClipPreview = {
    var pixels: [UInt8] = []
    for y in UInt8(0)..<18 { for x in UInt8(0)..<32 { pixels += [x * 8, y * 14, 90] } }
    return ClipPreview(width: 32, height: 18, pixels: pixels)
  }()

  private func job(_ server: LiveServer, seed: Int) async throws -> String {
    let form = request([imagePart, part("seed", "\(seed)")])
    let accepted = try await server.exchange(
      Array("POST /jobs".utf8) + form.dropFirst("POST /generate".utf8.count)
    )
    return try #require(accepted.headers["location"])
  }

  @Test func `come with the events and by themselves, and are gone with the end`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release, preview: Self.picture)
    try await LiveServer.with(generator) { server in
      let running = try await job(server, seed: 1)
      let waiting = try await job(server, seed: 2)
      let early = try await server.exchange(plain("GET", "\(waiting)/preview"))
      #expect(early.status == 404)
      #expect(early.text.contains("after its first step"), "\(early.text)")

      // Who comes after the step sees it all the same.
      try await until { generator.state.running == 1 }
      let events = try await RawConnection(port: server.port)
      try await events.send(plain("GET", "\(running)/events"))
      try await until { events.receivedText.contains("event: preview\n") }
      try await until {
        events.receivedText.firstMatch(of: /"url":"data:image\/webp;base64,[^"]+"}\n/) != nil
      }
      let text = events.receivedText
      let told = try #require(
        text.firstMatch(
          of:
            /id: (\d+)\nevent: preview\ndata: {"number":(\d+),"url":"data:image\/webp;base64,([^"]+)"}/
        )
      )
      #expect(told.1 == told.2)
      let shown = try await server.exchange(plain("GET", "\(running)/preview"))
      #expect(shown.status == 200)
      #expect(shown.headers["content-type"] == "image/webp")
      #expect(shown.headers["cache-control"] == "no-store")
      #expect(shown.body.starts(with: Array("RIFF".utf8)))
      #expect(shown.body.count < 20_000)
      #expect(Data(base64Encoded: String(told.3)) == Data(shown.body))

      // Who comes back having seen it is not shown it again.
      let back = try await RawConnection(port: server.port)
      let headers = "Last-Event-ID: \(told.1)\r\n"
      try await back.send(plain("GET", "\(running)/events", headers: headers))
      release.happen()
      for connection in [events, back] {
        try await until { connection.receivedText.contains("event: end\n") }
      }
      #expect(!back.receivedText.contains("event: preview\n"))
      await events.close()
      await back.close()
      let late = try await server.exchange(plain("GET", "\(running)/preview"))
      #expect(late.status == 404)
      #expect(late.text.contains("the preview is gone"), "\(late.text)")
      try await server.expect(404, for: plain("GET", "/jobs/none/preview"))
    }
  }
}
