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
    case .text(let text), .json(.string(let text)): numbers = text.listElements.map { Double($0) }
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
}
