// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// Writes a text as itself.
  public init(stringLiteral value: String) { self = .string(value) }

  /// Writes a flag as itself.
  public init(booleanLiteral value: Bool) { self = .bool(value) }

  /// Writes a whole number as itself.
  public init(integerLiteral value: Int) { self = .integer(Int128(value)) }

  /// Writes a list as itself.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }

  /// Writes named values as themselves, in their order.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { (name: $0.0, value: $0.1) })
  }
}
