// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

/// What a program did.
struct Outcome {
  let status: TerminationStatus
  let output: String
  let error: String

  var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// The program under test, as a person would run it, and the Python of the Hub's own tools.
enum Command {
  /// The built program, beside the test bundle.
  static let zoetrope: FilePath = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    var parts = bundle.split(separator: "/", omittingEmptySubsequences: false)
    while let last = parts.last, !last.hasSuffix(".xctest") { parts.removeLast() }
    return FilePath(parts.dropLast().joined(separator: "/") + "/zoetrope")
  }()

  /// A Python that has `huggingface_hub`; `Tools/test.sh` makes one.
  static let python = ProcessInfo.processInfo.environment["ZOETROPE_TEST_PYTHON"]

  /// The variables by which both find a pretended Hub, and nothing of this machine's.
  static func environment(_ hub: StandIn, _ cache: String) -> Environment {
    .inherit.updating([
      "HF_ENDPOINT": hub.address, "HF_HUB_CACHE": "\(hub.folder)/\(cache)",
      "HF_HOME": "\(hub.folder)/home", "HF_TOKEN": nil, "HF_HUB_OFFLINE": nil,
      "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HTTP_PROXY": nil,
      "http_proxy": nil, "ALL_PROXY": nil, "all_proxy": nil, "ZOETROPE_MODEL": nil,
    ])
  }

  static func run(
    _ hub: StandIn,
    _ arguments: [String],
    cache: String = "cache",
    variables: [String: String] = [:]
  ) async throws -> Outcome {
    var changes: [Environment.Key: String?] = ["OMP_WAIT_POLICY": "passive"]
    for (key, value) in variables { changes[Environment.Key(stringLiteral: key)] = value }
    return try await run(
      zoetrope,
      arguments,
      environment(hub, cache).updating(changes)
    )
  }

  static func run(
    _ program: FilePath,
    _ arguments: [String],
    _ environment: Environment
  ) async throws -> Outcome {
    let result = try await Subprocess.run(
      .path(program),
      arguments: Arguments(arguments),
      environment: environment,
      output: .string(limit: 1 << 22),
      error: .string(limit: 1 << 22)
    )
    return Outcome(
      status: result.terminationStatus,
      output: result.standardOutput,
      error: result.standardError
    )
  }

  /// The files of the smallest checkpoint that can be used.
  static func tinyCheckpoint() async throws -> [String: [UInt8]] {
    let folder = URL.temporaryDirectory.appending(path: "tiny-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = try await run(
      zoetrope,
      ["model", "init", "--tiny", folder],
      .inherit
    )
    try #require(made.status == .exited(0), "\(made.error)")
    var files: [String: [UInt8]] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      files[path] = FileManager.default.contents(atPath: "\(folder)/\(path)").map { Array($0) }
    }
    return files
  }
}
