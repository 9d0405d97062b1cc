// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import CUDA
package import TensorCore

/// A GPU's backend: cuBLASLt for matrix products, cuDNN for convolutions and attention, and our own
/// kernels for the rest.
///
/// What is uploaded stays float32, so that norms, biases and the noisy sample lose nothing. What
/// operations make is of the backend's element type, and operands are cast to it as they come; sums
/// are float32 always.
package final class CUDABackend: Backend {
  package let engine: CUDAEngine
  /// The type of what operations make.
  package let element: Element
  /// The bytes of a hidden layer that are made at a time, where more would be gigabytes.
  package let workingBytes: Int
  /// Whether the factors of feed-forward layers' products are numbers of 8 bits where they can be.
  package let computesFeedForwardsInFloat8: Bool

  /// Makes a backend.
  ///
  /// - Parameters:
  ///   - engine: The GPU.
  ///   - element: The type of what operations make.
  ///   - workingBytes: The bytes of a hidden layer that are made at a time.
  ///   - feedForwardsInFloat8: Whether the factors of feed-forward layers' products are numbers of 8 bits; for
  ///     a type of 16 bits, on a GPU that `canComputeInFloat8`.
  package init(
    _ engine: CUDAEngine,
    _ element: Element,
    workingBytes: Int = 384 << 20,
    feedForwardsInFloat8: Bool = false
  ) {
    self.engine = engine
    self.element = element
    self.workingBytes = workingBytes
    computesFeedForwardsInFloat8 = feedForwardsInFloat8
  }

  /// As "cuda:0".
  package var name: String { "cuda:\(engine.device.description.ordinal)" }

  /// See `Backend.inFullPrecision`.
  package var inFullPrecision: any Backend {
    element == .float32 ? self : CUDABackend(engine, .float32, workingBytes: workingBytes)
  }

  // MARK: Operands

  /// A tensor that an operation is about to write.
  func make(
    _ shape: Shape,
    _ element: Element,
    _ operation: String
  ) throws(TensorError) -> Tensor {
    Tensor(
      shape: shape,
      storage: try engine.storage(shape.count, element, operation),
      backend: self
    )
  }

  func storage(_ x: Tensor, _ operation: String) throws(TensorError) -> CUDAStorage {
    guard let storage = x.storage as? CUDAStorage else {
      throw TensorError(.library, operation, "a tensor of another backend was given")
    }
    return storage
  }

  /// Where a tensor's elements lie, and their type.
  func place(_ x: Tensor, _ operation: String) throws(TensorError) -> (UInt64, Element) {
    let storage = try storage(x, operation)
    return (storage.address + UInt64(x.offset * storage.element.byteCount), storage.element)
  }

  /// Where a tensor's elements lie as numbers of a type, and what keeps them there.
  func operand(
    _ x: Tensor,
    as element: Element,
    _ operation: String
  ) throws(TensorError) -> (address: UInt64, tensor: Tensor) {
    let tensor = try cast(x, to: element, operation)
    return (try place(tensor, operation).0, tensor)
  }

  /// The same for an operand that may be left out, whose address is then zero.
  func operand(
    _ x: Tensor?,
    as element: Element,
    _ operation: String
  ) throws(TensorError) -> (address: UInt64, tensor: Tensor?) {
    guard let x else { return (0, nil) }
    let (address, tensor) = try operand(x, as: element, operation)
    return (address, tensor)
  }

  func weight(_ weight: any PreparedWeight, _ operation: String) throws(TensorError) -> CUDAWeight {
    guard let weight = weight as? CUDAWeight else {
      throw TensorError(.library, operation, "a weight was prepared for another backend")
    }
    guard weight.storage.element == element else {
      throw TensorError(
        .library,
        operation,
        "a weight was prepared as \(weight.storage.element), not \(element)"
      )
    }
    return weight
  }

  /// The tensor with elements of another type; small ones keep the copy.
  package func cast(
    _ x: Tensor,
    to element: Element,
    _ operation: String
  ) throws(TensorError) -> Tensor {
    let storage = try storage(x, operation)
    if storage.element == element { return x }
    let isKept = storage.byteCount <= CUDAStorage.mostKept
    if isKept, let copy = storage.copy(as: element) {
      return Tensor(shape: x.shape, storage: copy, offset: x.offset, backend: self)
    }
    // A small tensor may be a slice of many; cast whole, it is cast once.
    let count = isKept ? storage.byteCount / storage.element.byteCount : x.shape.count
    let first = isKept ? 0 : x.offset
    let copy = try engine.storage(count, element, operation)
    let from = storage.address + UInt64(first * storage.element.byteCount)
    let narrows = element != .float32
    try elementwise(
      narrows ? "cast_in" : "cast_out",
      narrows ? element : storage.element,
      operation,
      count: count,
      addresses: [from, copy.address],
      [.address(from), .address(copy.address), .int(Int64(count))]
    )
    if isKept { storage.keep(copy) }
    return Tensor(
      shape: x.shape,
      storage: copy,
      offset: isKept ? x.offset : 0,
      backend: self
    )
  }

  /// The type for a result of operands of several types: float32 only if all are.
  func common(_ tensors: [Tensor], _ operation: String) throws(TensorError) -> Element {
    for tensor in tensors where try storage(tensor, operation).element != .float32 {
      return element
    }
    return .float32
  }

  // MARK: Launching

  /// Starts a kernel with one thread for each eight elements where sizes and addresses allow, else for
  /// each one.
  ///
  /// - Parameters:
  ///   - kernel: The name of the kernel for single elements.
  ///   - element: The type that the kernel is compiled for.
  ///   - operation: For messages.
  ///   - count: Elements of the result.
  ///   - rows: Sizes that groups of eight must not cross.
  ///   - addresses: All that is read or written eight elements at a time.
  ///   - maps: How many tensors as large as the result are read or written, for profiles.
  ///   - arguments: What the kernel is given.
  /// - Throws: `TensorError` if it cannot be started.
  func elementwise(
    _ kernel: String,
    _ element: Element,
    _ operation: String,
    count: Int,
    rows: [Int] = [],
    addresses: [UInt64],
    maps: Int = 2,
    _ arguments: [Module.Argument]
  ) throws(TensorError) {
    let byEights =
      count % 8 == 0 && rows.allSatisfy { $0 % 8 == 0 } && addresses.allSatisfy { $0 % 32 == 0 }
    try single(
      byEights ? kernel + "_8" : kernel,
      element,
      operation,
      count: byEights ? count / 8 : count,
      bytes: count * maps * element.byteCount,
      arguments
    )
  }

  /// Starts a kernel with one thread for each element.
  func single(
    _ kernel: String,
    _ element: Element,
    _ operation: String,
    count: Int,
    bytes: Int = 0,
    _ arguments: [Module.Argument]
  ) throws(TensorError) {
    guard count > 0 else { return }
    try engine.launch(
      kernel,
      element,
      operation,
      grid: ((count + 255) / 256, 1, 1),
      block: 256,
      bytes: bytes,
      arguments
    )
  }

  // MARK: Memory

  /// See `Backend.upload`.
  package func upload(_ values: [Float], shape: Shape) throws(TensorError) -> Tensor {
    guard values.count == shape.count else {
      throw TensorError(.shape, "upload", "\(values.count) values are not \(shape)")
    }
    let result = try make(shape, .float32, "upload")
    let address = try place(result, "upload").0
    do throws(CUDAError) {
      try unsafe values.withUnsafeBufferPointer { values throws(CUDAError) in
        try unsafe engine.staging.copy(UnsafeRawBufferPointer(values), to: address)
      }
    } catch { throw TensorError(error, "upload") }
    return result
  }

  /// See `Backend.upload`.
  package func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) throws(TensorError) -> Tensor {
    guard bytes.count == shape.count * format.byteCount else {
      throw TensorError(.shape, "upload", "\(bytes.count) bytes are not \(shape) of \(format)")
    }
    let result = try make(shape, .float32, "upload")
    let address = try place(result, "upload").0
    do throws(CUDAError) {
      if format == .float32, scale == 1 {
        try unsafe engine.staging.copy(bytes, to: address)
        return result
      }
      let raw = try engine.allocator.allocate(bytes.count)
      try unsafe engine.staging.copy(bytes, to: raw.address)
      let kernel =
        switch format {
        case .float16: "widen_float16"
        case .bfloat16: "widen_bfloat16"
        case .float32: "widen_float32"
        case .float64: "widen_float64"
        }
      do throws(TensorError) {
        try single(
          kernel,
          element,
          "upload",
          count: shape.count,
          [.address(raw.address), .address(address), .float(scale), .int(Int64(shape.count))]
        )
      } catch { throw CUDAError(.call, "upload", error.message) }
    } catch { throw TensorError(error, "upload") }
    return result
  }

  /// See `Backend.download`.
  package func download(_ x: Tensor) throws(TensorError) -> [Float] {
    let (address, tensor) = try operand(x, as: .float32, "download")
    var values = [Float](repeating: 0, count: x.shape.count)
    do throws(CUDAError) {
      try unsafe values.withUnsafeMutableBufferPointer { values throws(CUDAError) in
        try unsafe engine.device.copyOut(address, to: UnsafeMutableRawBufferPointer(values))
      }
    } catch { throw TensorError(error, "download") }
    withExtendedLifetime(tensor) {}
    return values
  }

  /// See `Backend.beginDownload`.
  package func beginDownload(_ x: Tensor) throws(TensorError) -> any PendingValues {
    let (address, tensor) = try operand(x, as: .float32, "download")
    do throws(CUDAError) {
      if let pending = try engine.downloads.begin(address, count: x.shape.count) {
        // What is freed from now on is freed behind the copy.
        return withExtendedLifetime(tensor) { pending }
      }
    } catch { throw TensorError(error, "download") }
    return ReadValues(try download(tensor))
  }

  /// See `Backend.prepare`.
  package func prepare(_ weight: Tensor) throws(TensorError) -> any PreparedWeight {
    let shape = weight.shape
    if shape.rank == 2 {
      let tensor = try cast(weight, to: element, "prepare")
      if tensor.offset == 0, tensor.storage !== weight.storage || element == .float32 {
        return CUDAWeight(shape: shape, storage: try storage(tensor, "prepare"))
      }
    }
    let (source, kept) = try operand(weight, as: .float32, "prepare")
    let kernel = shape.dimensions.dropFirst(2).reduce(1, *)
    let inputs = shape.rank == 4 ? CUDAWeight.wide(shape[1]) : shape[1]
    let outputs = shape.rank == 4 ? CUDAWeight.wide(shape[0]) : shape[0]
    let count = outputs * kernel * inputs
    let storage = try engine.storage(count, element, "prepare")
    try single(
      "turn_weight",
      element,
      "prepare",
      count: count,
      [
        .address(source), .address(storage.address), .int(Int64(shape[0])), .int(Int64(shape[1])),
        .int(Int64(kernel)), .int(Int64(inputs)), .int(Int64(count)),
      ]
    )
    withExtendedLifetime(kept) {}
    return CUDAWeight(shape: shape, storage: storage)
  }

  /// See `Backend.isFinite`.
  package func isFinite(_ x: Tensor) throws(TensorError) -> Bool {
    let (address, element) = try place(x, "check")
    let flag = try upload([0], shape: [1])
    let place = try place(flag, "check").0
    try single(
      "find_not_finite",
      element,
      "check",
      count: x.shape.count,
      [.address(address), .address(place), .int(Int64(x.shape.count))]
    )
    // The flag is an integer; any but zero is another bit pattern than 0.0's.
    return try download(flag)[0] == 0
  }

  /// See `Backend.uniform`.
  package func uniform(
    _ shape: Shape,
    key: UInt64,
    mean: Double,
    width: Double
  ) throws(TensorError) -> Tensor {
    let result = try make(shape, .float32, "uniform")
    try single(
      "make_uniform",
      element,
      "uniform",
      count: shape.count,
      [
        .address(try place(result, "uniform").0), .int(Int64(bitPattern: key)),
        .int(Int64(bitPattern: mean.bitPattern)), .int(Int64(bitPattern: width.bitPattern)),
        .int(Int64(shape.count)),
      ]
    )
    return result
  }
}
