// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// A graph of operations that cuDNN has found an engine for.
final class DNNPlan: Sendable {
  /// Bytes of scratch memory that a run needs.
  let workspaceBytes: Int

  private let dnn: DNN
  private let plan: DNN.Descriptor
  private let name: String

  /// Raised when graphs are spelt otherwise than before: plans on disk are then found anew.
  private static let spelling = 1

  /// Takes a plan from disk, or else finds the first engine that takes a graph, in the order in which the
  /// library recommends them.
  ///
  /// Engines whose results differ from run to run are passed over: a seed stands for one clip.
  ///
  /// - Parameters:
  ///   - dnn: The library.
  ///   - name: What decides the graph, in words; also for messages.
  ///   - isExact: Whether engines that round their operands (as to TensorFloat-32) are passed over.
  ///   - cache: Where plans are kept: some are compiled, for most of a second each.
  ///   - operations: The graph's operations, final.
  /// - Throws: `CUDAError` with code `.unsupported` if no engine takes it.
  init(
    _ dnn: DNN,
    name: String,
    isExact: Bool,
    _ cache: CompilationCache,
    operations: () throws(CUDAError) -> [DNN.Descriptor]
  ) throws(CUDAError) {
    self.dnn = dnn
    self.name = name
    let gpu = dnn.device.description
    let key =
      "\(Self.spelling) \(try dnn.version) \(gpu.name) \(gpu.capability) \(gpu.multiprocessors) "
      + "\(isExact) \(name)"
    if let text = cache.content(key, name: "plan", kind: "json"),
      let (plan, bytes) = try? Self.restored(dnn, text)
    {
      self.plan = plan
      workspaceBytes = bytes
      return
    }
    (plan, workspaceBytes) = try Self.found(dnn, operations(), isExact: isExact, name: name)
    // A library that cannot write a plan down is no reason not to use it.
    if let text = try? Self.text(plan) { cache.keep(text, key, name: "plan", kind: "json") }
  }

  /// A plan as the library wrote it down, what was compiled for it included.
  private static func text(_ plan: DNN.Descriptor) throws(CUDAError) -> [UInt8] {
    var none: [UInt8] = []
    let size = try plan.get(DNN_PLAN_TEXT, DNN_TYPE_CHARACTER, &none)
    var text = [UInt8](repeating: 0, count: size)
    let count = try plan.get(DNN_PLAN_TEXT, DNN_TYPE_CHARACTER, &text)
    return Array(text.prefix(count))
  }

  private static func restored(
    _ dnn: DNN,
    _ text: [UInt8]
  ) throws(CUDAError) -> (DNN.Descriptor, Int) {
    let plan = try DNN.Descriptor(DNN_PLAN, "plan", dnn)
    try plan.set(DNN_PLAN_HANDLE, DNN_TYPE_HANDLE, [dnn.library])
    try plan.set(DNN_PLAN_TEXT, DNN_TYPE_CHARACTER, text)
    try plan.finalize()
    return (plan, try workspace(plan))
  }

  private static func workspace(_ plan: DNN.Descriptor) throws(CUDAError) -> Int {
    var bytes = [Int64(0)]
    _ = try plan.get(DNN_PLAN_WORKSPACE, DNN_TYPE_INT64, &bytes)
    return Int(bytes[0])
  }

  /// Scratch memory beyond which an engine is taken only if no other is there.
  private static let modestWorkspace = 256 << 20

