// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Memory that a backend owns and frees when the last tensor over it is gone.
public protocol TensorStorage: AnyObject, Sendable {
  /// The size in bytes.
  var byteCount: Int { get }
}

/// An immutable array of float32 numbers in a backend's memory, dense and row-major.
///
/// A feature map is channels last: `[images, height, width, channels]`. The same bytes are then a
/// transformer's `[images, tokens, channels]` and a temporal layer's `[clips, frames, pixels,
/// channels]`, so `reshaped` costs nothing and nothing is ever permuted.
public struct Tensor: Sendable {
  /// The size along each axis.
  public let shape: Shape
  /// The memory that holds the elements.
  public let storage: any TensorStorage
  /// Where the first element lies in the storage, counted in elements.
  public let offset: Int
  /// The backend whose memory this is and which computes with it.
  public let backend: any Backend

  /// Wraps memory of a backend.
  ///
  /// - Parameters:
  ///   - shape: The size along each axis.
  ///   - storage: Memory that holds at least `offset + shape.count` elements.
  ///   - offset: Where the first element lies, counted in elements.
  ///   - backend: The owner of the memory.
  public init(
    shape: Shape,
    storage: any TensorStorage,
    offset: Int = 0,
    backend: any Backend
  ) {
    self.shape = shape
    self.storage = storage
    self.offset = offset
    self.backend = backend
  }

  /// The same elements under another shape.
  ///
  /// - Parameter shape: A shape with as many elements.
  /// - Returns: A view of the same memory.
  /// - Throws: `TensorError` with code `.shape` if the counts differ.
  public func reshaped(_ shape: Shape) throws(TensorError) -> Tensor {
    guard shape.count == self.shape.count else {
      throw TensorError(.shape, "reshape", "\(self.shape) has not as many elements as \(shape)")
    }
    return Tensor(shape: shape, storage: storage, offset: offset, backend: backend)
  }

  /// Some consecutive pieces along the outermost axis, sharing this tensor's memory.
  ///
  /// - Parameter range: Which pieces.
  /// - Returns: A view of the same memory.
  /// - Throws: `TensorError` with code `.shape` if the range reaches outside.
  public func slice(_ range: Range<Int>) throws(TensorError) -> Tensor {
    guard shape.rank > 0, range.lowerBound >= 0, range.upperBound <= shape[0] else {
      throw TensorError(.shape, "slice", "\(range) is not inside \(shape)")
    }
    let piece = shape.count / max(shape[0], 1)
    return Tensor(
      shape: Shape([range.count] + shape.dimensions.dropFirst()),
      storage: storage,
      offset: offset + range.lowerBound * piece,
      backend: backend
    )
  }

  /// The same memory under a backend that shares it with this one, whose operations are then used.
  ///
  /// - Parameter backend: This tensor's backend, its `inFullPrecision`, or the one whose that is.
  /// - Returns: A view of the same memory.
  public func on(_ backend: any Backend) -> Tensor {
    Tensor(shape: shape, storage: storage, offset: offset, backend: backend)
  }

  /// The elements, copied to the host in row-major order; waits for pending work.
  ///
  /// - Throws: `TensorError` if the backend cannot read its memory.
  public func values() throws(TensorError) -> [Float] {
    try backend.download(self)
  }

  /// The elements on their way to the host; waits for nothing where the backend works by itself.
  ///
  /// - Returns: The elements in row-major order, to be waited for.
  /// - Throws: `TensorError` if the backend cannot read its memory.
  public func pendingValues() throws(TensorError) -> any PendingValues {
    try backend.beginDownload(self)
  }
}
