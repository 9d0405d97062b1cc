// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What a safetensors file says about one of its tensors.
///
/// Entries come from ``SafetensorsFile``, which has checked them: the range lies within the file and
/// its length is the number of elements times the size of one.
public struct TensorEntry: Sendable, Equatable {
  /// The tensor's name, unique in its file.
  public let name: String
  /// The kind of the elements.
  public let elementType: ElementType
  /// The extent of each dimension, outermost first; empty for a scalar.
  ///
  /// An extent may be 0, and then so is the number of elements.
  public let shape: [Int]
  /// Where the tensor lies in the file, in bytes from the file's beginning.
  ///
  /// The format does not promise that the lower bound is a multiple of the element's size.
  public let byteRange: Range<Int>
  /// The number of elements, which is the product of ``shape`` and 1 for a scalar.
  public let elementCount: Int
}

extension ElementType {
  /// The number of elements in a tensor of this kind and `shape`, and the number of their bytes.
  ///
  /// - Returns: `nil` where an extent is negative or a product is too large for `Int`.
  func extent(ofShape shape: [Int]) -> (elementCount: Int, byteCount: Int)? {
    guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
    // An empty tensor is empty whatever its other extents multiply to.
    if shape.contains(0) { return (0, 0) }
    var elementCount = 1
    for extent in shape {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      elementCount = product
    }
    let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: byteCount)
    return overflow ? nil : (elementCount, bytes)
  }
}
