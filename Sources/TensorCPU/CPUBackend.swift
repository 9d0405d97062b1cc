// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
public import TensorCore

/// The processor's backend: oneDNN for matrix products and convolutions, vectorised loops on the same
/// threads for everything else.
///
/// All arithmetic is float32.
public final class CPUBackend: Backend {
  /// "cpu".
  public let name = "cpu"

  let pool: MemoryPool
  let library: OneDNN

  /// Makes a backend with memory and plans of its own.
  public init() {
    pool = MemoryPool()
    library = OneDNN(pool: pool)
  }

  /// The version of oneDNN at hand, as "2.6.3".
  public static var libraryVersion: String { OneDNN.version }

  /// The number of threads that operations started by the calling thread use.
  public static var threadCount: Int {
    get { Int(cpu_thread_count()) }
    set { cpu_set_thread_count(Int32(clamping: newValue)) }
  }

  /// See `Backend.upload`.
  public func upload(_ values: [Float], shape: Shape) throws(TensorError) -> Tensor {
    guard values.count == shape.count else {
      throw TensorError(.shape, "upload", "\(values.count) values are not \(shape)")
    }
    let result = try make(shape, "upload")
    unsafe values.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        unsafe UnsafeMutableRawPointer(output(result)).copyMemory(
          from: base,
          byteCount: bytes.count
        )
      }
    }
    return result
  }

  /// See `Backend.download`.
  public func download(_ x: Tensor) throws(TensorError) -> [Float] {
    let source = unsafe input(x)
    return unsafe [Float](unsafeUninitializedCapacity: x.shape.count) { buffer, count in
      if let base = buffer.baseAddress {
        unsafe base.initialize(from: source, count: x.shape.count)
      }
      count = x.shape.count
    }
  }

  /// See `Backend.upload`.
  public func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) throws(TensorError) -> Tensor {
    guard bytes.count == shape.count * format.byteCount else {
      throw TensorError(.shape, "upload", "\(bytes.count) bytes are not \(shape) of \(format)")
    }
    let result = try make(shape, "upload")
    let widen =
      switch format {
      case .float16: unsafe cpu_widen_float16
      case .bfloat16: unsafe cpu_widen_bfloat16
      case .float32: unsafe cpu_widen_float32
      case .float64: unsafe cpu_widen_float64
      }
    unsafe widen(bytes.baseAddress, output(result), shape.count, scale)
    return result
  }

  /// See `Backend.prepare`.
  public func prepare(_ weight: Tensor) throws(TensorError) -> any PreparedWeight {
    guard let storage = weight.storage as? CPUStorage, weight.offset == 0 else {
      throw TensorError(
        .library,
        "prepare",
        "a whole tensor in the processor's memory was expected"
      )
    }
    return CPUWeight(shape: weight.shape, plain: storage, pool: pool)
  }

  // MARK: Memory

  /// Uninitialised memory for a result.
  func make(_ shape: Shape, _ operation: String) throws(TensorError) -> Tensor {
    let bytes = shape.count * MemoryLayout<Float>.stride
    return Tensor(
      shape: shape,
      storage: try pool.storage(byteCount: bytes, for: operation),
      backend: self
    )
  }

  /// Where an operand's elements begin.
  ///
  /// Its storage is this backend's, by the contract of `Backend`.
  func input(_ x: Tensor) -> UnsafePointer<Float> {
    unsafe UnsafePointer(output(x))
  }

  func input(_ x: Tensor?) -> UnsafePointer<Float>? {
    guard let x else { return nil }
    return unsafe UnsafePointer(output(x))
  }

  /// Where a fresh result's elements begin; nothing else has seen it yet.
  func output(_ x: Tensor) -> UnsafeMutablePointer<Float> {
    let storage = unsafe unsafeDowncast(x.storage, to: CPUStorage.self)
    return unsafe storage.floats + x.offset
  }

  func weight(_ weight: any PreparedWeight) throws(TensorError) -> CPUWeight {
    guard let weight = weight as? CPUWeight else {
      throw TensorError(.library, "weight", "a weight was prepared for another backend")
    }
    return weight
  }
}
