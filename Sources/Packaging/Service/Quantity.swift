// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// An amount of bytes as Kubernetes writes them.
package struct Quantity: Sendable, Equatable {
  static let form = "an amount as Kubernetes writes them: 20Gi, 500Mi, 1Ti"

  private static let units: [String: Double] = [
    "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "Ki": 0x1p10, "Mi": 0x1p20,
    "Gi": 0x1p30, "Ti": 0x1p40, "Pi": 0x1p50,
  ]

  /// In bytes.
  package let bytes: Double

  /// - Parameter text: A number above 0, and perhaps a unit.
  package init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard digits.first?.isNumber == true, digits.last?.isNumber == true,
      let number = Double(digits), number > 0,
      let unit = Self.units[String(text.dropFirst(digits.count))]
    else { return nil }
    bytes = number * unit
  }
}
