// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// The most memory that this process had at once.
enum PeakMemory {
  /// Forgets what was before.
  static func reset() {
    // The kernel's word for it; where it is refused, the figure is that of the whole run.
    try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
  }

  /// The most since then, in bytes; nil if the kernel does not tell.
  static var bytes: Int? {
    guard let data = FileManager.default.contents(atPath: "/proc/self/status") else { return nil }
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix("VmHWM:") }
    return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
      .map { $0 << 10 }
  }
}
