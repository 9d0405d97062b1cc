// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Packaging

/// A folder that is gone after the test.
struct Folder: ~Copyable {
  let path: String

  init() throws {
    path = URL.temporaryDirectory.appending(path: "packaging-\(UUID().uuidString)").path
    try Files.makeFolder(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and makes the folders above it.
  func write(_ name: String, _ text: String) throws {
    let place = path + "/" + name
    try Files.makeFolder(place.split(separator: "/").dropLast().map { "/" + $0 }.joined())
    try Files.write(Array(text.utf8), to: place)
  }
}

/// The message of the error that `body` ends with; empty if it does not.
func refusal(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}
