// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a person at a terminal sees; on standard error, so that results have standard output alone.
enum Terminal {
  static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 }

  static func say(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
      }
      // A reader that went away is no reason to stop the work.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
