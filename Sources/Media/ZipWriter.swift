// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc

/// Writes a ZIP archive of files that are compressed already: they are stored as they are.
///
/// Times are 1980's first second, the earliest that ZIP knows, so that the same files make the same
/// archive.
@safe struct ZipWriter: ~Copyable {
  private let file: UnsafeMutablePointer<FILE>
  private var directory: [UInt8] = []
  private var count = 0
  private var offset = 0

  /// What ZIP's 32-bit fields have room for.
  private static let largest = Int(UInt32.max)

  /// Opens a file that is there to be written.
  ///
  /// - Throws: ``MediaError``: `destinationUnusable` or `diskFull`.
  init(path: String) throws(MediaError) {
    guard let file = unsafe fopen(path, "we") else { throw PartialOutput.failure(path) }
    unsafe self.file = file
  }

  deinit { unsafe fclose(file) }

  /// Appends a file.
  ///
  /// - Parameters:
  ///   - name: in ASCII.
  ///   - bytes: the whole file.
  /// - Throws: ``MediaError``: `invalidParameter` beyond 65,535 files or 4 GiB, else as `init`.
  mutating func add(_ name: String, _ bytes: [UInt8]) throws(MediaError) {
    guard count < 65_535, offset + bytes.count + directory.count < Self.largest - 1_024 else {
      throw MediaError(
        .invalidParameter,
        "a ZIP archive of these frames would have more than 4 GiB; make fewer or smaller frames"
      )
    }
    // Version 1.0; no flags; stored; midnight of 1 January 1980.
    let common =
      Self.small([10, 0, 0, 0, 0x21])
      + Self.large([Int(CRC32.of(bytes)), bytes.count, bytes.count])
      + Self.small([name.utf8.count, 0])
    // Made by Unix, a plain file that everyone may read.
    directory +=
      Self.large([0x0201_4B50]) + Self.small([3 << 8 | 20]) + common + Self.small([0, 0, 0])
      + Self.large([0o100644 << 16, offset]) + Array(name.utf8)
    try write(Self.large([0x0403_4B50]) + common + Array(name.utf8))
    try write(bytes)
    count += 1
  }

  /// Writes the archive's directory.
  ///
  /// - Throws: ``MediaError``, as `init`.
  mutating func finish() throws(MediaError) {
    let start = offset
    try write(directory)
    try write(
      Self.large([0x0605_4B50]) + Self.small([0, 0, count, count])
        + Self.large([directory.count, start]) + Self.small([0])
    )
    guard unsafe fflush(file) == 0 else { throw PartialOutput.failure("the archive") }
  }

  private mutating func write(_ bytes: [UInt8]) throws(MediaError) {
    guard unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count else {
      throw PartialOutput.failure("the archive")
    }
    offset += bytes.count
  }

  private static func small(_ values: [Int]) -> [UInt8] {
    values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  private static func large(_ values: [Int]) -> [UInt8] {
    values.flatMap { value in
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
  }
}

/// The cyclic redundancy check of PNG and ZIP.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320
    }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    let table = table
    return ~bytes.reduce(0xFFFF_FFFF) { sum, byte in
      table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8
    }
  }
}
