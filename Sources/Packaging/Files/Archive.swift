// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Writes a POSIX tar archive that depends on nothing but its entries: owner 0, time 0.
package struct ArchiveWriter<Sink: ByteSink> {
  /// What an entry is.
  package enum Entry {
    case folder(mode: Int)
    case link(target: String)
    case file(size: Int, isExecutable: Bool)
  }

  package private(set) var sink: Sink

  package init(_ sink: Sink) { self.sink = sink }

  /// Writes a folder or a symbolic link.
  ///
  /// - Throws: What the sink throws.
  package mutating func add(_ path: String, _ entry: Entry) throws(PackagingError) {
    try header(path, entry)
  }

  /// Writes a file from bytes in memory.
  ///
  /// - Throws: What the sink throws.
  package mutating func add(
    _ path: String,
    _ bytes: [UInt8],
    isExecutable: Bool = false
  ) throws(PackagingError) {
    try header(path, .file(size: bytes.count, isExecutable: isExecutable))
    try sink.write(bytes)
    try pad(bytes.count)
  }

  /// Writes a file from one on disk.
  ///
  /// - Throws: ``PackagingError`` with `damaged` if it has not the size given; what the sink throws.
  package mutating func add(
    _ path: String,
    file: String,
    size: Int,
    isExecutable: Bool = false
  ) throws(PackagingError) {
    try header(path, .file(size: size, isExecutable: isExecutable))
    var reader = try FileReader(file)
    var left = size
    while true {
      let bytes = try reader.next()
      left -= bytes.count
      guard !bytes.isEmpty else { break }
      guard left >= 0 else { break }
      try sink.write(bytes)
    }
    guard left == 0 else {
      throw PackagingError(.damaged, "\(file) changed while it was being packed; try again")
    }
    try pad(size)
  }

  /// Writes the end of the archive.
  ///
  /// - Throws: What the sink throws.
  package mutating func finish() throws(PackagingError) {
    try sink.write([UInt8](repeating: 0, count: 1024))
  }

  private mutating func pad(_ count: Int) throws(PackagingError) {
    let rest = count % 512
    if rest > 0 { try sink.write([UInt8](repeating: 0, count: 512 - rest)) }
  }

  private mutating func header(_ path: String, _ entry: Entry) throws(PackagingError) {
    var name = Array(path.utf8)
    var records: [UInt8] = []
    var size = 0
    var target: [UInt8] = []
    let (kind, mode): (Character, Int)
    switch entry {
    case .folder(let bits):
      (kind, mode) = ("5", bits)
      name.append(UInt8(ascii: "/"))
    case .link(let text):
      (kind, mode) = ("2", 0o777)
      target = Array(text.utf8)
    case .file(let count, let isExecutable):
      (kind, mode) = ("0", isExecutable ? 0o755 : 0o644)
      size = count
    }
    // What does not fit the fields of 1988 is said in a record of pax before.
    if name.count > 100 {
      records += Self.record("path", name)
      name = Array(name.prefix(100))
    }
    if target.count > 100 {
      records += Self.record("linkpath", target)
      target = Array(target.prefix(100))
    }
    if size >= 1 << 33 {
      records += Self.record("size", Array(String(size).utf8))
      size = 0
    }
    if !records.isEmpty {
      let words = Array("PaxHeaders/entry".utf8)
      try sink.write(Self.block(words, "x", mode: 0o644, size: records.count, target: []))
      try sink.write(records)
      try pad(records.count)
    }
    try sink.write(Self.block(name, kind, mode: mode, size: size, target: target))
  }

  /// `LENGTH key=value\n`, the length counting its own digits.
  private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    var length = rest.count
    while true {
      let whole = String(length).utf8.count + rest.count
      if whole == length { break }
      length = whole
    }
    return Array(String(length).utf8) + rest
  }

  private static func block(
    _ name: [UInt8],
    _ kind: Character,
    mode: Int,
    size: Int,
    target: [UInt8]
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
      for (index, byte) in bytes.enumerated() { block[offset + index] = byte }
    }
    func octal(_ number: Int, digits: Int, at offset: Int) {
      let text = String(number, radix: 8)
      put((String(repeating: "0", count: max(digits - text.utf8.count, 0)) + text).utf8, at: offset)
    }
    put(name, at: 0)
    octal(mode, digits: 7, at: 100)
    octal(0, digits: 7, at: 108)
    octal(0, digits: 7, at: 116)
    octal(size, digits: 11, at: 124)
    octal(0, digits: 11, at: 136)
    put(String(repeating: " ", count: 8).utf8, at: 148)
    put(String(kind).utf8, at: 156)
    put(target, at: 157)
    put("ustar\0".utf8, at: 257)
    put("00".utf8, at: 263)
    octal(block.reduce(0) { $0 + Int($1) }, digits: 6, at: 148)
    block[154] = 0
    return block
  }
}

