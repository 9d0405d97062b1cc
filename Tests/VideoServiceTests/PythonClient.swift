// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import SystemPackage
import Testing

/// Programs that people use with other servers, in a Python that has what `Clients/requirements.txt`
/// names; `Tools/test.sh` makes one.
enum PythonClient {
  static let python = ProcessInfo.processInfo.environment["ZOETROPE_TEST_PYTHON"]

  /// Runs a client, unchanged, and gives what it saw.
  ///
  /// - Parameters:
  ///   - script: Its name in `Clients`.
  ///   - arguments: What it is told; `picture` stands for the path of some bytes.
  ///   - bytes: Those bytes.
  /// - Returns: The JSON that it prints.
  /// - Throws: What running it throws, and if it fails.
  static func run(
    _ script: String,
    _ arguments: [String],
    picture bytes: [UInt8] = picture
  ) async throws -> JSON {
    let photo = URL.temporaryDirectory.appending(path: "\(UUID().uuidString).png").path
    try Data(bytes).write(to: URL(filePath: photo))
    defer { try? FileManager.default.removeItem(atPath: photo) }
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let result = try await Subprocess.run(
      .path(FilePath(try #require(python))),
      arguments: Arguments(
        ["/\(folder)/Clients/\(script)"] + arguments.map { $0 == "picture" ? photo : $0 }
      ),
      environment: .inherit.updating(["BENTOML_DO_NOT_TRACK": "True"]),
      output: .string(limit: 1 << 20),
      error: .string(limit: 1 << 20)
    )
    try #require(result.terminationStatus == .exited(0), "\(result.standardError)")
    return try #require(JSON(parsing: result.standardOutput.utf8))
  }
}
