// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import Serving
import Testing

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

@Suite struct `SHA-256` {
  /// The examples of FIPS 180-4 and of NIST's test vectors.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func `is the standard's`(message: String, digest: String) {
    #expect(hex(SHA256.hash(message.utf8)) == digest)
  }
}

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
