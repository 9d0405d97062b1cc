// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Synchronization
internal import TensorCore

/// Counts the memory that a GPU's backend would use in float16, and computes nothing: models of any
/// size run in a moment.
///
/// Uploads are float32 and results of operations float16, as there; workspaces of libraries are not
/// counted.
final class CountingBackend: Backend {
  let name = "counting"
  /// Bytes of what operations make.
  private let elementBytes: Int
  private let workingBytes: Int
  /// Whether it is as if operations were done later than they return.
  private let runsAhead: Bool
  let count: Count
  /// Told of each operation's name before it is done.
  private let watch: @Sendable (String) -> Void

  final class Count: Sendable {
    private let bytes = Mutex((used: 0, peak: 0))

    var used: Int { bytes.withLock { $0.used } }
    var peak: Int { bytes.withLock { $0.peak } }
    func resetPeak() { bytes.withLock { $0.peak = $0.used } }

    fileprivate func add(_ count: Int) {
      bytes.withLock { bytes in
        bytes.used += count
        bytes.peak = max(bytes.peak, bytes.used)
      }
    }
  }

  private final class Storage: TensorStorage {
    let byteCount, elementBytes: Int
    let count: Count

    init(_ elements: Int, _ elementBytes: Int, _ count: Count) {
      byteCount = (elements * elementBytes + 255) / 256 * 256
      self.elementBytes = elementBytes
      self.count = count
      count.add(byteCount)
    }

    deinit { count.add(-byteCount) }
  }

  private final class Weight: PreparedWeight {
    let shape: Shape
    let storage: Storage

    init(_ shape: Shape, _ storage: Storage) {
      self.shape = shape
      self.storage = storage
    }
  }

  /// Elements that are said to be under way.
  private final class Pending: PendingValues {
    let isUnderWay = true
    private let count: Int
    private let watch: @Sendable (String) -> Void

    init(_ count: Int, _ watch: @escaping @Sendable (String) -> Void) {
      self.count = count
      self.watch = watch
    }

    func values() -> [Float] {
      watch("wait")
      return [Float](repeating: 0, count: count)
    }
  }

  convenience init(
    workingBytes: Int = 384 << 20,
    runsAhead: Bool = false,
    watch: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.init(2, workingBytes, runsAhead, Count(), watch)
  }

  private init(
    _ elementBytes: Int,
    _ workingBytes: Int,
    _ runsAhead: Bool,
    _ count: Count,
    _ watch: @escaping @Sendable (String) -> Void
  ) {
    self.elementBytes = elementBytes
    self.workingBytes = workingBytes
    self.runsAhead = runsAhead
    self.count = count
    self.watch = watch
  }

  var inFullPrecision: any Backend {
    elementBytes == 4 ? self : CountingBackend(4, workingBytes, runsAhead, count, watch)
  }

  private func make(_ shape: Shape, _ bytes: Int) -> Tensor {
    Tensor(shape: shape, storage: Storage(shape.count, bytes, count), backend: self)
  }

  private func made(_ operation: String, _ shape: Shape) -> Tensor {
    watch(operation)
    return make(shape, elementBytes)
  }

  private func bytes(_ x: Tensor) -> Int { (x.storage as? Storage)?.elementBytes ?? 4 }

  /// A copy in the backend's type where it is not of that.
  private func cast(_ x: Tensor, to elementBytes: Int) -> Tensor {
    bytes(x) == elementBytes ? x : make(x.shape, elementBytes)
  }

  private func withCast(_ x: Tensor, _ body: () -> Tensor) -> Tensor {
    let kept = cast(x, to: elementBytes)
    return withExtendedLifetime(kept, body)
  }

  // MARK: Operations

  func upload(_ values: [Float], shape: Shape) -> Tensor { make(shape, 4) }

  func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) -> Tensor { make(shape, 4) }

  func uniform(_ shape: Shape, key: UInt64, mean: Double, width: Double) -> Tensor {
    make(shape, 4)
  }

  func download(_ x: Tensor) -> [Float] { [Float](repeating: 0, count: x.shape.count) }

  func beginDownload(_ x: Tensor) -> any PendingValues {
    watch("begin download")
    return runsAhead ? Pending(x.shape.count, watch) : ReadValues(download(x))
  }

  func isFinite(_ x: Tensor) -> Bool { true }

  func prepare(_ weight: Tensor) -> any PreparedWeight {
    Weight(weight.shape, Storage(weight.shape.count, elementBytes, count))
  }

  func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  ) -> Tensor {
    withCast(x) { made("linear", x.shape.withColumns(weight.shape[0])) }
  }

  func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) -> Tensor {
    let hidden = output.shape[1]
    let most = max(256, workingBytes / (2 * hidden * elementBytes))
    let rows = min(x.shape.rows, most)
    let (wide, narrow) = (
      make([rows, 2 * hidden], elementBytes), make([rows, hidden], elementBytes)
    )
    return withExtendedLifetime((wide, narrow)) {
      withCast(x) { made("feed-forward", x.shape.withColumns(output.shape[0])) }
    }
  }

  func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) -> Tensor {
    let size = x.convolved(by: weight.shape, stride: stride, padding: padding)
    return withCast(x) {
      made("convolution", Shape([x.shape[0], size.height, size.width, weight.shape[0]]))
    }
  }

  func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) -> Tensor { withCast(x) { made("group norm", x.shape) } }

  func layerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) -> Tensor {
    withCast(x) { made("layer norm", x.shape) }
  }

  func tokenAttention(_ qkv: Tensor, heads: Int) -> Tensor {
    made("token attention", qkv.shape.withColumns(qkv.shape.columns / 3))
  }

  func frameAttention(_ qkv: Tensor, heads: Int) -> Tensor {
    made("frame attention", qkv.shape.withColumns(qkv.shape.columns / 3))
  }

  func activate(_ x: Tensor, _ activation: Activation) -> Tensor { same("activation", x) }

  func combine(_ a: Tensor, _ alpha: Float, _ b: Tensor, _ beta: Float) -> Tensor {
    same("combine", a)
  }

  func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) -> Tensor { same("add rows", x) }

  private func same(_ operation: String, _ x: Tensor) -> Tensor {
    watch(operation)
    return make(x.shape, bytes(x))
  }

  func upsample(_ x: Tensor, to size: Extent) -> Tensor {
    watch("upsample")
    return make(Shape([x.shape[0], size.height, size.width, x.shape[3]]), bytes(x))
  }

  func interleave(_ phases: [Tensor]) -> Tensor {
    watch("interleave")
    let shape = phases[0].shape
    return make(Shape([shape[0], 2 * shape[1], 2 * shape[2], shape[3]]), bytes(phases[0]))
  }

  func concatenateColumns(_ a: Tensor, _ b: Tensor) -> Tensor {
    watch("concatenate columns")
    return make(a.shape.withColumns(a.shape.columns + b.shape.columns), min(bytes(a), bytes(b)))
  }

  func concatenateRows(_ parts: [Tensor]) -> Tensor {
    watch("concatenate rows")
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let inner = parts[0].shape.dimensions.dropFirst()
    return make(Shape([rows] + inner), parts.map { bytes($0) }.min() ?? elementBytes)
  }

  func eulerStep(_ x: Tensor, velocity: Tensor, guidance: [Float]?, step: EulerStep) -> Tensor {
    watch("step")
    return make(x.shape, 4)
  }
}
