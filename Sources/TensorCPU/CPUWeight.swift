// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
internal import Synchronization
internal import TensorCore

/// A weight in each layout that has been asked for: almost always one.
///
/// It starts in checkpoint order. The first operation that wants another layout gets it made, and the
/// checkpoint's order is dropped, so that a weight is not held twice.
final class CPUWeight: PreparedWeight {
  let shape: Shape

  private enum Layout {
    /// `[outputs, inputs, kernel]`.
    case plain
    /// `[kernel, inputs, outputs]`.
    case taps
    /// As a plan reads it.
    case packed(OneDNN.Plan)
  }

  private let layouts: Mutex<[(layout: Layout, storage: CPUStorage)]>
  private let pool: MemoryPool

  init(shape: Shape, plain: CPUStorage, pool: MemoryPool) {
    self.shape = shape
    self.pool = pool
    layouts = Mutex([(.plain, plain)])
  }

  private var kernel: Int { shape.dimensions.dropFirst(2).reduce(1, *) }

  /// The elements as a plan reads them.
  func packed(for plan: OneDNN.Plan, _ operation: String) throws(TensorError) -> CPUStorage {
    let readsPlain = unsafe cpu_plan_reads_plain_weights(plan.pointer)
    return try find(operation) { layout in
      switch layout {
      case .plain: readsPlain
      case .taps: false
      case .packed(let other): unsafe cpu_plan_shares_layout(other.pointer, plan.pointer)
      }
    } make: { plain throws(TensorError) in
      let storage = try self.pool.storage(
        byteCount: unsafe cpu_plan_weight_bytes(plan.pointer),
        for: operation
      )
      try OneDNN.check(
        unsafe cpu_plan_pack(plan.pointer, plain.floats, storage.floats),
        operation
      )
      return (readsPlain ? .plain : .packed(plan), storage)
    }
  }

  /// The elements as `[kernel, inputs, outputs]`.
  func taps(_ operation: String) throws(TensorError) -> CPUStorage {
    try find(operation) { layout in
      if case .taps = layout { true } else { false }
    } make: { plain throws(TensorError) in
      let storage = try self.pool.storage(byteCount: plain.byteCount, for: operation)
      unsafe cpu_turn_weights(
        plain.floats,
        storage.floats,
        self.shape[0],
        self.shape[1],
        self.kernel
      )
      return (.taps, storage)
    }
  }

  /// A layout that is there, or one made from checkpoint order.
  private func find(
    _ operation: String,
    where matches: (Layout) -> Bool,
    make: (_ plain: CPUStorage) throws(TensorError) -> (Layout, CPUStorage)
  ) throws(TensorError) -> CPUStorage {
    let result: Result<CPUStorage, TensorError> = layouts.withLock { layouts in
      if let known = layouts.first(where: { matches($0.layout) }) { return .success(known.storage) }
      do throws(TensorError) {
        guard let origin = layouts.first else {
          throw TensorError(.library, operation, "a weight was lost")
        }
        let made = try make(self.plain(origin.layout, origin.storage, operation))
        layouts.removeAll { if case .plain = $0.layout { true } else { false } }
        layouts.append(made)
        return .success(made.1)
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Checkpoint order from whatever layout there is.
  private func plain(
    _ layout: Layout,
    _ storage: CPUStorage,
    _ operation: String
  ) throws(TensorError) -> CPUStorage {
    if case .plain = layout { return storage }
    let bytes = shape.count * MemoryLayout<Float>.stride
    let plain = try pool.storage(byteCount: bytes, for: operation)
    switch layout {
    case .plain: break
    case .taps:
      unsafe cpu_turn_weights_back(storage.floats, plain.floats, shape[0], shape[1], kernel)
    case .packed(let plan):
      try OneDNN.check(
        unsafe cpu_plan_unpack(plan.pointer, storage.floats, plain.floats),
        operation
      )
    }
    return plain
  }
}
