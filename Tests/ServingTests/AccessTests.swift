// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import Serving
import Testing

@Suite struct `API keys` {
  @Test func `are known by their hashes`() throws {
    let keys = (0..<3).map { _ in APIKeys.random() }
    #expect(Set(keys).count == 3)
    #expect(keys.allSatisfy { $0.count == 64 })
    let lines = zip(keys, ["a", "b", "c"]).map { APIKeys.line(for: $0, named: $1) }
    for (line, key) in zip(lines, keys) { #expect(!line.contains(key)) }
    let known = try APIKeys(text: "# keys\n\n\(lines[0])\r\n  \(lines[1])\n")
    #expect(known.name(for: "Bearer \(keys[0])") == "a")
    #expect(known.name(for: "bearer  \(keys[1])") == "b")
    #expect(known.name(for: "Bearer \(keys[2])") == nil)
    #expect(APIKeys.line(for: "abc", named: "x").hasPrefix("x sha256:ba7816bf8f01cfea"))
  }

  @Test func `are not matched by anything else`() throws {
    let key = APIKeys.random()
    let line = APIKeys.line(for: key, named: "a")
    let known = try APIKeys(text: line)
    let hash = String(line.dropFirst("a sha256:".count))
    for header in [
      nil, "", "Bearer", "Bearer ", key, "Basic \(key)", "Bearer \(key) x", "Bearer \(hash)",
      "Bearer \(key.dropLast())", "Bearer \(key.uppercased())",
    ] {
      #expect(known.name(for: header) == nil || header == "Bearer \(key)")
    }
  }

  @Test(arguments: [
    "", "# only a comment\n", "alice", "alice 1234", "alice sha256:12",
    "alice sha256:\(String(repeating: "g", count: 64))",
    "alice sha256:\(String(repeating: "a", count: 64)) more",
  ])
  func `are refused where they are not what they should be`(text: String) {
    let error = #expect(throws: ServingError.self) { try APIKeys(text: text) }
    #expect(error?.code == .badConfiguration)
  }
}

@Suite struct `A line of the log` {
  private func line(_ format: LineLogHandler.Format, _ message: String, _ value: String) -> String {
    LineLogHandler.line(
      format,
      .info,
      "\(message)",
      ["trace": "t"],
      ["client": "\(value)"],
      at: Date(timeIntervalSince1970: 1_000_000_000.5)
    )
  }

  @Test func `can be read by people and by programs`() {
    #expect(
      line(.text, "GET / 200", "::1")
        == "2001-09-09T01:46:40.500Z info GET / 200 client=::1 trace=t"
    )
    #expect(
      line(.json, "GET / 200", "::1")
        == #"{"time":"2001-09-09T01:46:40.500Z","level":"info","message":"GET / 200","#
        + #""client":"::1","trace":"t"}"#
    )
  }

  @Test func `stays one line whatever a client says`() {
    let text = line(.text, "a\nb\u{1B}[31m", "x y\"\r\n2026 error")
    #expect(
      text == "2001-09-09T01:46:40.500Z info a\\u{a}b\\u{1b}[31m "
        + "client=\"x y\\\"\\u{d}\\u{a}2026 error\" trace=t"
    )
    #expect(!line(.json, "a\nb", "\n").contains("\n"))
  }
}
