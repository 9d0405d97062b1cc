// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A JSON value.
///
/// Whole numbers keep all their digits up to 64 bits, signed or not.
public enum JSON: Sendable {
  /// The value `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without fraction or exponent.
  case integer(Int128)
  /// Any other number.
  case number(Double)
  /// A text.
  case string(String)
  /// A list.
  case array([JSON])
  /// Named values, in the order in which they are written out.
  case object([(name: String, value: JSON)])

  /// Reads a JSON text, top-level scalars included.
  ///
  /// - Returns: nil if the bytes are not JSON.
  package init?(parsing bytes: some Sequence<UInt8>) {
    var reader = JSONReader(bytes)
    guard let value = reader.readAll() else { return nil }
    self = value
  }

  /// The value as compact JSON text.
  public var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): value.isFinite ? String(value) : "null"
    case .string(let value): Self.quoted(value)
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { Self.quoted($0.name) + ":" + $0.value.text }.joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case ..<" ":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
