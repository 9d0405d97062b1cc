// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CKernels
internal import CUDA
internal import Synchronization
internal import TensorCore

/// The kernels in `hopper`: products by what compute capability 9.0 alone has.
///
/// Each is compiled by itself when it is first needed, or ahead of that.
final class HopperKernels: Sendable {
  /// A product's kernel; its name is that in the source.
  enum Kernel: String, CaseIterable {
    case gatedRows3 = "gated_rows_3"
    case gatedRows5 = "gated_rows_5"
    case gatedRows10 = "gated_rows_10"
    case gatedProduct = "gated_product"
    case product320 = "product_320"
    case product256 = "product_256"
    case product128 = "product_128"
    case scores

    /// Columns of the result that a block computes at once.
    var columns: Int {
      switch self {
      case .gatedRows3, .gatedRows5, .gatedRows10: 64
      case .product320: 320
      case .product256, .scores: 256
      case .gatedProduct, .product128: 128
      }
    }

    /// Whether each column takes two rows of the weight.
    fileprivate var isGated: Bool {
      switch self {
      case .gatedRows3, .gatedRows5, .gatedRows10, .gatedProduct: true
      case .product320, .product256, .product128, .scores: false
      }
    }

    /// Rows of the weight that one block of a cluster of two copies at once.
    fileprivate var weightRows: Int { isGated ? columns : columns / 2 }

    /// Bytes of shared memory of a block: 1 KiB to begin at a multiple of, tiles of rows that stay, stages, what
    /// results pass through, and two barriers of 8 bytes for each tile or stage.
    fileprivate var sharedBytes: Int {
      let tile = 128 * 128
      let results = 8 * 16 * 144
      func bytes(rows: Int = 0, stages: Int, of stage: Int, results: Int = 0) -> Int {
        1024 + rows * tile + stages * stage + results + 16 * (rows + stages)
      }
      return switch self {
      case .gatedRows3: bytes(rows: 3, stages: 8, of: tile)
      case .gatedRows5: bytes(rows: 5, stages: 8, of: tile)
      case .gatedRows10: bytes(rows: 10, stages: 4, of: tile)
      case .product320: bytes(stages: 3, of: tile + 320 * 128, results: results)
      case .gatedProduct, .product256, .scores:
        bytes(stages: 4, of: tile + 256 * 128, results: results)
      case .product128: bytes(stages: 6, of: tile + 128 * 128, results: results)
      }
    }

    /// The kernel for a gated product, if there is one.
    static func gated(inner: Int, hidden: Int, _ factors: Factors) -> Kernel? {
      guard factors.fit(inner), hidden % 128 == 0 else { return nil }
      return switch factors.tiles(inner) {
      case 3: factors == .float8 ? .gatedRows3 : .gatedProduct
      case 5: .gatedRows5
      case 10: .gatedRows10
      default: .gatedProduct
      }
    }

    /// The kernel for a product with so many columns, if there is one.
    static func product(inner: Int, outputs: Int, _ factors: Factors) -> Kernel? {
      guard factors.fit(inner) else { return nil }
      return [.product320, .product256, .product128].first { outputs % $0.columns == 0 }
    }

    /// The kernel for a convolution over frames, if there is one that is faster than cuDNN.
    ///
    /// Tiles are 128 places of one frame, so that few places leave tiles half empty.
    static func overFrames(inputs: Int, outputs: Int, positions: Int) -> Kernel? {
      positions >= 512 ? product(inner: inputs, outputs: outputs, .elements) : nil
    }
  }

  /// What a product's factors are.
  enum Factors: CaseIterable {
    /// The backend's type, of 16 bits.
    case elements
    /// Numbers of 8 bits, e4m3; the weight's are scaled.
    case float8

    var byteCount: Int {
      switch self {
      case .elements: 2
      case .float8: 1
      }
    }

    /// Whether rows of so many numbers can be cut into tiles.
    func fit(_ inner: Int) -> Bool {
      switch self {
      case .elements: inner % 64 == 0
      // A row's bytes are a multiple of 16; what a last tile has beyond is zero.
      case .float8: inner % 16 == 0
      }
    }

    /// Tiles of 128 bytes in a row of so many numbers.
    fileprivate func tiles(_ inner: Int) -> Int { (inner * byteCount + 127) / 128 }

