// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A strict JSON reader that hands over one member at a time.
///
/// No tree is built, so that a hostile document costs a small multiple of its own size and no more. The
/// keys of open objects are kept: every repeated one is seen, which a decoder into dictionaries would
/// hide.
struct JSONScanner {
  /// The deepest nesting of objects and arrays that is followed.
  static let depthLimit = 32

  private let bytes: [UInt8]
  private let path: String
  private let code: SafetensorsError.Code
  private let document: String
  private var position = 0
  private var depth = 0

  /// The tensor that errors are to name.
  var tensor: String?

  /// Prepares to read `bytes`, which errors call `document` and place in the file at `path`.
  init(_ bytes: [UInt8], path: String, document: String, code: SafetensorsError.Code) {
    self.bytes = bytes
    self.path = path
    self.document = document
    self.code = code
  }

  /// An error about the document's content.
  func failure(_ message: String, tensor: String? = nil) -> SafetensorsError {
    SafetensorsError(code, path: path, tensor: tensor ?? self.tensor, message)
  }

  /// An error about the syntax at the current position.
  private func syntaxError(_ message: String) -> SafetensorsError {
    failure("\(document) is not valid JSON: \(message) at byte \(position)")
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Skips white space and then `byte`; `false`, at the same place, if another byte comes first.
  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard current == byte else { return false }
    position += 1
    return true
  }

  /// Checks that nothing but white space is left.
  mutating func readEnd() throws(SafetensorsError) {
    skipSpace()
    if position < bytes.count { throw syntaxError("more text after the end") }
  }

  private mutating func enter() throws(SafetensorsError) {
    depth += 1
    if depth > Self.depthLimit {
      throw syntaxError("nesting deeper than \(Self.depthLimit) levels")
    }
  }