  private static func found(
    _ dnn: DNN,
    _ operations: [DNN.Descriptor],
    isExact: Bool,
    name: String
  ) throws(CUDAError) -> (DNN.Descriptor, Int) {
    let graph = try DNN.Descriptor(DNN_GRAPH, "graph", dnn)
    try graph.set(DNN_GRAPH_HANDLE, DNN_TYPE_HANDLE, [dnn.library])
    try graph.set(DNN_GRAPH_OPERATIONS, operations)
    try graph.finalize()
    var reasons: [String] = []
    var large: (plan: DNN.Descriptor, bytes: Int)?
    for mode in [DNN_HEURISTIC_A, DNN_HEURISTIC_FALLBACK] {
      let configurations: [DNN.Descriptor]
      do throws(CUDAError) {
        configurations = try recommendations(dnn, graph, mode)
      } catch  where error.code == .unsupported {
        reasons.append(error.message)
        continue
      }
      for configuration in configurations {
        do throws(CUDAError) {
          let (engine, notes) = try Self.engine(dnn, configuration)
          if isExact,
            notes.contains(Int32(DNN_NOTE_TENSOR_CORE))
              || notes.contains(Int32(DNN_NOTE_DOWN_CONVERTS))
          {
            reasons.append("engine \(engine) rounds its operands")
            continue
          }
          if notes.contains(Int32(DNN_NOTE_NOT_DETERMINISTIC)) {
            reasons.append("engine \(engine) is not deterministic")
            continue
          }
          let plan = try DNN.Descriptor(DNN_PLAN, "plan", dnn)
          try plan.set(DNN_PLAN_HANDLE, DNN_TYPE_HANDLE, [dnn.library])
          try plan.set(DNN_PLAN_CONFIGURATION, [configuration])
          try plan.finalize()
          // The library says nothing of how long a plan needs the graph that it was made from.
          plan.keep(graph)
          let bytes = try workspace(plan)
          if bytes <= modestWorkspace { return (plan, bytes) }
          if large.map({ bytes < $0.bytes }) ?? true { large = (plan, bytes) }
        } catch  where error.code == .unsupported {
          reasons.append(error.message)
        }
      }
    }
    if let large { return large }
    throw CUDAError(
      .unsupported,
      name,
      "cuDNN has no engine for it: " + (reasons.last ?? "it recommends none")
    )
  }

  private static func recommendations(
    _ dnn: DNN,
    _ graph: DNN.Descriptor,
    _ mode: Int
  ) throws(CUDAError) -> [DNN.Descriptor] {
    let heuristic = try DNN.Descriptor(DNN_HEURISTIC, "heuristic", dnn)
    try heuristic.set(DNN_HEURISTIC_GRAPH, [graph])
    try heuristic.set(DNN_HEURISTIC_MODE, DNN_TYPE_HEURISTIC_MODE, enumerator: mode)
    try heuristic.finalize()
    var configurations: [DNN.Descriptor] = []
    for _ in 0..<16 {
      configurations.append(
        try DNN.Descriptor(DNN_ENGINE_CONFIGURATION, "engine configuration", dnn)
      )
    }
    // The library fills in descriptors that the caller made.
    var handles = configurations.map(\.handle)
    let count = try heuristic.get(DNN_HEURISTIC_RESULTS, DNN_TYPE_DESCRIPTOR, &handles)
    return Array(configurations.prefix(count))
  }

  /// An engine's number and what it says of its arithmetic.
  private static func engine(
    _ dnn: DNN,
    _ configuration: DNN.Descriptor
  ) throws(CUDAError) -> (Int, Set<Int32>) {
    let engine = try DNN.Descriptor(DNN_ENGINE, "engine", dnn)
    var handles = [engine.handle]
    _ = try configuration.get(DNN_CONFIGURATION_ENGINE, DNN_TYPE_DESCRIPTOR, &handles)
    var notes = [Int32](repeating: 0, count: DNN_NOTE_COUNT)
    let count = try engine.get(DNN_ENGINE_NUMERICAL_NOTE, DNN_TYPE_NUMERICAL_NOTE, &notes)
    var index = [Int64(-1)]
    _ = try engine.get(DNN_ENGINE_INDEX, DNN_TYPE_INT64, &index)
    return (Int(index[0]), Set(notes.prefix(max(count, 0))))
  }

  /// Runs the graph.
  ///
  /// - Parameters:
  ///   - tensors: The address of each tensor that is not virtual, by its identifier; of one that is
  ///     passed by value, the host's address.
  ///   - workspace: Scratch memory on the GPU.
  /// - Throws: `CUDAError` if the library fails.
  func run(_ tensors: [(identifier: Int, address: UInt64)], workspace: UInt64) throws(CUDAError) {
    let pack = try DNN.Descriptor(DNN_VARIANT_PACK, "variant pack", dnn)
    try pack.set(DNN_PACK_IDENTIFIERS, integers: tensors.map(\.identifier))
    try pack.set(DNN_PACK_POINTERS, DNN_TYPE_POINTER, tensors.map(\.address))
    try pack.set(DNN_PACK_WORKSPACE, DNN_TYPE_POINTER, [workspace])
    try pack.finalize()
    try dnn.execute(plan, pack, name)
  }
}

