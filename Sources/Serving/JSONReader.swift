// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Reads a JSON text (RFC 8259), strictly.
///
/// A decoder builds a map of the whole text and looks types up while the program runs, which took a
/// tenth of a short request.
struct JSONReader {
  /// Anything more deeply nested is refused, since each level takes a part of the thread's stack.
  private static let depthLimit = 512

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// Reads the whole text.
  ///
  /// - Returns: nil if it is not JSON.
  mutating func readAll() -> JSON? {
    guard let value = read() else { return nil }
    skipSpace()
    return position == bytes.count ? value : nil
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Skips white space and then `byte`, if that comes.
  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard current == byte else { return false }
    position += 1
    return true
  }

  private mutating func read() -> JSON? {
    skipSpace()
    switch current {
    case UInt8(ascii: "\""): return readString().map(JSON.string)
    case UInt8(ascii: "{"): return nested { $0.readObject() }
    case UInt8(ascii: "["): return nested { $0.readArray() }
    case UInt8(ascii: "t"): return takeWord("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return takeWord("false") ? .bool(false) : nil
    case UInt8(ascii: "n"): return takeWord("null") ? .null : nil
    default: return readNumber()
    }
  }

  private mutating func nested(_ read: (inout Self) -> JSON?) -> JSON? {
    guard depth < Self.depthLimit else { return nil }
    depth += 1
    position += 1
    defer { depth -= 1 }
    return read(&self)
  }

  private mutating func takeWord(_ word: StaticString) -> Bool {
    guard bytes[position...].starts(with: word.description.utf8) else { return false }
    position += word.utf8CodeUnitCount
    return true
  }

  // MARK: Lists and objects

  private mutating func readArray() -> JSON? {
    var values: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array(values) }
    repeat {
      guard let value = read() else { return nil }
      values.append(value)
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]")) ? .array(values) : nil
  }

  /// Of members with one name the last counts, as Python has it.
  private mutating func readObject() -> JSON? {
    var members: [(name: String, value: JSON)] = []
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      guard take(UInt8(ascii: "\"")) else { return nil }
      position -= 1
      guard let name = readString(), take(UInt8(ascii: ":")), let value = read() else { return nil }
      members.append((name, value))
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}")) ? .object(Self.lastOfEach(members)) : nil
  }

  private static func lastOfEach(
    _ members: [(name: String, value: JSON)]
  ) -> [(name: String, value: JSON)] {
    var places: [String: Int] = [:]
    places.reserveCapacity(members.count)
    var kept: [(name: String, value: JSON)] = []
    kept.reserveCapacity(members.count)
    for member in members {
      if let place = places[member.name] {
        kept[place].value = member.value
      } else {
        places[member.name] = kept.count
        kept.append(member)
      }
    }
    return kept
  }

  // MARK: Texts

  private mutating func readString() -> String? {
    position += 1
    let start = position
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if current == UInt8(ascii: "\"") {
      position += 1
      return String(validating: bytes[start..<(position - 1)], as: UTF8.self)
    }
    var text = Array(bytes[start..<position])
    while let byte = current, byte >= 0x20 {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = readEscape() else { return nil }
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      default: text.append(byte)
      }
    }
    return nil
  }

  private mutating func readEscape() -> Unicode.Scalar? {
    guard let byte = current else { return nil }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let unit = readHexadecimal() else { return nil }
      guard 0xD800..<0xDC00 ~= unit else { return Unicode.Scalar(unit) }
      guard current == UInt8(ascii: "\\") else { return nil }
      position += 1
      guard current == UInt8(ascii: "u") else { return nil }
      position += 1
      guard let low = readHexadecimal(), 0xDC00..<0xE000 ~= low else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    default: return nil
    }
  }

  private mutating func readHexadecimal() -> UInt32? {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        return nil
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  // MARK: Numbers

  private mutating func skipDigits() -> Bool {
    let start = position
    while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
    return position > start
  }

  private mutating func readNumber() -> JSON? {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    let first = current
    let firstPosition = position
    guard skipDigits(), first != UInt8(ascii: "0") || position == firstPosition + 1 else {
      return nil
    }
    var isWhole = true
    if current == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      guard skipDigits() else { return nil }
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isWhole = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      guard skipDigits() else { return nil }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole {
      if let value = Int64(text) { return .integer(Int128(value)) }
      if let value = UInt64(text) { return .integer(Int128(value)) }
    }
    return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
  }
}
