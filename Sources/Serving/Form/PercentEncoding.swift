// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Reads what addresses and forms write with percent signs (the URL standard).
enum PercentEncoding {
  /// The bytes of a name or value of a form, or of a query: a plus sign is a space here.
  static func formBytes(_ bytes: some Collection<UInt8>) -> [UInt8] {
    self.bytes(bytes, plus: UInt8(ascii: " "))
  }

  /// The text of a segment of a path.
  ///
  /// - Returns: nil if it is not UTF-8.
  static func segment(_ text: some StringProtocol) -> String? {
    String(validating: bytes(text.utf8, plus: UInt8(ascii: "+")), as: UTF8.self)
  }

  /// The names and values of a query, without its question mark, in their order.
  ///
  /// - Returns: nil if one is not UTF-8.
  static func query(_ text: some StringProtocol) -> [(name: String, value: String)]? {
    var pairs: [(name: String, value: String)] = []
    for pair in text.utf8.split(separator: UInt8(ascii: "&")) {
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      guard let decoded = String(validating: formBytes(name), as: UTF8.self),
        let value = String(validating: formBytes(pair.dropFirst(name.count + 1)), as: UTF8.self)
      else { return nil }
      pairs.append((decoded, value))
    }
    return pairs
  }

  /// A percent sign without two digits stands for itself.
  private static func bytes(_ bytes: some Collection<UInt8>, plus: UInt8) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+") {
        result.append(plus)
      } else if byte == UInt8(ascii: "%"),
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
        rest.prefix(2).allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
        rest.count >= 2
      {
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        result.append(byte)
      }
    }
    return result
  }
}
