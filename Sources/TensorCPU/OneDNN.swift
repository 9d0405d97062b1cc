// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
internal import Synchronization
internal import TensorCore

/// oneDNN's plans for the shapes met so far, and the one lock under which they run.
///
/// A plan is bound to its operands just before it runs, so only one runs at a time; each spreads over
/// all threads anyway.
final class OneDNN: Sendable {
  /// What a plan was made for.
  enum Problem: Hashable {
    case linear(rows: Int, inputs: Int, outputs: Int, bias: Bool, residual: Bool)
    case convolution(
      x: Shape,
      weight: Shape,
      out: Extent,
      stride: Extent,
      padding: Padding,
      bias: Bool,
      residual: Bool
    )
  }

  /// A plan lives as long as the cache, and is only touched under the cache's lock.
  @safe struct Plan: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  private struct State {
    var plans: [Problem: Plan] = [:]
    var scratch: CPUStorage?
  }

  private let state = Mutex(State())
  private let pool: MemoryPool

  init(pool: MemoryPool) { self.pool = pool }

  deinit {
    state.withLock { state in
      for plan in state.plans.values { unsafe cpu_plan_destroy(plan.pointer) }
    }
  }

  /// The version of the library at hand, as "2.6.3".
  static var version: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { text in
      guard let base = text.baseAddress else { return "" }
      unsafe cpu_onednn_version(base, text.count)
      return unsafe String(cString: base)
    }
  }

  /// Runs a problem on its operands.
  func run(
    _ problem: Problem,
    _ operation: String,
    x: UnsafePointer<Float>,
    weight: CPUWeight,
    bias: UnsafePointer<Float>?,
    residual: UnsafePointer<Float>?,
    y: UnsafeMutablePointer<Float>
  ) throws(TensorError) {
    let failure: TensorError? = state.withLock { state in
      do throws(TensorError) {
        let plan = try self.plan(for: problem, operation, &state)
        let weights = try weight.packed(for: plan, operation)
        let needed = unsafe cpu_plan_scratch_bytes(plan.pointer)
        if needed > (state.scratch?.byteCount ?? 0) {
          state.scratch = nil
          state.scratch = try pool.storage(byteCount: needed, for: operation)
        }
        let scratch = unsafe needed > 0 ? state.scratch?.base : nil
        try Self.check(
          unsafe cpu_plan_run(
            plan.pointer,
            x,
            weights.floats,
            bias,
            residual,
            y,
            scratch
          ),
          operation
        )
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }

  private func plan(
    for problem: Problem,
    _ operation: String,
    _ state: inout State
  )
    throws(TensorError) -> Plan
  {
    if let known = state.plans[problem] { return known }
    var made: OpaquePointer?
    let status: Int32
    switch problem {
    case .linear(let rows, let inputs, let outputs, let bias, let residual):
      status = unsafe cpu_plan_linear(rows, inputs, outputs, bias, residual, &made)
    case .convolution(let x, let weight, let out, let stride, let padding, let bias, let residual):
      var shape = cpu_convolution_shape(
        x: x,
        weight: weight,
        out: out,
        stride: stride,
        padding: padding
      )
      status = unsafe cpu_plan_convolution(&shape, bias, residual, &made)
    }
    try Self.check(status, operation)
    guard let made = unsafe made else {
      throw TensorError(.library, operation, "oneDNN made no plan for \(problem)")
    }
    let plan = unsafe Plan(pointer: made)
    state.plans[problem] = plan
    return plan
  }

  /// Turns a dnnl_status_t into an error.
  static func check(_ status: Int32, _ operation: String) throws(TensorError) {
    switch status {
    case 0: return
    case 1: throw TensorError(.outOfMemory, operation, "oneDNN ran out of memory")
    default: throw TensorError(.library, operation, "oneDNN failed with status \(status)")
    }
  }
}

extension cpu_convolution_shape {
  init(x: Shape, weight: Shape, out: Extent, stride: Extent, padding: Padding) {
    self.init(
      images: x[0],
      height: x[1],
      width: x[2],
      inputs: x[3],
      out_height: out.height,
      out_width: out.width,
      outputs: weight[0],
      kernel_height: weight[2],
      kernel_width: weight[3],
      stride_height: stride.height,
      stride_width: stride.width,
      top: padding.top,
      left: padding.left,
      bottom: padding.bottom,
      right: padding.right
    )
  }
}
