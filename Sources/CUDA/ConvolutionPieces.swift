// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension Convolutions {
  /// A convolution cut into ones that engines, which count in 32 bits, get right: no tensor of a piece
  /// reaches further than 2³¹ elements from its beginning.
  ///
  /// Images are divided among the pieces, or one image by its rows. A piece then also reads the rows
  /// that its kernel reaches beyond it, and has no zeros above and below but in the first and the last
  /// piece. These two are padded on both sides all the same, since not every engine pads one alone;
  /// what they write wrongly for it, the rows at the cut, the pieces after them write again.
  ///
  /// - Parameters:
  ///   - whole: The convolution.
  ///   - operands: Where its operands lie.
  ///   - most: The most elements of a tensor.
  /// - Returns: The pieces in the order they are to run in; the whole alone where it is small enough or
  ///   cannot be cut.
  package static func pieces(
    _ whole: Problem,
    _ operands: Operands,
    most: Int = Int(Int32.max)
  ) -> [(Problem, Operands)] {
    let image = max(
      whole.height * whole.width * whole.inputs,
      whole.outputHeight * whole.outputWidth * whole.outputs
    )
    guard whole.images * image > most else { return [(whole, operands)] }
    guard whole.images == 1 else {
      let step = max(1, most / image)
      return stride(from: 0, to: whole.images, by: step).flatMap { first in
        var piece = whole
        piece.images = min(step, whole.images - first)
        let moved = operands.moved(
          whole,
          x: first * whole.height * whole.width,
          y: first * whole.outputHeight * whole.outputWidth
        )
        return pieces(piece, moved, most: most)
      }
    }
    let reach = (whole.kernelHeight - 1) / 2
    let rows = most / (whole.width * max(whole.inputs, whole.outputs))
    guard whole.strideHeight == 1, whole.strideWidth == 1, whole.top == reach,
      whole.bottom == reach, whole.kernelHeight % 2 == 1, whole.outputWidth == whole.width,
      rows > 2 * reach
    else { return [(whole, operands)] }
    /// Result rows that begin at `first`, from as many of `x` that begin at `from`.
    func piece(
      _ count: Int,
      from: Int,
      to first: Int,
      padding: Int
    ) -> (Problem, Operands) {
      var piece = whole
      piece.height = count
      piece.outputHeight = count + 2 * (padding - reach)
      (piece.top, piece.bottom) = (padding, padding)
      return (piece, operands.moved(whole, x: from * whole.width, y: first * whole.width))
    }
    let begin = min(rows, whole.height - reach)
    let end = max(whole.height - rows, begin - reach)
    let ends = [
      piece(begin, from: 0, to: 0, padding: reach),
      piece(whole.height - end, from: end, to: end, padding: reach),
    ]
    let step = rows - 2 * reach
    return ends
      + stride(from: begin - reach, to: end + reach, by: step).map { first in
        let count = min(step, end + reach - first)
        return piece(count + 2 * reach, from: first - reach, to: first, padding: 0)
      }
  }
}

extension Convolutions.Operands {
  /// The operands some pixels further on.
  fileprivate func moved(_ problem: Convolutions.Problem, x: Int, y: Int) -> Self {
    let bytes = problem.element.byteCount
    var moved = self
    moved.x += UInt64(x * problem.inputs * bytes)
    moved.y += UInt64(y * problem.outputs * bytes)
    if problem.hasResidual { moved.residual += UInt64(y * problem.outputs * bytes) }
    return moved
  }
}