/// Reads an archive as ``ArchiveWriter`` writes it, regular files only.
///
/// Links, devices and whatever else could lead out of a folder are errors.
package struct ArchiveReader: ~Copyable {
  private var file: FileReader
  private var left = 0
  private var padding = 0

  /// - Parameter path: The archive.
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  package init(_ path: String) throws(PackagingError) { file = try FileReader(path) }

  /// The next file's path and size; nil at the end of the archive.
  ///
  /// - Throws: ``PackagingError`` with `damaged` for what is not such an archive.
  package mutating func next() throws(PackagingError) -> (path: String, size: Int)? {
    while left > 0 { _ = try read() }
    _ = try file.exactly(padding)
    padding = 0
    var longer: [String: String] = [:]
    while true {
      let block = try file.exactly(512)
      if block.allSatisfy({ $0 == 0 }) { return nil }
      let sum = block.enumerated().reduce(0) { sum, byte in
        sum + ((148..<156).contains(byte.offset) ? 32 : Int(byte.element))
      }
      guard Self.octal(block[148..<156]) == sum, var size = Self.octal(block[124..<136]) else {
        throw wrong("a header is damaged")
      }
      if block[156] == UInt8(ascii: "x"), size <= 1 << 16 {
        longer = try records(try file.exactly(size))
        _ = try file.exactly((512 - size % 512) % 512)
        continue
      }
      guard block[156] == UInt8(ascii: "0") else {
        throw wrong("it holds something other than files")
      }
      let name = block[..<100].prefix { $0 != 0 }
      let path = longer["path"] ?? String(decoding: name, as: UTF8.self)
      if let text = longer["size"] {
        guard let number = Int(text), number >= 0 else { throw wrong("a size is not a number") }
        size = number
      }
      left = size
      padding = (512 - size % 512) % 512
      return (path, size)
    }
  }

  /// More of the file that ``next()`` named; nothing at its end.
  ///
  /// - Throws: ``PackagingError`` with `damaged` if the archive is cut off.
  package mutating func read() throws(PackagingError) -> [UInt8] {
    let bytes = left == 0 ? [] : try file.exactly(min(left, 1 << 20))
    left -= bytes.count
    return bytes
  }

  private func wrong(_ reason: String) -> PackagingError {
    PackagingError(.damaged, "\(file.path) is not an exported bundle: \(reason)")
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
    guard digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  private func records(_ bytes: [UInt8]) throws(PackagingError) -> [String: String] {
    var rest = bytes[...]
    var records: [String: String] = [:]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != UInt8(ascii: " ") }
      guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
        length <= rest.count
      else { throw wrong("a record is damaged") }
      let text = rest.prefix(length - 1).dropFirst(digits.count + 1)
      let parts = text.split(separator: UInt8(ascii: "="), maxSplits: 1)
      guard parts.count == 2 else { throw wrong("a record is damaged") }
      records[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
      rest = rest.dropFirst(length)
    }
    return records
  }
}
