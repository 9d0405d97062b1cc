// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Reads numbers out of a file's bytes, and throws where the bytes end.
struct ByteReader {
  enum Order { case little, big }

  let bytes: [UInt8]
  let order: Order
  let format: PictureFormat
  private(set) var position: Int

  init(_ bytes: [UInt8], at position: Int = 0, order: Order = .little, format: PictureFormat) {
    self.bytes = bytes
    self.order = order
    self.format = format
    self.position = position
  }

  mutating func seek(to position: Int) throws(MediaError) {
    guard position >= 0, position <= bytes.count else { throw truncated }
    self.position = position
  }

  mutating func byte() throws(MediaError) -> UInt8 {
    guard position < bytes.count else { throw truncated }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func slice(_ count: Int) throws(MediaError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw truncated }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func skip(_ count: Int) throws(MediaError) {
    _ = try slice(count)
  }

  mutating func uint16() throws(MediaError) -> Int {
    try integer(bytes: 2)
  }

  mutating func uint32() throws(MediaError) -> Int {
    try integer(bytes: 4)
  }

  private mutating func integer(bytes count: Int) throws(MediaError) -> Int {
    let slice = try slice(count)
    switch order {
    case .big: return slice.reduce(0) { $0 << 8 | Int($1) }
    case .little: return slice.reversed().reduce(0) { $0 << 8 | Int($1) }
    }
  }

  var truncated: MediaError {
    MediaError(.damagedPicture, "the \(format.name) picture is cut short")
  }

  func damaged(_ what: String) -> MediaError {
    MediaError(.damagedPicture, "the \(format.name) picture is damaged: \(what)")
  }

  func unsupported(_ what: String) -> MediaError {
    MediaError(
      .unsupportedPicture,
      "\(format.name) with \(what) is not supported; save it as PNG or JPEG"
    )
  }
}
