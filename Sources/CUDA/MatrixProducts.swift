// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
package import SharedLibrary
internal import Synchronization

/// Matrix products by cuBLASLt, each planned once for its shape.
///
/// The library thinks in columns: a row-major matrix is its transpose there. So `y = x wᵀ` is asked
/// for as `yᵀ = w xᵀ`, where `w` is to be transposed and `x` is not.
package final class MatrixProducts: Sendable {
  private struct Key: Hashable {
    let problem: Problem
    /// The largest powers of two, to 256, that the addresses of weight, `x`, residual, result and bias
    /// are multiples of.
    let alignments: [UInt32]
  }

  private struct Plan {
    let product, a, b, d: cuda_handle
    let algorithm: lt_algorithm
  }

  private let device: Device
  private let points: EntryPoints
  private let library: cuda_handle
  private let workspace: DeviceMemory
  private let tuning: Tuning
  private let leastTuned: Double
  private let plans = Mutex<[Key: Plan]>([:])
  // What NVIDIA recommends for Hopper.
  private static let workspaceBytes = 32 << 20
  // The library has rarely more to say of a product.
  private static let mostAlgorithms = 8

  @safe private struct EntryPoints: Sendable {
    let version: EntryPoint<lt_version>
    let text: EntryPoint<lt_status_text>
    let create: EntryPoint<lt_create>
    let destroy: EntryPoint<lt_destroy>
    let createProduct: EntryPoint<lt_product_create>
    let setProduct: EntryPoint<lt_set>
    let destroyProduct: EntryPoint<lt_destroy>
    let createLayout: EntryPoint<lt_layout_create>
    let setLayout: EntryPoint<lt_set>
    let destroyLayout: EntryPoint<lt_destroy>
    let createPreference: EntryPoint<lt_preference_create>
    let setPreference: EntryPoint<lt_set>
    let destroyPreference: EntryPoint<lt_destroy>
    let heuristic: EntryPoint<lt_heuristic>
    let multiply: EntryPoint<lt_multiply>

    init(_ library: SharedLibrary) {
      version = EntryPoint(library, "cublasLtGetVersion")
      unsafe text = EntryPoint(library, "cublasLtGetStatusString")
      unsafe create = EntryPoint(library, "cublasLtCreate")
      destroy = EntryPoint(library, "cublasLtDestroy")
      unsafe createProduct = EntryPoint(library, "cublasLtMatmulDescCreate")
      unsafe setProduct = EntryPoint(library, "cublasLtMatmulDescSetAttribute")
      destroyProduct = EntryPoint(library, "cublasLtMatmulDescDestroy")
      unsafe createLayout = EntryPoint(library, "cublasLtMatrixLayoutCreate")
      unsafe setLayout = EntryPoint(library, "cublasLtMatrixLayoutSetAttribute")
      destroyLayout = EntryPoint(library, "cublasLtMatrixLayoutDestroy")
      unsafe createPreference = EntryPoint(library, "cublasLtMatmulPreferenceCreate")
      unsafe setPreference = EntryPoint(library, "cublasLtMatmulPreferenceSetAttribute")
      destroyPreference = EntryPoint(library, "cublasLtMatmulPreferenceDestroy")
      unsafe heuristic = EntryPoint(library, "cublasLtMatmulAlgoGetHeuristic")
      unsafe multiply = EntryPoint(library, "cublasLtMatmul")
    }

    func check(_ status: Int32, _ call: @autoclosure () -> String) throws(CUDAError) {
      guard status != 0 else { return }
      var message = "status \(status)"
      if let text = unsafe try? text.function, let words = unsafe text(status) {
        message = unsafe String(cString: words)
      }
      let code: CUDAError.Code =
        switch Int(status) {
        case LT_RESULT_ALLOCATION_FAILED: .outOfMemory
        case LT_RESULT_NOT_SUPPORTED: .unsupported
        default: .call
        }
      throw CUDAError(code, call(), message)
    }
  }

  /// The library's version, as 130000 for 13.0.0.
  package static func version(_ library: SharedLibrary) throws(CUDAError) -> Int {
    try EntryPoints(library).version.function()
  }

  /// Opens the library on a GPU.
  ///
  /// - Parameters:
  ///   - library: cuBLASLt.
  ///   - allocator: The GPU's memory, of which 32 MiB are taken.
  ///   - cache: Where it is kept which algorithm is the fastest for a product.
  ///   - leastTuned: Multiplications and additions of the least product for which that is found out.
  /// - Throws: `CUDAError` if the library or the memory cannot be had.
  package init(
    _ library: SharedLibrary,
    _ allocator: DeviceAllocator,
    _ cache: CompilationCache,
    leastTuned: Double = 1e9
  ) throws(CUDAError) {
    let points = EntryPoints(library)
    let workspace = try allocator.allocate(Self.workspaceBytes)
    try allocator.device.bind()
    var handle: cuda_handle = 0
    try points.check(unsafe points.create.function(&handle), "cublasLtCreate")
    device = allocator.device
    let gpu = device.description
    tuning = Tuning(
      cache,
      surroundings:
        "cuBLASLt \(try points.version.function()) \(gpu.name) \(gpu.capability) \(gpu.multiprocessors)"
    )
    self.leastTuned = leastTuned
    self.points = points
    self.library = handle
    self.workspace = workspace
  }

  deinit {
    device.release { () throws(CUDAError) in
      for plan in plans.withLock({ Array($0.values) }) {
        _ = try points.destroyProduct.function(plan.product)
        for layout in [plan.a, plan.b, plan.d] { _ = try points.destroyLayout.function(layout) }
      }
      try points.check(points.destroy.function(library), "cublasLtDestroy")
    }
  }

  /// Computes `y = scale · x wᵀ + bias (+ residual)`.
  ///
  /// - Parameters:
  ///   - problem: The product.
  ///   - operands: Where its matrices lie; bias and result have the output's type, as the residual.
  /// - Throws: `CUDAError` with code `.unsupported` if the library has no way to compute it.
  package func multiply(_ problem: Problem, _ operands: Operands) throws(CUDAError) {
    guard problem.rows > 0, problem.columns > 0 else { return }
    try device.bind()
    try multiply(problem, operands, try plan(problem, operands))
  }

  private func multiply(
    _ problem: Problem,
    _ operands: Operands,
    _ plan: Plan
  ) throws(CUDAError) {
    if problem.hasBias {
      var bias = operands.bias
      try points.check(
        unsafe points.setProduct.function(plan.product, Int32(LT_PRODUCT_BIAS), &bias, 8),
        "cublasLtMatmulDescSetAttribute"
      )
    }
    var alpha = problem.scale
    var beta: Float = problem.hasResidual ? 1 : 0
    var algorithm = plan.algorithm
    try points.check(
      unsafe points.multiply.function(
        library,
        plan.product,
        &alpha,
        operands.weight,
        plan.a,
        operands.x,
        plan.b,
        &beta,
        problem.hasResidual ? operands.residual : operands.y,
        plan.d,
        operands.y,
        plan.d,
        &algorithm,
        workspace.address,
        Self.workspaceBytes,
        device.stream
      ),
      "cublasLtMatmul \(problem)"
    )
  }

  private func plan(_ problem: Problem, _ operands: Operands) throws(CUDAError) -> Plan {
    let residual = problem.hasResidual ? operands.residual : operands.y
    let addresses = [operands.weight, operands.x, residual, operands.y, operands.bias]
    let alignments = addresses.map { UInt32(1) << UInt32(min($0.trailingZeroBitCount, 8)) }
    let key = Key(problem: problem, alignments: alignments)
    if let known = plans.withLock({ $0[key] }) { return known }
    let made = try makePlan(key, operands)
    plans.withLock { $0[key] = made }
    return made
  }

  private func makePlan(_ key: Key, _ operands: Operands) throws(CUDAError) -> Plan {
    let problem = key.problem
    var product: cuda_handle = 0
    try points.check(
      unsafe points.createProduct.function(
        &product,
        Int32(LT_COMPUTE_FLOAT32),
        Int32(LT_TYPE_FLOAT32)
      ),
      "cublasLtMatmulDescCreate"
    )
    func set(_ attribute: Int, _ value: Int) throws(CUDAError) {
      var value = Int32(value)
      try points.check(
        unsafe points.setProduct.function(product, Int32(attribute), &value, 4),
        "cublasLtMatmulDescSetAttribute \(attribute)"
      )
    }
    try set(
      LT_PRODUCT_TRANSPOSE_A,
      problem.weightIsTransposed ? LT_OPERATION_TRANSPOSED : LT_OPERATION_PLAIN
    )
    try set(LT_PRODUCT_TRANSPOSE_B, LT_OPERATION_PLAIN)
    if problem.hasBias {
      try set(LT_PRODUCT_EPILOGUE, LT_EPILOGUE_BIAS)
      try set(LT_PRODUCT_BIAS_TYPE, Int(problem.output.lt))
      // The choice of algorithm depends on the pointer's alignment.
      var bias = operands.bias
      try points.check(
        unsafe points.setProduct.function(product, Int32(LT_PRODUCT_BIAS), &bias, 8),
        "cublasLtMatmulDescSetAttribute"
      )
    }
    // Column-major: the weight is [inner, columns] before transposition, or [columns, inner].
    let a = try layout(
      problem.input,
      problem.weightIsTransposed
        ? (problem.inner, problem.columns) : (problem.columns, problem.inner),
      problem.weightStride,
      problem.batch,
      problem.weightDistance
    )
    let b = try layout(
      problem.input,
      (problem.inner, problem.rows),
      problem.xStride,
      problem.batch,
      problem.xDistance
    )
    let d = try layout(
      problem.output,
      (problem.columns, problem.rows),
      problem.yStride,
      problem.batch,
      problem.yDistance
    )
    let algorithms = try algorithms(key, product, a, b, d)
    func plan(_ place: Int) -> Plan {
      Plan(product: product, a: a, b: b, d: d, algorithm: algorithms[place])
    }
    // A sum that is added to itself cannot be tried again and again.
    let isInPlace = problem.hasResidual && operands.residual == operands.y
    guard problem.operations >= leastTuned, !isInPlace else { return plan(0) }
    let words = "\(problem) \(problem.strides) \(key.alignments)"
    return plan(
      try tuning.fastest(words, of: algorithms.count, on: device) { (place) throws(CUDAError) in
        try multiply(problem, operands, plan(place))
      }
    )
  }

  private func layout(
    _ element: Element,
    _ size: (rows: Int, columns: Int),
    _ stride: Int,
    _ batch: Int,
    _ distance: Int
  ) throws(CUDAError) -> cuda_handle {
    var layout: cuda_handle = 0
    try points.check(
      unsafe points.createLayout.function(
        &layout,
        element.lt,
        UInt64(size.rows),
        UInt64(size.columns),
        Int64(stride)
      ),
      "cublasLtMatrixLayoutCreate"
    )
    if batch > 1 {
      var count = Int32(batch)
      var distance = Int64(distance)
      try points.check(
        unsafe points.setLayout.function(layout, Int32(LT_LAYOUT_BATCH_COUNT), &count, 4),
        "cublasLtMatrixLayoutSetAttribute"
      )
      try points.check(
        unsafe points.setLayout.function(layout, Int32(LT_LAYOUT_BATCH_STRIDE), &distance, 8),
        "cublasLtMatrixLayoutSetAttribute"
      )
    }
    return layout
  }

  /// The algorithms that the library recommends, the best first as it guesses; one at least.
  private func algorithms(
    _ key: Key,
    _ product: cuda_handle,
    _ a: cuda_handle,
    _ b: cuda_handle,
    _ d: cuda_handle
  ) throws(CUDAError) -> [lt_algorithm] {
    var preference: cuda_handle = 0
    try points.check(
      unsafe points.createPreference.function(&preference),
      "cublasLtMatmulPreferenceCreate"
    )
    defer { _ = try? points.destroyPreference.function(preference) }
    var workspace = UInt64(Self.workspaceBytes)
    try points.check(
      unsafe points.setPreference.function(
        preference,
        Int32(LT_PREFERENCE_WORKSPACE),
        &workspace,
        8
      ),
      "cublasLtMatmulPreferenceSetAttribute"
    )
    // Without these the library takes it that every matrix begins at a multiple of 256.
    for (index, alignment) in key.alignments.prefix(4).enumerated() {
      var alignment = alignment
      try points.check(
        unsafe points.setPreference.function(
          preference,
          Int32(LT_PREFERENCE_ALIGNMENT_A + index),
          &alignment,
          4
        ),
        "cublasLtMatmulPreferenceSetAttribute"
      )
    }
    let most = key.problem.operations < leastTuned ? 1 : Self.mostAlgorithms
    var candidates = [lt_candidate](repeating: lt_candidate(), count: most)
    var count: Int32 = 0
    let status = unsafe try points.heuristic.function(
      library,
      product,
      a,
      b,
      d,
      d,
      preference,
      Int32(most),
      &candidates,
      &count
    )
    try points.check(status, "cublasLtMatmulAlgoGetHeuristic \(key.problem)")
    let usable = candidates.prefix(max(Int(count), 0)).filter { $0.state == 0 }
    guard !usable.isEmpty else {
      throw CUDAError(
        .unsupported,
        "cublasLtMatmulAlgoGetHeuristic",
        "there is no way to compute \(key.problem)"
      )
    }
    return usable.map(\.algorithm)
  }
}
