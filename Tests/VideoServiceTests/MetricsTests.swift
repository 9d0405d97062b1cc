// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `The metrics` {
  private static let labels =
    #"runner_name="StableDiffusionVideo",service_name="StableDiffusionVideo",service_version="1.2.3""#

  private func metrics(_ server: LiveServer) async throws -> [Substring: String] {
    let answer = try await server.exchange(plain("GET", "/metrics"))
    #expect(answer.status == 200)
    #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    let pairs = answer.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { line in
        let space = line.lastIndex(of: " ") ?? line.startIndex
        return (line[..<space], String(line[line.index(after: space)...]))
      }
    return Dictionary(pairs) { first, _ in first }
  }

  @Test func `count under BentoML's names`() async throws {
    try await LiveServer.with { server in
      func total(_ path: String, _ status: Int) -> Substring {
        "bentoml_service_request_total{endpoint=\"\(path)\",http_response_code=\"\(status)\",\(Self.labels)}"
      }
      let before = try await metrics(server)
      #expect(before[total("/generate", 200)] == "0.0")
      #expect(before[total("/generate", 500)] == "0.0")
      try await server.expect(200, for: plain("GET", "/readyz"))
      try await server.expect(200, for: request([imagePart]))
      try await server.expect(400, for: request([part("seed", "1")]))
      let after = try await metrics(server)
      #expect(after[total("/readyz", 200)] == "1.0")
      #expect(after[total("/generate", 200)] == "1.0")
      #expect(after[total("/generate", 400)] == "1.0")
      #expect(after.keys.allSatisfy { !$0.contains("/metrics") })
      let endpoint = "endpoint=\"/generate\""
      #expect(
        after["bentoml_service_request_in_progress{\(endpoint),\(Self.labels)}"] == "0.0"
      )
      #expect(
        after[
          "bentoml_service_request_duration_seconds_count{\(endpoint),http_response_code=\"200\",\(Self.labels)}"
        ] == "1.0"
      )
      #expect(after["bentoml_service_last_request_timestamp_seconds{\(Self.labels)}"] != nil)
    }
  }

  @Test func `say how much runs and waits`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      async let first = server.exchange(request([imagePart]))
      try await until { generator.state.running == 1 }
      async let second = server.exchange(request([imagePart]))
      while try await metrics(server)["bentoml_service_work_waiting{\(Self.labels)}"] != "1.0" {}
      #expect(try await metrics(server)["bentoml_service_work_running{\(Self.labels)}"] == "1.0")
      release.happen()
      #expect(try await [first.status, second.status] == [200, 200])
    }
  }

  /// BentoML keeps a series for each of them, for ever.
  @Test func `do not grow with paths that are made up`() async throws {
    try await LiveServer.with { server in
      let connection = try await RawConnection(port: server.port)
      for index in 0..<2000 {
        try await connection.send(plain("GET", "/unknown/\(index)"))
        _ = try await connection.answer()
      }
      await connection.close()
      let metrics = try await metrics(server)
      #expect(metrics.count < 100)
      #expect(metrics.keys.allSatisfy { !$0.contains("unknown") })
    }
  }
}
