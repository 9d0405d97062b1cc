// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The size of a tensor along each of its axes, outermost first.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The sizes, outermost axis first; none is negative.
  public let dimensions: [Int]
  /// How many elements there are: the product of all sizes, 1 for a scalar.
  public let count: Int

  /// Makes a shape.
  ///
  /// - Parameter dimensions: The sizes, outermost first.
  /// - Throws: `TensorError` with code `.shape` if a size is negative or the product overflows.
  public init(validating dimensions: [Int]) throws(TensorError) {
    var count = 1
    for size in dimensions {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else {
        throw TensorError(.shape, "shape", "sizes \(dimensions) are negative or too large")
      }
      count = product
    }
    self.dimensions = dimensions
    self.count = count
  }

  /// Makes a shape from sizes that the program itself computed.
  ///
  /// - Parameter dimensions: The sizes; it is a programming error if one is negative.
  public init(_ dimensions: [Int]) {
    precondition(dimensions.allSatisfy { $0 >= 0 }, "sizes \(dimensions) must not be negative")
    self.dimensions = dimensions
    self.count = dimensions.reduce(1, *)
  }

  /// Makes a shape from a literal, as in `[2, 3]`.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The size along an axis.
  ///
  /// - Parameter axis: Counted from the outermost axis, or, where negative, from behind the innermost.
  public subscript(axis: Int) -> Int {
    dimensions[axis < 0 ? dimensions.count + axis : axis]
  }

  /// The product of all sizes but the innermost: how many rows of channels there are.
  public var rows: Int { dimensions.dropLast().reduce(1, *) }

  /// The innermost size, 1 for a scalar.
  public var columns: Int { dimensions.last ?? 1 }

  /// This shape with another innermost size.
  public func withColumns(_ columns: Int) -> Shape {
    Shape(dimensions.dropLast() + [columns])
  }

  /// The sizes as `[2, 3]`.
  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}