    fileprivate var options: [String] {
      switch self {
      case .elements: []
      case .float8: ["-DFLOAT8"]
      }
    }

    /// The kernels that there are for them.
    var kernels: [Kernel] {
      switch self {
      case .elements: Kernel.allCases.filter { $0 != .gatedRows3 }
      case .float8: Kernel.allCases.filter { $0 != .scores }
      }
    }
  }

  /// What is compiled by itself: a kernel, or several that go together.
  private struct Part: Hashable {
    let name: String
    let element: Element
    let factors: Factors
  }

  /// What makes numbers of 8 bits of others.
  private static let narrowing = "narrow"

  /// A kernel that is compiled, being compiled by who holds the lock, or not yet.
  private final class Slot: Sendable {
    let module = Mutex<Module?>(nil)
  }

  private let device: Device
  private let compiler: Compiler
  private let cache: CompilationCache
  private let slots = Mutex<[Part: Slot]>([:])

  /// None if the GPU or its driver cannot run them.
  init?(_ device: Device, _ compiler: Compiler, _ cache: CompilationCache) {
    guard device.description.capability == 90, device.hasTensorMaps else { return nil }
    self.device = device
    self.compiler = compiler
    self.cache = cache
  }

  private func module(_ part: Part) throws(CUDAError) -> Module {
    let slot = slots.withLock { slots in
      let slot = slots[part] ?? Slot()
      slots[part] = slot
      return slot
    }
    return try slot.module.withLock { module throws(CUDAError) in
      if let module { return module }
      let options = CUDAEngine.options(part.element, capability: device.description.capability)
      let image = try cache.machineCode(
        of: CUDAEngine.hopperSource,
        name: "\(part.name)-\(part.element)",
        options: options + part.factors.options + ["-DONLY_\(part.name)"],
        compiler
      )
      let loaded = try Module(image, on: device)
      module = loaded
      return loaded
    }
  }

  /// Compiles what computes with some factors, all at once and in the background: later each would be waited for.
  ///
  /// A failure is met again, and told, by who needs the kernel.
  func compileAhead(_ element: Element, _ factors: Factors) {
    for name in Self.parts(factors) {
      Task.detached {
        _ = try? self.module(Part(name: name, element: element, factors: factors))
      }
    }
  }

  /// The names of what is compiled by itself.
  static func parts(_ factors: Factors) -> [String] {
    factors.kernels.map(\.rawValue) + (factors == .float8 ? [narrowing] : [])
  }

  /// Rows of x and what is made of them.
  struct Rows {
    /// `[images, frames, positions, inner]`.
    let x: UInt64
    var factors = Factors.elements
    let images: Int
    let frames: Int
    let positions: Int
    let inner: Int
    /// Numbers from one position's to the next's, and from one output's to the next's; none where they lie densely.
    var stride: Int?
    /// `[outputs, taps, inner]`; twice as many outputs if they are gated.
    let weight: UInt64
    /// The weight's largest magnitude, a float32, where its numbers are scaled so that it is the largest there is.
    var largest: UInt64 = 0
    let taps: Int
    /// float32.
    var bias: UInt64 = 0
    /// Of y's shape; zero for none.
    var residual: UInt64 = 0
    /// What scores are multiplied by.
    var scale: Float = 1
    /// `[images, frames, positions, outputs]`; float8 of a gated product of such, float32 of scores, or else elements.
    let y: UInt64
    let outputs: Int
  }

