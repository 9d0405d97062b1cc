// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Crypto
import Glibc

/// What tells, without reading a file, that it is still the same.
package struct FileStamp: Sendable, Hashable, Codable {
  /// Where it is.
  package let path: String
  /// Its size in bytes; 0 if it is not there.
  package private(set) var byteCount = 0
  /// When it was changed, in nanoseconds since 1970.
  package private(set) var changedAt = 0
  /// Its number in the file system.
  package private(set) var inode: UInt64 = 0

  /// Looks at a file; links are followed.
  package init(_ path: String) {
    self.path = path
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return }
    byteCount = Int(status.st_size)
    changedAt = Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
    inode = UInt64(status.st_ino)
  }
}

/// The SHA-256 of large files.
package enum FileDigest {
  /// Reads a file from its beginning to its end.
  ///
  /// - Returns: 64 hexadecimal digits; nil if the file cannot be read, or the calling task is cancelled.
  package static func sha256(_ path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while !Task.isCancelled {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        let count = unsafe read(descriptor, bytes.baseAddress, bytes.count)
        if count > 0 {
          unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        return count
      }
      if count == 0 {
        return hash.finalize().map { byte in
          (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
      }
      guard count > 0 || errno == EINTR else { return nil }
    }
    return nil
  }
}
