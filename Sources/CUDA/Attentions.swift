// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// Self-attention by cuDNN's fused engines: scores never reach memory.
///
/// The library knows attention by the shape of its graph: a product, a scale, a softmax spelled out as
/// maximum, difference, exponential, sum and quotient, and a product whose left side has the type of
/// its operands. Everything between is float32. Beside these stands the logarithm of each row's sum, which
/// training would keep: without it the library takes the graph for a kind of attention that its engines
/// no longer have.
package final class Attentions: Sendable {
  /// Attention over tokens.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package var images: Int
    package var tokens: Int
    package var heads: Int
    /// Channels of a head.
    package var size: Int
    package var element: Element

    package init(images: Int, tokens: Int, heads: Int, size: Int, element: Element) {
      self.images = images
      self.tokens = tokens
      self.heads = heads
      self.size = size
      self.element = element
    }

    package var description: String {
      "attention \(element) [\(images), \(tokens)], \(heads) heads of \(size)"
    }

    /// Multiplications and additions.
    package var operations: Double {
      4 * Double(images * heads * size) * Double(tokens) * Double(tokens)
    }

    /// Bytes that must be read and written at least.
    package var bytes: Int { 4 * images * tokens * heads * size * element.byteCount }
  }

  private enum Identifier {
    static let query = 1
    static let key = 2
    static let value = 3
    static let output = 4
    static let scale = 5
    static let virtual = 6
  }

  /// A plan and the number by which scores are scaled, which it reads from the host.
  @safe private final class Plan: @unchecked Sendable {
    let plan: DNNPlan
    // Written once, here.
    let scale: UnsafeMutablePointer<Float>

    init(_ plan: DNNPlan, scale: Float) {
      self.plan = plan
      unsafe self.scale = .allocate(capacity: 1)
      unsafe self.scale.initialize(to: scale)
    }

    deinit { unsafe scale.deallocate() }

    var scaleAddress: UInt64 { UInt64(UInt(bitPattern: unsafe scale)) }
  }

  private let dnn: DNN
  private let allocator: DeviceAllocator
  private let cache: CompilationCache
  private let plans = PlanCache<Problem, Plan>()

  package init(_ dnn: DNN, _ allocator: DeviceAllocator, _ cache: CompilationCache) {
    self.dnn = dnn
    self.allocator = allocator
    self.cache = cache
  }

  /// Why problems that cuDNN refused were refused, for reports.
  package var refusals: [(problem: Problem, reason: String)] { plans.refusals }

  /// Computes attention.
  ///
  /// - Parameters:
  ///   - problem: Its sizes.
  ///   - qkv: `[images, tokens, 3 · heads · size]`: queries, keys and values side by side.
  ///   - y: `[images, tokens, heads · size]`.
  /// - Throws: `CUDAError` with code `.unsupported` if cuDNN has no engine for it.
  package func run(_ problem: Problem, qkv: UInt64, y: UInt64) throws(CUDAError) {
    try dnn.device.bind()
    let plan = try plans.plan(problem) { () throws(CUDAError) in
      let plan = try DNNPlan(dnn, name: "\(problem)", isExact: false, cache) {
        () throws(CUDAError) in try operations(problem)
      }
      return Plan(plan, scale: 1 / Float(problem.size).squareRoot())
    }
    let workspace = try allocator.allocate(plan.plan.workspaceBytes)
    let distance = UInt64(problem.heads * problem.size * problem.element.byteCount)
    try plan.plan.run(
      [
        (Identifier.query, qkv),
        (Identifier.key, qkv + distance),
        (Identifier.value, qkv + 2 * distance),
        (Identifier.output, y),
        (Identifier.scale, plan.scaleAddress),
      ],
      workspace: workspace.address
    )
  }

  private func operations(_ p: Problem) throws(CUDAError) -> [DNN.Descriptor] {
    let channels = p.heads * p.size
    let row = 3 * channels
    let element = p.element.dnn
    let sizes = [p.images, p.heads, p.tokens, p.size]
    let strides = [p.tokens * row, p.size, row, 1]
    let query = try dnn.tensor(Identifier.query, element, sizes: sizes, strides: strides)
    // Keys are given transposed, which is a matter of strides.
    let key = try dnn.tensor(
      Identifier.key,
      element,
      sizes: [p.images, p.heads, p.size, p.tokens],
      strides: [p.tokens * row, p.size, 1, row]
    )
    let value = try dnn.tensor(Identifier.value, element, sizes: sizes, strides: strides)
    let output = try dnn.tensor(
      Identifier.output,
      element,
      sizes: sizes,
      strides: [p.tokens * channels, p.size, channels, 1]
    )
    let scale = try dnn.tensor(
      Identifier.scale,
      Element.float32.dnn,
      sizes: [1, 1, 1, 1],
      strides: [1, 1, 1, 1],
      isByValue: true
    )
    var identifier = Identifier.virtual
    func virtual(_ type: Int32, isColumn: Bool = false) throws(CUDAError) -> DNN.Descriptor {
      defer { identifier += 1 }
      let columns = isColumn ? 1 : p.tokens
      return try dnn.tensor(
        identifier,
        type,
        sizes: [p.images, p.heads, p.tokens, columns],
        strides: [p.heads * p.tokens * columns, p.tokens * columns, columns, 1],
        isVirtual: true
      )
    }
    let float = Element.float32.dnn
    let scores = try virtual(float)
    let scaled = try virtual(float)
    let maximum = try virtual(float, isColumn: true)
    let shifted = try virtual(float)
    let powers = try virtual(float)
    let sum = try virtual(float, isColumn: true)
    let logarithm = try virtual(float, isColumn: true)
    let statistics = try virtual(float, isColumn: true)
    let weights = try virtual(element)
    return [
      try dnn.product(query, key, scores),
      try dnn.pointwise(DNN_MODE_MULTIPLY, scores, scale, scaled),
      try dnn.reduction(DNN_REDUCE_MAX, scaled, maximum),
      try dnn.pointwise(DNN_MODE_SUBTRACT, scaled, maximum, shifted),
      try dnn.pointwise(DNN_MODE_EXP, shifted, nil, powers),
      try dnn.reduction(DNN_REDUCE_ADD, powers, sum),
      try dnn.pointwise(DNN_MODE_LOG, sum, nil, logarithm),
      try dnn.pointwise(DNN_MODE_ADD, maximum, logarithm, statistics),
      try dnn.pointwise(DNN_MODE_DIVIDE, powers, sum, weights),
      try dnn.product(weights, value, output),
    ]
  }
}