extension DNN {
  /// A tensor of a graph, as cuDNN names its axes: batch first, then channels or heads.
  func tensor(
    _ identifier: Int,
    _ type: Int32,
    sizes: [Int],
    strides: [Int],
    isVirtual: Bool = false,
    isByValue: Bool = false
  ) throws(CUDAError) -> Descriptor {
    let tensor = try Descriptor(DNN_TENSOR, "tensor \(identifier)", self)
    try tensor.set(DNN_TENSOR_DATA_TYPE, DNN_TYPE_DATA_TYPE, [type])
    try tensor.set(DNN_TENSOR_DIMENSIONS, integers: sizes)
    try tensor.set(DNN_TENSOR_STRIDES, integers: strides)
    try tensor.set(DNN_TENSOR_IDENTIFIER, integers: [identifier])
    try tensor.set(DNN_TENSOR_ALIGNMENT, integers: [16])
    if isVirtual { try tensor.set(DNN_TENSOR_IS_VIRTUAL, DNN_TYPE_BOOLEAN, [true]) }
    if isByValue { try tensor.set(DNN_TENSOR_IS_BY_VALUE, DNN_TYPE_BOOLEAN, [true]) }
    try tensor.finalize()
    return tensor
  }

  /// `y = mode(x, b)`, element by element, in float32.
  func pointwise(
    _ mode: Int,
    _ x: Descriptor,
    _ b: Descriptor?,
    _ y: Descriptor
  ) throws(CUDAError) -> Descriptor {
    let pointwise = try Descriptor(DNN_POINTWISE, "pointwise \(mode)", self)
    try pointwise.set(DNN_POINTWISE_MODE, DNN_TYPE_POINTWISE_MODE, enumerator: mode)
    try pointwise.set(DNN_POINTWISE_PRECISION, DNN_TYPE_DATA_TYPE, enumerator: DNN_FLOAT32)
    try pointwise.finalize()
    let operation = try Descriptor(DNN_POINTWISE_OPERATION, "pointwise operation \(mode)", self)
    try operation.set(DNN_APPLY_POINTWISE, [pointwise])
    try operation.set(DNN_APPLY_X, [x])
    if let b { try operation.set(DNN_APPLY_B, [b]) }
    try operation.set(DNN_APPLY_Y, [y])
    try operation.finalize()
    return operation
  }

  /// `y = x` reduced along the axes in which `y` has size one, in float32.
  func reduction(_ mode: Int, _ x: Descriptor, _ y: Descriptor) throws(CUDAError) -> Descriptor {
    let reduction = try Descriptor(DNN_REDUCTION, "reduction \(mode)", self)
    try reduction.set(DNN_REDUCTION_OPERATOR, DNN_TYPE_REDUCTION_OPERATOR, enumerator: mode)
    try reduction.set(DNN_REDUCTION_PRECISION, DNN_TYPE_DATA_TYPE, enumerator: DNN_FLOAT32)
    try reduction.finalize()
    let operation = try Descriptor(DNN_REDUCTION_OPERATION, "reduction operation \(mode)", self)
    try operation.set(DNN_REDUCE_REDUCTION, [reduction])
    try operation.set(DNN_REDUCE_X, [x])
    try operation.set(DNN_REDUCE_Y, [y])
    try operation.finalize()
    return operation
  }

  /// `c = a b` for the two innermost axes, summed in float32.
  func product(_ a: Descriptor, _ b: Descriptor, _ c: Descriptor) throws(CUDAError) -> Descriptor {
    let product = try Descriptor(DNN_PRODUCT, "product", self)
    try product.set(DNN_PRODUCT_PRECISION, DNN_TYPE_DATA_TYPE, enumerator: DNN_FLOAT32)
    try product.finalize()
    let operation = try Descriptor(DNN_PRODUCT_OPERATION, "product operation", self)
    try operation.set(DNN_MULTIPLY_A, [a])
    try operation.set(DNN_MULTIPLY_B, [b])
    try operation.set(DNN_MULTIPLY_C, [c])
    try operation.set(DNN_MULTIPLY_PRODUCT, [product])
    try operation.finalize()
    return operation
  }
}
