// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

/// What a program did.
struct Outcome {
  let status: Int32
  let output: String
  let error: String

  var errorLines: [Substring] { error.split(separator: "\n") }
}

/// The programs under test, as a person would run them.
enum Programs {
  /// The folder that the build put them in: that of the test bundle.
  static let folder: String = {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? ""
    var parts = bundle.split(separator: "/", omittingEmptySubsequences: false)
    while let last = parts.last, !last.hasSuffix(".xctest") { parts.removeLast() }
    return parts.dropLast().joined(separator: "/")
  }()

  /// The folder of these tests.
  static let sources = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/")

  static var zoetrope: String { folder + "/zoetrope" }

  static func zoetrope(
    _ arguments: String...,
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await run(zoetrope, arguments, environment: environment)
  }

  static func shell(_ script: String) async throws -> Outcome {
    try await run("/bin/bash", ["-c", script])
  }

  static func run(
    _ program: String,
    _ arguments: [String],
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    // Several of these run at once on few cores; threads that wait must not hold them.
    var changes: [Environment.Key: String?] = ["OMP_WAIT_POLICY": "passive"]
    for (key, value) in environment { changes[Environment.Key(stringLiteral: key)] = value }
    let result = try await Subprocess.run(
      program.hasPrefix("/") ? .path(FilePath(program)) : .name(program),
      arguments: Arguments(arguments),
      environment: .inherit.updating(changes),
      output: .string(limit: 1 << 22),
      error: .string(limit: 1 << 22)
    )
    let status: Int32 =
      switch result.terminationStatus {
      case .exited(let code): Int32(code)
      case .signaled(let signal): 128 + Int32(signal)
      }
    return Outcome(
      status: status,
      output: result.standardOutput,
      error: result.standardError
    )
  }

  /// What ffprobe reads of a video: "width,height,frames,rate,codec,pixel format".
  static func probe(_ path: String) async throws -> String {
    let fields = "width,height,nb_read_frames,r_frame_rate,codec_name,pix_fmt"
    let outcome = try await run(
      "ffprobe",
      ["-v", "error", "-count_frames", "-select_streams", "v", "-of", "default=nk=0:nw=1"]
        + ["-show_entries", "stream=\(fields)", path]
    )
    #expect(outcome.status == 0, "ffprobe: \(outcome.error)")
    var values: [Substring: Substring] = [:]
    for line in outcome.output.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    return fields.split(separator: ",").map { values[$0] ?? "?" }.joined(separator: ",")
  }
}

/// A photograph of a lake, 480 pixels wide.
enum Assets {
  static let photograph = Programs.sources + "/Assets/lake-sherburne.jpg"
}

/// A folder that is gone after the test, with a tiny checkpoint in it.
struct Workplace: ~Copyable {
  let path: String

  init() throws {
    path = URL.temporaryDirectory.appending(path: "zoetrope-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var model: String { path + "/model" }

  func makeModel() async throws {
    let outcome = try await Programs.zoetrope("model", "init", "--tiny", model)
    try #require(outcome.status == 0, "\(outcome.error)")
  }

  /// Copies the programs to `bin`, as an installation has them.
  ///
  /// - Returns: The path of `zoetrope` there.
  func installProgram() throws -> String {
    let folder = path + "/bin"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["zoetrope", "zoetrope-picture"] {
      try FileManager.default.copyItem(
        atPath: Programs.folder + "/" + name,
        toPath: folder + "/" + name
      )
    }
    return folder + "/zoetrope"
  }

  /// Moves something in the folder to another place in it, whose folders are made.
  func move(_ name: String, to place: String) throws {
    let target = URL(filePath: path + "/" + place)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(),
      withIntermediateDirectories: true
    )
    try FileManager.default.moveItem(at: URL(filePath: path + "/" + name), to: target)
  }

  /// The names in the folder, but for the model.
  func files() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != "model" }.sorted()
  }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(filePath: path + "/" + name))
    return path + "/" + name
  }
}
