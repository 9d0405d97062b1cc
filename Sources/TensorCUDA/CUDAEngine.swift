// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CKernels
package import CUDA
internal import Synchronization
internal import TensorCore

/// What the backends of one GPU share: its memory, its libraries, and our kernels.
package final class CUDAEngine: Sendable {
  package let device: Device
  package let allocator: DeviceAllocator
  package let products: MatrixProducts
  package let convolutions: Convolutions
  package let attentions: Attentions
  private let compiler: Compiler
  private let cache: CompilationCache
  private let modules = Mutex<[Element: Module]>([:])
  let staging: Staging
  let downloads: Downloads
  /// Products of our own, where the GPU has what they are made of.
  let hopper: HopperKernels?
  private let pace: Pace
  private let currentProfile = Mutex<Profile?>(nil)

  /// Opens a GPU.
  ///
  /// - Parameters:
  ///   - libraries: The libraries.
  ///   - ordinal: The number of the GPU.
  ///   - memoryLimit: The most bytes to use; none for all that the GPU has.
  ///   - cache: Where compiled kernels and cuDNN's plans are kept.
  /// - Throws: `CUDAError` if the GPU or a library cannot be used.
  package init(
    _ libraries: CUDALibraries,
    ordinal: Int = 0,
    memoryLimit: Int? = nil,
    cache: CompilationCache = .standard
  ) throws(CUDAError) {
    device = try Device(libraries.driver, ordinal: ordinal)
    allocator = try DeviceAllocator(device, limit: memoryLimit)
    products = try MatrixProducts(libraries.cublasLt, allocator, cache)
    let dnn = try DNN(libraries.cudnn, device)
    convolutions = Convolutions(dnn, allocator, cache)
    attentions = Attentions(dnn, allocator, cache)
    compiler = Compiler(libraries.nvrtc)
    staging = Staging(device)
    downloads = Downloads(device)
    pace = Pace(device)
    hopper = HopperKernels(device, compiler, cache)
    self.cache = cache
  }

  /// Whether the GPU and its driver can multiply numbers of 8 bits as our kernels do.
  package var canComputeInFloat8: Bool { hopper != nil }

  /// Does in the background what would be waited for piece by piece later: compiles what this GPU alone can run, and has
  /// cuBLASLt load its kernels for float32, in which pictures are encoded.
  ///
  /// - Parameters:
  ///   - element: The type that is computed with.
  ///   - inFloat8: Whether numbers of 8 bits are multiplied too.
  package func workAhead(_ element: Element, inFloat8: Bool = false) {
    Task.detached {
      // What fails here fails again, and is told, where it is needed.
      let (rows, columns) = (1024, 256)
      guard let x = try? self.storage(rows * columns, .float32, "load"),
        let weight = try? self.storage(columns * columns, .float32, "load"),
        let y = try? self.storage(rows * columns, .float32, "load")
      else { return }
      try? self.products.multiply(
        MatrixProducts.Problem(rows: rows, columns: columns, inner: columns, .float32),
        MatrixProducts.Operands(x: x.address, weight: weight.address, y: y.address)
      )
      withExtendedLifetime((x, weight, y)) {}
    }
    guard element != .float32 else { return }
    hopper?.compileAhead(element, .elements)
    if inFloat8 { hopper?.compileAhead(element, .float8) }
  }

  /// What kernels are compiled for: a GPU's own architecture, with what only it has.
  package static func architecture(_ capability: Int) -> String {
    "sm_\(capability)" + (capability >= 90 ? "a" : "")
  }

  /// The source of all kernels.
  package static var source: String { unsafe String(cString: kernels_source()) }

  /// How kernels are compiled.
  package static func options(_ element: Element, capability: Int) -> [String] {
    let number =
      switch element {
      case .float16: 0
      case .bfloat16: 1
      case .float32: 2
      }
    return [
      "--gpu-architecture=\(architecture(capability))", "-DELEMENT=\(number)", "--std=c++17",
    ]
  }

  /// The kernels for a type of element, compiled when they are first asked for.
  private func module(_ element: Element) throws(CUDAError) -> Module {
    if let known = modules.withLock({ $0[element] }) { return known }
    let image = try cache.machineCode(
      of: Self.source,
      name: "kernels-\(element)",
      options: Self.options(element, capability: device.description.capability),
      compiler
    )
    let module = try Module(image, on: device)
    modules.withLock { $0[element] = module }
    return module
  }

  /// Where the times of all work are kept, if anywhere.
  package var profile: Profile? {
    get { currentProfile.withLock { $0 } }
    set { currentProfile.withLock { $0 = newValue } }
  }

  /// Asks the GPU for work, between two marks if there is a profile.
  ///
  /// - Parameters:
  ///   - name: What the work is, for the profile.
  ///   - operations: Multiplications and additions.
  ///   - bytes: What must be read and written at least.
  ///   - work: Asks for the work.
  /// - Throws: What the work throws; `CUDAError` if the driver fails.
  func measured(
    _ name: @autoclosure () -> String,
    operations: Double = 0,
    bytes: Int = 0,
    _ work: () throws(CUDAError) -> Void
  ) throws(CUDAError) {
    guard let profile else {
      try work()
      return try pace.asked()
    }
    try profile.measure(name(), operations: operations, bytes: Double(bytes), work)
  }

  /// Starts a kernel; `bytes` are what it must read and write at least, for profiles, or zero.
  func launch(
    _ kernel: String,
    _ element: Element,
    _ operation: String,
    grid: (x: Int, y: Int, z: Int),
    block: Int,
    sharedBytes: Int = 0,
    bytes: Int = 0,
    _ arguments: [Module.Argument]
  ) throws(TensorError) {
    do throws(CUDAError) {
      let module = try module(element)
      try measured("\(operation): \(kernel)", bytes: bytes) { () throws(CUDAError) in
        try module.launch(
          kernel,
          grid: grid,
          block: block,
          sharedBytes: sharedBytes,
          arguments
        )
      }
    } catch { throw TensorError(error, operation) }
  }

  /// Memory for elements.
  func storage(
    _ count: Int,
    _ element: Element,
    _ operation: String
  ) throws(TensorError)
    -> CUDAStorage
  {
    do {
      let memory = try allocator.allocate(count * element.byteCount)
      return CUDAStorage(memory, element)
    } catch { throw TensorError(error, operation) }
  }
}

extension TensorError {
  /// An operation's failure from that of a call.
  init(_ error: CUDAError, _ operation: String) {
    self.init(error.code == .outOfMemory ? .outOfMemory : .library, operation, "\(error)")
  }
}
