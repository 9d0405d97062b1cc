// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

/// Guidance of every frame: numbers from 0 to 100, as a text with commas between them or as a list.
package struct GuidanceScales: FieldValue {
  package typealias Bound = Never

  package static let schema = ValueSchema(.string)
  /// As many as a clip may have frames.
  private static let most = 256

  package let values: [Double]

  package var json: JSON { .string(values.map(\.description).joined(separator: ",")) }

  package init(_ input: FieldInput) throws(ValueProblem) {
    let numbers: [Double?]
    switch input {
    case .text(let text), .json(.string(let text)): numbers = Self.numbers(in: text)
    case .json(.array(let elements)):
      numbers = elements.map { element in
        switch element {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
      }
    case .json(.integer(let whole)): numbers = [Double(whole)]
    case .json(.number(let number)): numbers = [number]
    default: numbers = []
    }
    values = numbers.compactMap { number in
      number.flatMap { (0...100).contains($0) ? $0 : nil }
    }
    guard (1...Self.most).contains(numbers.count), values.count == numbers.count else {
      throw ValueProblem(
        "list_type",
        "up to \(Self.most) numbers from 0 to 100 with commas between, not \(input.shown)"
      )
    }
  }

  /// As in "1, 2.5, 3", with or without quotes around it, or a list's brackets.
  private static func numbers(in text: String) -> [Double?] {
    var text = text.filter { !" \t\r\n".contains($0) }[...]
    for (open, close) in [("\"", "\""), ("[", "]")] where text.count > 1 {
      if text.hasPrefix(open), text.hasSuffix(close) { text = text.dropFirst().dropLast() }
    }
    return text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
  }
}
