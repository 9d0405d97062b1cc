// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

/// Several seeds, as a text with commas between them or as a list.
package struct Seeds: FieldValue {
  package typealias Bound = Never

  package static let schema = ValueSchema(.string)
  /// As many clips as one request may ask for.
  static let most = 16

  package let values: [UInt64]

  package var json: JSON { .string(values.map { String($0) }.joined(separator: ",")) }

  package init(_ input: FieldInput) throws(ValueProblem) {
    let elements: [FieldInput] =
      switch input {
      case .text(let text), .json(.string(let text)):
        text.listElements.map { .text(String($0)) }
      case .json(.array(let elements)): elements.map { .json($0) }
      default: [input]
      }
    guard (1...Self.most).contains(elements.count) else {
      throw ValueProblem("list_type", "up to \(Self.most) seeds with commas between")
    }
    var values: [UInt64] = []
    for element in elements { values.append(try Seed(element).value) }
    self.values = values
  }
}

extension String {
  /// The elements of a list such as "1, 2.5, 3", with or without quotes or brackets around it.
  var listElements: [Substring] {
    var text = filter { !" \t\r\n".contains($0) }[...]
    for (open, close) in [("\"", "\""), ("[", "]")] where text.count > 1 {
      if text.hasPrefix(open), text.hasSuffix(close) { text = text.dropFirst().dropLast() }
    }
    return text.split(separator: ",", omittingEmptySubsequences: false)
  }
}
