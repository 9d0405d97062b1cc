// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Testing

@Suite("The configuration of serve") struct ConfigurationTests {
  /// Nothing of this comes as far as a model.
  private func error(
    _ file: String?,
    _ arguments: [String] = [],
    environment: [String: String] = [:]
  ) async throws -> String {
    let place = try Workplace()
    var all = ["serve"] + arguments
    if let file { all += ["--config", try place.write("serve.yaml", Array(file.utf8))] }
    let outcome = try await Programs.run(
      Programs.zoetrope,
      all,
      environment: ["ZOETROPE_MODEL": "/nonexistent"].merging(environment) { $1 }
    )
    #expect(outcome.status != 0)
    #expect(outcome.errorLines.count == 1, "\(outcome.error)")
    return outcome.error.replacing(place.path + "/", with: "")
  }

  @Test("a flag comes before the environment, that before the file")
  func precedence() async throws {
    let file = "# where\nport: 70001\nqueue: 3\n"
    #expect(try await error(file).contains("serve.yaml, line 2: port 70001 is not"))
    #expect(
      try await error(file, environment: ["ZOETROPE_PORT": "70002"])
        .contains("ZOETROPE_PORT 70002 is not a whole number from 0 to 65535")
    )
    #expect(
      try await error(file, ["--port", "70003"], environment: ["ZOETROPE_PORT": "70002"])
        .contains("--port 70003 is not")
    )
    // With all of them right, it gets as far as the model.
    let right = "---\nport: 0 # any\nhost: \"127.0.0.1\"\r\ncors-origin:\n  - https://a.example\n"
    #expect(try await error(right).contains("/nonexistent"))
  }

  @Test(
    "what is wrong with a file is said with its line",
    arguments: [
      ("port 1\n", "line 1: neither"), ("\nprot: 1\n", "line 2: there is no setting prot"),
      ("\nport: 1\nport: 2\n", "line 2: port is given twice"),
      ("port: {a: 1}\n", "line 1: neither"), ("port:\n  a: 1\n", "line 2: neither"),
      ("cors-origin:\n  - a\n  - [b]\n", "line 3: neither"), ("- 1\n", "line 1: neither"),
      ("? [a]\n: 1\n", "line 1: neither"), ("port: !!int 1\n", "line 1: neither"),
      ("host: [a, b]\n", "line 1: host takes one value only"),
      ("\nhost: 'a\n\n", "line 2: found unexpected end of stream"),
      ("port: 1\n host: a\n", "line 2: mapping values are not allowed"),
      ("port: 1\n\u{1}", "line 2: control characters are not allowed"),
      ("port: 1\n---\nport: 2\n", "line 2: but found another document"),
      ("log-format: xml\n", "line 1: log-format xml is none of text, json"),
      ("open: yes\n", "line 1: open yes is neither true nor false"),
      ("cors-origin: [a, b\n", "line 2: did not find expected ',' or ']'"),
      ("port: 0\nqueue: *a\n", "line 2: `*` before a word"),
      ("device: gpu\n", "line 1: device gpu is none of auto, cpu, cuda, cuda:N"),
      ("device: [cpu, cuda]\n", "line 1: device cpu is none of"),
      ("cache: deep:51\n", "line 1: cache deep:51 is none of deep, deep:N with N from 1 to 50"),
      ("guidance-interval: 2:1\n", "line 1: guidance-interval 2:1 is none of LOW:HIGH"),
      ("compute: int8\n", "line 1: compute int8 is none of float16, bfloat16, float32"),
      ("memory: less\n", "line 1: memory less is none of standard, low"),
    ]
  )
  func wrongFiles(_ file: String, _ words: String) async throws {
    let error = try await error(file)
    #expect(error.contains("serve.yaml, \(words)"), "\(error)")
  }

  @Test("a file that stands for more than memory holds is refused at once")
  func bombs() async throws {
    let levels = (1..<64).map { "- &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }
    for file in [
      "? - &a0 [a]\n" + levels.map { "  " + $0 }.joined() + ": 1\n",
      "port: " + String(repeating: "[", count: 100_000),
      "port: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
      String(repeating: "? ", count: 900),
    ] {
      #expect(try await error(file).contains("serve.yaml, line "))
    }
  }

  @Test("where to compute can be said in the file and the environment")
  func devices() async throws {
    let file = "device: cpu\ncompute: bfloat16\nhost: ~\ncors-origin: \"*\" # all\n"
    #expect(try await error(file).contains("/nonexistent"))
    #expect(
      try await error(file, environment: ["ZOETROPE_DEVICE": "cuda:x"])
        .contains("ZOETROPE_DEVICE cuda:x is none of")
    )
    #expect(
      try await error(file, ["--device", "cpu"], environment: ["ZOETROPE_DEVICE": "cuda:x"])
        .contains("/nonexistent")
    )
  }

  @Test("an address that others can reach needs keys, or a word that it does not")
  func publicAddress() async throws {
    #expect(try await error(nil, ["--host", "0.0.0.0"]).contains("there are no API keys"))
    #expect(try await error("host: 0.0.0.0\nopen: true\n").contains("/nonexistent"))
    #expect(
      try await error(nil, ["--host", "0.0.0.0"], environment: ["ZOETROPE_OPEN": "true"])
        .contains("/nonexistent")
    )
    let place = try Workplace()
    let key = try await Programs.zoetrope("key", "alice")
    #expect(key.status == 0)
    #expect(key.error.contains("shown this once"))
    let keys = try place.write("keys.txt", Array(key.output.utf8))
    #expect(
      try await error(nil, ["--host", "0.0.0.0", "--api-keys", keys]).contains("/nonexistent")
    )
    let wrong = try place.write("wrong.txt", Array("alice 12\n".utf8))
    #expect(try await error(nil, ["--api-keys", wrong]).contains("line 1 of the API keys"))
    #expect(try await error(nil, ["--api-keys", "/none"]).contains("cannot be read"))
  }
}