  /// Reads an object, calling `member` with each key and this scanner before the key's value.
  ///
  /// Keys count as equal when their texts are canonically equivalent, as Swift strings do: two names
  /// which differ only in Unicode normalisation could not be told apart afterwards.
  ///
  /// - Parameters:
  ///   - what: What the object is, for errors.
  ///   - namesTensors: Whether a key that comes twice is a tensor's name.
  ///   - member: Reads the key's value, all of it.
  /// - Throws: ``SafetensorsError`` of the scanner's code for bad syntax and for a repeated key, and
  ///   what `member` throws.
  mutating func readObject(
    _ what: String,
    namesTensors: Bool = false,
    member: (inout JSONScanner, String) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    guard take(UInt8(ascii: "{")) else { throw failure("\(what) is not an object") }
    try enter()
    var keys: Set<String> = []
    if !take(UInt8(ascii: "}")) {
      repeat {
        skipSpace()
        guard current == UInt8(ascii: "\"") else { throw syntaxError("a key was expected") }
        let key = try readString("a key")
        guard keys.insert(key).inserted else {
          throw failure(
            "\(quoted(key)) appears twice in \(what)",
            tensor: namesTensors ? key : nil
          )
        }
        guard take(UInt8(ascii: ":")) else { throw syntaxError("':' was expected") }
        try member(&self, key)
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "}")) else { throw syntaxError("',' or '}' was expected") }
    }
    depth -= 1
  }

  /// Reads an array, calling `element` before each of its values.
  ///
  /// - Parameters:
  ///   - what: What the array is, for errors.
  ///   - element: Reads one value, all of it.
  /// - Throws: ``SafetensorsError`` of the scanner's code for bad syntax, and what `element` throws.
  mutating func readArray(
    _ what: String,
    element: (inout JSONScanner) throws(SafetensorsError) -> Void
  ) throws(SafetensorsError) {
    guard take(UInt8(ascii: "[")) else { throw failure("\(what) is not an array") }
    try enter()
    if !take(UInt8(ascii: "]")) {
      repeat {
        try element(&self)
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "]")) else { throw syntaxError("',' or ']' was expected") }
    }
    depth -= 1
  }

  /// Reads a string.
  ///
  /// - Parameter what: What the string is, for errors.
  /// - Returns: The text that it stands for.
  /// - Throws: ``SafetensorsError`` of the scanner's code for another value, a control character, a
  ///   bad escape, half a surrogate pair or bytes that are not UTF-8.
  mutating func readString(_ what: String) throws(SafetensorsError) -> String {
    guard take(UInt8(ascii: "\"")) else { throw failure("\(what) is not a string") }
    var text: [UInt8] = []
    while let byte = current {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw syntaxError("a string that is not valid UTF-8, before the quotation mark")
        }
        return string
      case UInt8(ascii: "\\"):
        text.append(contentsOf: String(try readEscape()).utf8)
      case 0..<0x20:
        position -= 1
        throw syntaxError("an unescaped control character in a string")
      default:
        text.append(byte)
      }
    }
    throw syntaxError("a string without an end")
  }

  private mutating func readEscape() throws(SafetensorsError) -> Unicode.Scalar {
    guard let byte = current else { throw syntaxError("a string without an end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var value = try readHexQuad()
      if 0xD800..<0xDC00 ~= value {
        guard current == UInt8(ascii: "\\") else { throw syntaxError("half a surrogate pair") }
        position += 1
        guard current == UInt8(ascii: "u") else { throw syntaxError("half a surrogate pair") }
        position += 1
        let low = try readHexQuad()
        guard 0xDC00..<0xE000 ~= low else { throw syntaxError("half a surrogate pair") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw syntaxError("half a surrogate pair") }
      return scalar
    default:
      throw syntaxError("an unknown escape in a string")
    }
  }

  private mutating func readHexQuad() throws(SafetensorsError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw syntaxError("a '\\u' escape without four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private var atDigit: Bool {
    current.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? false
  }

  /// Reads an integer of 0 to `Int.max`, written as digits alone.
  ///
  /// - Parameter what: What the number is, for errors.
  /// - Returns: The number.
  /// - Throws: ``SafetensorsError`` of the scanner's code for any other value, and for a fraction, an
  ///   exponent, a sign or a leading zero.
  mutating func readCount(_ what: String) throws(SafetensorsError) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while let byte = current, atDigit {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
      if overflow || carry { throw failure("\(what) is too large") }
      value = sum
      position += 1
    }
    let isLonger = current.map { ".eE+-".utf8.contains($0) } ?? false
    if position == start || isLonger {
      throw failure("\(what) is not a non-negative integer")
    }
    if position - start > 1, bytes[start] == UInt8(ascii: "0") {
      throw syntaxError("a number with leading zeros")
    }
    return value
  }

  /// Reads any one value and forgets it, checking its syntax all the same.
  ///
  /// - Throws: ``SafetensorsError`` of the scanner's code for bad syntax and for repeated keys.
  mutating func skipValue() throws(SafetensorsError) {
    skipSpace()
    switch current {
    case UInt8(ascii: "{"):
      try readObject("an object") { scanner, _ throws(SafetensorsError) in
        try scanner.skipValue()
      }
    case UInt8(ascii: "["):
      try readArray("an array") { scanner throws(SafetensorsError) in try scanner.skipValue() }
    case UInt8(ascii: "\""): _ = try readString("a value")
    case UInt8(ascii: "t"): try skipWord("true")
    case UInt8(ascii: "f"): try skipWord("false")
    case UInt8(ascii: "n"): try skipWord("null")
    default: try skipNumber()
    }
  }

  private mutating func skipWord(_ word: String) throws(SafetensorsError) {
    guard bytes[position...].starts(with: word.utf8) else {
      throw syntaxError("an unknown word")
    }
    position += word.utf8.count
  }

  private mutating func skipNumber() throws(SafetensorsError) {
    if current == UInt8(ascii: "-") { position += 1 }
    guard atDigit else { throw syntaxError("a value was expected") }
    if current == UInt8(ascii: "0") { position += 1 } else { skipDigits() }
    if atDigit { throw syntaxError("a number with leading zeros") }
    if current == UInt8(ascii: ".") {
      position += 1
      guard atDigit else { throw syntaxError("a number without digits after the point") }
      skipDigits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      guard atDigit else { throw syntaxError("a number without digits in the exponent") }
      skipDigits()
    }
  }

  private mutating func skipDigits() {
    while atDigit { position += 1 }
  }
}
