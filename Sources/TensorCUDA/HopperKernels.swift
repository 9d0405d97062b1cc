// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CKernels
package import CUDA
internal import Synchronization
internal import TensorCore

/// The kernels of `hopper.cu`: products by what compute capability 9.0 alone has.
///
/// Each is compiled by itself when it is first needed, or ahead of that.
final class HopperKernels: Sendable {
  /// A kernel; its name is that in the source.
  enum Kernel: String, CaseIterable {
    case gatedRows320 = "gated_rows_320"
    case gatedRows640 = "gated_rows_640"
    case gatedProduct = "gated_product"
    case product320 = "product_320"
    case product256 = "product_256"
    case product128 = "product_128"

    /// Columns of the result that a block computes at once.
    var columns: Int {
      switch self {
      case .gatedRows320, .gatedRows640: 64
      case .product320: 320
      case .product256: 256
      case .gatedProduct, .product128: 128
      }
    }

    /// Whether each column takes two rows of the weight.
    fileprivate var isGated: Bool {
      switch self {
      case .gatedRows320, .gatedRows640, .gatedProduct: true
      case .product320, .product256, .product128: false
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
      case .gatedRows320: bytes(rows: 5, stages: 8, of: tile)
      case .gatedRows640: bytes(rows: 10, stages: 4, of: tile)
      case .product320: bytes(stages: 3, of: tile + 320 * 128, results: results)
      case .gatedProduct, .product256: bytes(stages: 4, of: tile + 256 * 128, results: results)
      case .product128: bytes(stages: 6, of: tile + 128 * 128, results: results)
      }
    }

    /// The kernel for a gated product, if there is one.
    static func gated(inner: Int, hidden: Int) -> Kernel? {
      if inner == 320, hidden % 128 == 0 { return .gatedRows320 }
      if inner == 640, hidden % 128 == 0 { return .gatedRows640 }
      return inner % 64 == 0 && hidden % 128 == 0 ? .gatedProduct : nil
    }

    /// The kernel for a convolution over frames, if there is one that is faster than cuDNN.
    ///
    /// Tiles are 128 places of one frame, so that few places leave tiles half empty.
    static func overFrames(inputs: Int, outputs: Int, positions: Int) -> Kernel? {
      guard inputs % 64 == 0, positions >= 512 else { return nil }
      return [.product320, .product256, .product128].first { outputs % $0.columns == 0 }
    }
  }

  private struct Key: Hashable {
    let kernel: Kernel
    let element: Element
  }

  /// A kernel that is compiled, being compiled by who holds the lock, or not yet.
  private final class Slot: Sendable {
    let module = Mutex<Module?>(nil)
  }

  private let device: Device
  private let compiler: Compiler
  private let cache: CompilationCache
  private let slots = Mutex<[Key: Slot]>([:])

  /// None if the GPU or its driver cannot run them.
  init?(_ device: Device, _ compiler: Compiler, _ cache: CompilationCache) {
    guard device.description.capability == 90, device.hasTensorMaps else { return nil }
    self.device = device
    self.compiler = compiler
    self.cache = cache
  }

  func module(_ kernel: Kernel, _ element: Element) throws(CUDAError) -> Module {
    let slot = slots.withLock { slots in
      let key = Key(kernel: kernel, element: element)
      let slot = slots[key] ?? Slot()
      slots[key] = slot
      return slot
    }
    return try slot.module.withLock { module throws(CUDAError) in
      if let module { return module }
      let options = CUDAEngine.options(element, capability: device.description.capability)
      let image = try cache.machineCode(
        of: CUDAEngine.hopperSource,
        name: "\(kernel.rawValue)-\(element)",
        options: options + ["-DONLY_\(kernel.rawValue)"],
        compiler
      )
      let loaded = try Module(image, on: device)
      module = loaded
      return loaded
    }
  }

  /// Rows of x and what is made of them.
  struct Rows {
    /// `[images, frames, positions, inner]`.
    let x: UInt64
    let images: Int
    let frames: Int
    let positions: Int
    let inner: Int
    /// `[outputs, taps, inner]`; twice as many outputs if they are gated.
    let weight: UInt64
    let taps: Int
    /// float32.
    let bias: UInt64
    /// Of y's shape; zero for none.
    let residual: UInt64
    /// `[images, frames, positions, outputs]`.
    let y: UInt64
    let outputs: Int
  }

  /// Starts a kernel.
  func run(_ kernel: Kernel, _ element: Element, _ rows: Rows) throws(CUDAError) {
    let module = try self.module(kernel, element)
    let line = element.byteCount * rows.inner
    let xs = try device.tensorMap(
      rows.x,
      sizes: [rows.inner, rows.positions, rows.frames, rows.images],
      strides: [line, line * rows.positions, line * rows.positions * rows.frames],
      box: [64, 128, 1, 1]
    )
    // Of every 32 rows those that one thread holds come together; the kernel's source says how.
    let row = line * rows.taps
    let count = rows.outputs * (kernel.isGated ? 2 : 1)
    let ws = try device.tensorMap(
      rows.weight,
      sizes: [rows.inner * rows.taps, 2, 4, 4, count / 32],
      strides: [row, 8 * row, 2 * row, 32 * row],
      box: [64, 2, 4, 4, kernel.weightRows / 32]
    )
    let sizes: [Int]
    var addresses: [Module.Argument] = [.map(xs), .map(ws), .address(rows.bias)]
    switch kernel {
    case .gatedRows320, .gatedRows640:
      addresses += [.address(rows.y)]
      sizes = [rows.positions, rows.outputs, parts(rows: rows.positions, columns: rows.outputs)]
    case .gatedProduct, .product320, .product256, .product128:
      addresses += [.address(rows.residual), .address(rows.y)]
      sizes = [rows.inner, rows.taps, rows.positions, rows.frames, rows.images, rows.outputs]
    }
    try module.launch(
      kernel.rawValue,
      grid: (clusters * 2, 1, 1),
      block: 384,
      sharedBytes: kernel.sharedBytes,
      addresses + sizes.map { .int(Int64($0)) }
    )
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

  /// The names of its kernels, each of which is compiled by itself.
  package static var hopperKernels: [String] { HopperKernels.Kernel.allCases.map(\.rawValue) }

  /// Compiles the kernels in the background, all at once: later they would be waited for one after another.
  ///
  /// A failure is met again, and told, by who needs the kernel.
  package func compileAhead(_ element: Element) {
    guard let hopper, element != .float32 else { return }
    for kernel in HopperKernels.Kernel.allCases {
      Task.detached { _ = try? hopper.module(kernel, element) }
    }
  }
}
