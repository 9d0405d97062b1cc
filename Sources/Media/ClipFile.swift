// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc

/// Files of clips, read and written whole.
enum ClipFile {
  /// Enough of a file to tell its format.
  struct Head {
    let bytes: [UInt8]

    var isWebP: Bool { PictureFormat(signatureOf: bytes) == .webp }
    var isZip: Bool { bytes.starts(with: [0x50, 0x4B, 3, 4]) }
  }

  /// - Throws: ``MediaError`` with `unreadableFile`.
  static func head(of path: String) throws(MediaError) -> Head {
    Head(bytes: try bytes(of: path, limit: 64))
  }

  /// The bytes of a file, or the first of them.
  ///
  /// - Throws: ``MediaError`` with `unreadableFile`.
  static func bytes(of path: String, limit: Int = .max) throws(MediaError) -> [UInt8] {
    var status = stat()
    guard let file = unsafe fopen(path, "re") else {
      throw MediaError(.unreadableFile, "\(path) cannot be read")
    }
    defer { unsafe fclose(file) }
    guard unsafe fstat(fileno(file), &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw MediaError(.unreadableFile, "\(path) is not a regular file")
    }
    let size = min(Int(status.st_size), limit)
    return unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      unsafe count = fread(buffer.baseAddress, 1, size, file)
    }
  }

  /// Puts a comment into a GIF, WebP or PNG file that was just written.
  ///
  /// - Throws: ``MediaError``: `unreadableFile`, `diskFull`, `destinationUnusable`.
  static func insert(
    _ comment: String,
    into path: String,
    width: Int,
    height: Int
  ) throws(MediaError) {
    let original = try bytes(of: path)
    guard
      let changed = ClipComment.inserted(comment, in: original, width: width, height: height)
    else { return }
    guard let file = unsafe fopen(path, "we") else { throw PartialOutput.failure(path) }
    let isWritten = unsafe fwrite(changed, 1, changed.count, file) == changed.count
    guard unsafe fclose(file) == 0, isWritten else { throw PartialOutput.failure(path) }
  }
}
