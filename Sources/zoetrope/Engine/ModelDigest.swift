// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Crypto
import FoundationEssentials

/// What tells one checkpoint from another.
enum ModelDigest {
  /// The SHA-256 of the names and contents of a checkpoint's weights and configurations.
  ///
  /// - Returns: Hexadecimal digits; nil if a file cannot be read, or the calling task was cancelled.
  static func of(folder: String) async -> String? {
    let manager = FileManager.default
    var names: [String] = []
    for entry in (try? manager.contentsOfDirectory(atPath: folder)) ?? [] {
      let inner = (try? manager.contentsOfDirectory(atPath: "\(folder)/\(entry)")) ?? []
      names += [entry] + inner.map { "\(entry)/\($0)" }
    }
    var hash = SHA256()
    for name in names.sorted() where name.hasSuffix(".safetensors") || name.hasSuffix(".json") {
      let url = URL(filePath: "\(folder)/\(name)")
      guard let data = try? Data(contentsOf: url, options: .alwaysMapped) else { return nil }
      hash.update(data: Data("\(name)\n\(data.count)\n".utf8))
      for start in stride(from: 0, to: data.count, by: 4 << 20) {
        if Task.isCancelled { return nil }
        hash.update(data: data[start..<min(start + (4 << 20), data.count)])
        // Gigabytes are read, on one of the few threads that tasks share.
        await Task.yield()
      }
    }
    return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
