// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Crypto
import FoundationEssentials
import Media

/// The SHA-256 of a file.
enum FileHash {
  /// - Parameter path: A file that fits into memory.
  /// - Returns: 64 hexadecimal digits.
  /// - Throws: `MediaError` with `unreadableFile`.
  static func sha256(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw MediaError(.unreadableFile, "cannot open \(path)")
    }
    return SHA256.hash(data: data).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