  /// Starts a product's kernel.
  func run(_ kernel: Kernel, _ element: Element, _ rows: Rows) throws(CUDAError) {
    let part = Part(name: kernel.rawValue, element: element, factors: rows.factors)
    let module = try self.module(part)
    // To the copy engine two numbers of 8 bits are one of 16.
    let inner = rows.inner * rows.factors.byteCount / 2
    let line = rows.factors.byteCount * (rows.stride ?? rows.inner)
    let xs = try device.tensorMap(
      rows.x,
      sizes: [inner, rows.positions, rows.frames, rows.images],
      strides: [line, line * rows.positions, line * rows.positions * rows.frames],
      box: [64, 128, 1, 1]
    )
    // Of every 32 rows those that one thread holds come together; the kernels' source says how.
    let row = line * rows.taps
    let count = rows.outputs * (kernel.isGated ? 2 : 1)
    let ws = try device.tensorMap(
      rows.weight,
      sizes: [inner * rows.taps, 2, 4, 4, count / 32],
      strides: [row, 8 * row, 2 * row, 32 * row],
      box: [64, 2, 4, 4, kernel.weightRows / 32]
    )
    let sizes: [Int]
    var arguments: [Module.Argument] = [.map(xs), .map(ws)]
    switch kernel {
    case .gatedRows3, .gatedRows5, .gatedRows10:
      arguments += [.address(rows.bias), .address(rows.largest), .address(rows.y)]
      sizes = [rows.positions, rows.outputs, parts(rows: rows.positions, columns: rows.outputs)]
    case .gatedProduct, .product320, .product256, .product128:
      arguments += [rows.bias, rows.largest, rows.residual, rows.y].map { .address($0) }
      sizes = [inner, rows.taps, rows.positions, rows.frames, rows.images, rows.outputs]
    case .scores:
      arguments += [.address(rows.y), .float(rows.scale)]
      sizes = [inner, rows.positions, rows.outputs]
    }
    try module.launch(
      kernel.rawValue,
      grid: (clusters * 2, 1, 1),
      block: 384,
      sharedBytes: kernel.sharedBytes,
      arguments + sizes.map { .int(Int64($0)) }
    )
  }

  /// Starts a kernel that makes numbers of 8 bits of others, or sees to their scale.
  func narrow(
    _ kernel: String,
    _ element: Element,
    blocks: Int,
    _ arguments: [Module.Argument]
  ) throws(CUDAError) {
    try module(Part(name: Self.narrowing, element: element, factors: .float8))
      .launch(kernel, grid: (blocks, 1, 1), block: 256, sharedBytes: 0, arguments)
  }

  /// Pairs of blocks that the GPU runs at once: as many as it has pairs of multiprocessors.
  private var clusters: Int { max(1, device.description.multiprocessors / 2) }

  /// Into how many units a pair of tiles' columns are cut so that the last round of units leaves few
  /// multiprocessors idle.
  ///
  /// A unit begins with loading its rows, which takes about half a tile's time.
  private func parts(rows: Int, columns: Int) -> Int {
    let tiles = columns / 64
    let pairs = (rows + 255) / 256
    func time(_ parts: Int) -> Double {
      let rounds = (pairs * parts + clusters - 1) / clusters
      return Double(rounds) * (Double(tiles / parts) + 0.5)
    }
    return (1...tiles).filter { tiles % ($0 * 2) == 0 }.min { time($0) < time($1) } ?? 1
  }
}

extension CUDABackend {
  /// The kernels, where the GPU has what they are made of and the type of element is one of theirs.
  var hopper: HopperKernels? { element == .float32 ? nil : engine.hopper }

  /// Starts a kernel, between two marks if there is a profile.
  ///
  /// - Parameters:
  ///   - kernel: The kernel.
  ///   - kernels: What runs it.
  ///   - rows: What it is given.
  ///   - name: What the work is, for the profile.
  ///   - operations: Multiplications and additions.
  ///   - bytes: What must be read and written at least.
  ///   - operation: For messages.
  /// - Throws: `TensorError` if it cannot be started.
  func run(
    _ kernel: HopperKernels.Kernel,
    by kernels: HopperKernels,
    _ rows: HopperKernels.Rows,
    _ name: @autoclosure () -> String,
    operations: Double,
    bytes: Int,
    _ operation: String
  ) throws(TensorError) {
    do throws(CUDAError) {
      try engine.measured(name(), operations: operations, bytes: bytes) { () throws(CUDAError) in
        try kernels.run(kernel, element, rows)
      }
    } catch { throw TensorError(error, operation) }
  }
}

extension CUDAEngine {
  /// The source of the kernels that compute capability 9.0 alone runs.
  package static var hopperSource: String { unsafe String(cString: hopper_source()) }

  /// What is compiled by itself, with further options: the names of its kernels, or of several together.
  package static var hopperParts: [(name: String, options: [String])] {
    HopperKernels.Factors.allCases.flatMap { factors in
      HopperKernels.parts(factors).map { ($0, factors.options) }
    }
  }
}
