// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// What the loader reads of an ELF program or library: 64-bit, little-endian.
struct ELFImage {
  /// The libraries that it needs, by the names it knows them by.
  private(set) var needed: [String] = []
  /// Where it looks for them first; `$ORIGIN` is its own folder.
  private(set) var searchFolders: [String] = []
  /// The loader that starts it; none for a library.
  private(set) var interpreter: String?
  /// The processor, by the number that the ELF specification gives it.
  private(set) var machine = 0

  private struct Segment {
    let kind, offset, address, size: Int
  }

  private let bytes: Data
  private let path: String
  private var segments: [Segment] = []

  /// - Parameter path: The file.
  /// - Throws: ``PackagingError`` with `notFound`, `fileSystem`, or `damaged` for another kind of file.
  init(_ path: String) throws(PackagingError) {
    self.path = path
    do { bytes = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe) } catch {
      throw PackagingError(
        Files.kind(path) == nil ? .notFound : .fileSystem,
        "\(path) cannot be read: \(error)"
      )
    }
    guard bytes.prefix(6) == Data([0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { throw wrong() }
    machine = try number(18, 2)
    let (table, size, count) = (try number(32, 8), try number(54, 2), try number(56, 2))
    for index in 0..<count {
      let place = table + index * size
      segments.append(
        Segment(
          kind: try number(place, 4),
          offset: try number(place + 8, 8),
          address: try number(place + 16, 8),
          size: try number(place + 32, 8)
        )
      )
    }
    if let segment = segments.first(where: { $0.kind == 3 }) {
      interpreter = try text(segment.offset)
    }
    try readDynamic()
  }

  private mutating func readDynamic() throws(PackagingError) {
    guard let dynamic = segments.first(where: { $0.kind == 2 }) else { return }
    var neededPlaces: [Int] = []
    var folderPlaces: [Int] = []
    var strings: Int?
    for place in stride(from: dynamic.offset, to: dynamic.offset + dynamic.size, by: 16) {
      let value = try number(place + 8, 8)
      switch try number(place, 8) {
      case 1: neededPlaces.append(value)
      case 5: strings = value
      case 15, 29: folderPlaces.append(value)
      default: break
      }
    }
    guard let strings else { return }
    let holder = segments.first {
      $0.kind == 1 && $0.address <= strings && strings < $0.address + $0.size
    }
    guard let holder else { throw wrong() }
    let start = holder.offset + strings - holder.address
    for place in neededPlaces { needed.append(try text(start + place)) }
    for place in folderPlaces {
      searchFolders += try text(start + place).split(separator: ":").map(String.init)
    }
  }

  /// A program without what only debuggers read, which lies after the last segment that is loaded.
  ///
  /// - Parameter path: The program.
  /// - Returns: The bytes of the file.
  /// - Throws: ``PackagingError`` with `notFound`, `fileSystem` or `damaged`.
  static func withoutSymbols(_ path: String) throws(PackagingError) -> [UInt8] {
    let image = try ELFImage(path)
    let tables = try image.number(32, 8) + image.segments.count * 56
    let end = image.segments.map { $0.offset + $0.size }.reduce(max(tables, 64), max)
    guard end <= image.bytes.count else { throw image.wrong() }
    var bytes = [UInt8](image.bytes.prefix(end))
    // The table of sections is gone: its place, and its three counts.
    for index in Array(40..<48) + Array(58..<64) { bytes[index] = 0 }
    return bytes
  }

  private func wrong() -> PackagingError {
    PackagingError(.damaged, "\(path) is not a 64-bit program or library of Linux")
  }

  private func number(_ offset: Int, _ size: Int) throws(PackagingError) -> Int {
    guard offset >= 0, offset <= bytes.count - size else { throw wrong() }
    var value: UInt64 = 0
    for index in (0..<size).reversed() {
      value = value << 8 | UInt64(bytes[bytes.startIndex + offset + index])
    }
    guard let number = Int(exactly: value), number < 1 << 48 else {
      // Entries of the dynamic section may hold any value; none of these is a place in the file.
      return Int(truncatingIfNeeded: value & 0xFFFF_FFFF_FFFF)
    }
    return number
  }

  private func text(_ offset: Int) throws(PackagingError) -> String {
    guard (0..<bytes.count).contains(offset) else { throw wrong() }
    let start = bytes.startIndex + offset
    return String(decoding: bytes[start...].prefix(4096).prefix { $0 != 0 }, as: UTF8.self)
  }
}
