// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension MatrixProducts {
  /// A product of row-major matrices, or of several pairs of them at equal distances.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// Rows of `x` and of the result.
    package var rows: Int
    /// Columns of the result.
    package var columns: Int
    /// What is summed over.
    package var inner: Int
    /// Elements from one row to the next.
    package var xStride: Int
    package var weightStride: Int
    package var yStride: Int
    /// Whether the second operand is `[columns, inner]`, or else `[inner, columns]`.
    package var weightIsTransposed = true
    package var hasBias = false
    package var hasResidual = false
    package var batch = 1
    /// Elements from one matrix of the batch to the next.
    package var xDistance = 0
    package var weightDistance = 0
    package var yDistance = 0
    package var scale: Float = 1
    package var input: Element
    package var output: Element

    /// `y = x wᵀ` for dense matrices.
    package init(rows: Int, columns: Int, inner: Int, _ element: Element) {
      self.rows = rows
      self.columns = columns
      self.inner = inner
      xStride = inner
      weightStride = inner
      yStride = columns
      input = element
      output = element
    }

    package var description: String {
      "\(batch == 1 ? "" : "\(batch) of ")[\(rows), \(inner)] by [\(inner), \(columns)] \(input)"
        + (hasBias ? ", bias" : "") + (hasResidual ? ", residual" : "")
    }

    /// How the matrices lie, in words.
    var strides: String {
      "\(xStride) \(weightStride) \(yStride) \(weightIsTransposed) \(xDistance) \(weightDistance) "
        + "\(yDistance) \(output)"
    }

    /// Multiplications and additions.
    package var operations: Double {
      2 * Double(batch) * Double(rows) * Double(columns) * Double(inner)
    }

    /// Bytes that must be read and written at least.
    package var bytes: Int {
      batch * (rows * inner + columns * inner) * input.byteCount
        + batch * rows * columns * output.byteCount * (hasResidual ? 2 : 1)
    }
  }

  /// Where a product's operands lie.
  package struct Operands: Sendable {
    package var x: UInt64
    package var weight: UInt64
    package var bias: UInt64 = 0
    package var residual: UInt64 = 0
    package var y: UInt64

    package init(x: UInt64, weight: UInt64, y: UInt64) {
      self.x = x
      self.weight = weight
      self.y = y
    }
  }
}
