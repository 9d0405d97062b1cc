// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
internal import Synchronization
internal import TensorCore

/// A weight in each layout that a plan has asked for: almost always one.
///
/// It starts in checkpoint order. The first plan that wants another layout gets it made, and the
/// checkpoint's order is dropped, so that a weight is not held twice.
final class CPUWeight: PreparedWeight {
  let shape: Shape

  private struct Layout {
    /// The plan that asked for it; none for checkpoint order.
    let plan: OneDNN.Plan?
    let storage: CPUStorage
  }

  private let layouts: Mutex<[Layout]>
  private let pool: MemoryPool

  init(shape: Shape, plain: CPUStorage, pool: MemoryPool) {
    self.shape = shape
    self.pool = pool
    layouts = Mutex([Layout(plan: nil, storage: plain)])
  }

  /// The elements as a plan reads them.
  func laidOut(for plan: OneDNN.Plan, _ operation: String) throws(TensorError) -> CPUStorage {
    let result: Result<CPUStorage, TensorError> = layouts.withLock { layouts in
      do throws(TensorError) { return .success(try self.find(plan, operation, &layouts)) } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func find(
    _ plan: OneDNN.Plan,
    _ operation: String,
    _ layouts: inout [Layout]
  )
    throws(TensorError) -> CPUStorage
  {
    let readsPlain = unsafe cpu_plan_reads_plain_weights(plan.pointer)
    for layout in layouts {
      if let owner = layout.plan {
        if unsafe cpu_plan_shares_layout(owner.pointer, plan.pointer) { return layout.storage }
      } else if readsPlain {
        return layout.storage
      }
    }
    guard let origin = layouts.first else {
      throw TensorError(.library, operation, "a weight was lost")
    }
    let packed = try pool.storage(
      byteCount: unsafe cpu_plan_weight_bytes(plan.pointer),
      for: operation
    )
    try OneDNN.check(
      unsafe cpu_plan_pack(
        plan.pointer,
        origin.plan?.pointer,
        origin.storage.base.assumingMemoryBound(to: Float.self),
        packed.base.assumingMemoryBound(to: Float.self)
      ),
      operation
    )
    layouts.removeAll { $0.plan == nil }
    layouts.append(Layout(plan: plan, storage: packed))
    return packed
  }
}

/// The weight of a convolution over three frames: a matrix for each, `[3, outputs, inputs]`.
final class CPUTemporalWeight: PreparedWeight {
  let shape: Shape
  let taps: Tensor

  init(shape: Shape, taps: Tensor) {
    self.shape = shape
    self.taps = taps
  }
}
