// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore

/// Every operation as its definition says it, one element at a time, summed in float64: what the other
/// backends are measured against.
package final class ReferenceBackend: Backend {
  package let name = "reference"
  /// Whether the factors of feed-forward layers' products are rounded to 8 bits.
  let computesFeedForwardsInFloat8: Bool

  /// - Parameter feedForwardsInFloat8: Whether the factors of feed-forward layers' products are rounded to 8 bits.
  package init(feedForwardsInFloat8: Bool = false) {
    computesFeedForwardsInFloat8 = feedForwardsInFloat8
  }

  // MARK: Memory

  private final class Storage: TensorStorage {
    let values: [Float]
    var byteCount: Int { values.count * MemoryLayout<Float>.stride }

    init(_ values: [Float]) { self.values = values }
  }

  /// A weight in checkpoint order.
  final class Weight: PreparedWeight {
    let shape: Shape
    let values: [Float]

    init(shape: Shape, values: [Float]) {
      self.shape = shape
      self.values = values
    }
  }

  /// A tensor of the given elements.
  func tensor(_ shape: Shape, _ values: [Float]) -> Tensor {
    Tensor(shape: shape, storage: Storage(values), backend: self)
  }

  /// A tensor whose elements are each computed from their number.
  func tensor(_ shape: Shape, _ element: (Int) -> Double) -> Tensor {
    tensor(shape, (0..<shape.count).map { Float(element($0)) })
  }

  /// The elements of an operand.
  func values(_ x: Tensor) throws(TensorError) -> [Float] {
    guard let storage = x.storage as? Storage else {
      throw TensorError(.library, "read", "a tensor of another backend was given")
    }
    if x.offset == 0, x.shape.count == storage.values.count { return storage.values }
    return Array(storage.values[x.offset..<x.offset + x.shape.count])
  }

  /// The elements of an operand that may be left out.
  func values(_ x: Tensor?) throws(TensorError) -> [Float]? {
    guard let x else { return nil }
    return try values(x)
  }

  func weight(_ weight: any PreparedWeight) throws(TensorError) -> Weight {
    guard let weight = weight as? Weight else {
      throw TensorError(.library, "weight", "a weight was prepared for another backend")
    }
    return weight
  }

  package func upload(_ values: [Float], shape: Shape) throws(TensorError) -> Tensor {
    guard values.count == shape.count else {
      throw TensorError(.shape, "upload", "\(values.count) values are not \(shape)")
    }
    return tensor(shape, values)
  }

  package func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) throws(TensorError) -> Tensor {
    guard bytes.count == shape.count * format.byteCount else {
      throw TensorError(.shape, "upload", "\(bytes.count) bytes are not \(shape) of \(format)")
    }
    let values = (0..<shape.count).map { index in
      let start = index * format.byteCount
      let value =
        switch format {
        case .float16: Float(unsafe bytes.loadUnaligned(fromByteOffset: start, as: Float16.self))
        case .bfloat16:
          Float(
            bitPattern: UInt32(unsafe bytes.loadUnaligned(fromByteOffset: start, as: UInt16.self))
              << 16
          )
        case .float32: unsafe bytes.loadUnaligned(fromByteOffset: start, as: Float.self)
        case .float64: Float(unsafe bytes.loadUnaligned(fromByteOffset: start, as: Double.self))
        }
      return scale * value
    }
    return tensor(shape, values)
  }

  package func download(_ x: Tensor) throws(TensorError) -> [Float] { try values(x) }

  package func prepare(_ weight: Tensor) throws(TensorError) -> any PreparedWeight {
    Weight(shape: weight.shape, values: try values(weight))
  }

  // MARK: Layout

  package func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) throws(TensorError) -> Tensor
  {
    let (a, b) = (try values(x), try values(table))
    let columns = x.shape.columns
    return tensor(x.shape) { index in
      let row = index / columns
      let entry =
        switch choice {
        case .blocks(let size): row / size % table.shape[0]
        case .indices(let indices): Int(indices[row])
        }
      return Double(a[index]) + Double(b[entry * columns + index % columns])
    }
  }

  package func upsample(_ x: Tensor, to size: Extent) throws(TensorError) -> Tensor {
    let source = try values(x)
    let (height, width, channels) = (x.shape[1], x.shape[2], x.shape[3])
    return tensor(Shape([x.shape[0], size.height, size.width, channels])) { index in
      let pixel = index / channels
      let column = pixel % size.width * width / size.width
      let row = pixel / size.width % size.height * height / size.height
      let image = pixel / size.width / size.height
      return Double(
        source[((image * height + row) * width + column) * channels + index % channels]
      )
    }
  }

  package func interleave(_ phases: [Tensor]) throws(TensorError) -> Tensor {
    var sources: [[Float]] = []
    for phase in phases { sources.append(try values(phase)) }
    let shape = phases[0].shape
    let (height, width, channels) = (shape[1], shape[2], shape[3])
    return tensor(Shape([shape[0], 2 * height, 2 * width, channels])) { index in
      let pixel = index / channels
      let column = pixel % (2 * width)
      let row = pixel / (2 * width) % (2 * height)
      let image = pixel / (4 * width * height)
      let source = ((image * height + row / 2) * width + column / 2) * channels + index % channels
      return Double(sources[row % 2 * 2 + column % 2][source])
    }
  }

  package func concatenateColumns(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    let (first, second) = (try values(a), try values(b))
    let (left, right) = (a.shape.columns, b.shape.columns)
    return tensor(a.shape.withColumns(left + right)) { index in
      let row = index / (left + right)
      let column = index % (left + right)
      return Double(
        column < left ? first[row * left + column] : second[row * right + column - left]
      )
    }
  }

  package func concatenateRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
    var all: [Float] = []
    for part in parts { all += try values(part) }
    let pieces = parts.reduce(0) { $0 + $1.shape[0] }
    return tensor(Shape([pieces] + parts[0].shape.dimensions.dropFirst()), all)
  }
}
