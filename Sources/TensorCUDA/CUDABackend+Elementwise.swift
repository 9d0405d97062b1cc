// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.activate`.
  package func activate(_ x: Tensor, _ activation: Activation) throws(TensorError) -> Tensor {
    let (from, element) = try place(x, "activation")
    let result = try make(x.shape, element, "activation")
    let to = try place(result, "activation").0
    let function =
      switch activation {
      case .silu: 0
      case .gelu: 1
      case .quickGelu: 2
      }
    let count = x.shape.count
    try elementwise(
      "activate",
      element,
      "activation",
      count: count,
      addresses: [from, to],
      [.address(from), .address(to), .int(Int64(function)), .int(Int64(count))]
    )
    return result
  }

  /// See `Backend.combine`; the result has the first operand's type.
  package func combine(
    _ a: Tensor,
    _ alpha: Float,
    _ b: Tensor,
    _ beta: Float
  ) throws(TensorError) -> Tensor {
    let (first, element) = try place(a, "combine")
    let (second, kept) = try operand(b, as: element, "combine")
    defer { withExtendedLifetime(kept) {} }
    let result = try make(a.shape, element, "combine")
    let to = try place(result, "combine").0
    let count = a.shape.count
    try elementwise(
      "combine",
      element,
      "combine",
      count: count,
      addresses: [first, second, to],
      maps: 3,
      [
        .address(first), .float(alpha), .address(second), .float(beta), .address(to),
        .int(Int64(count)),
      ]
    )
    return result
  }

  /// See `Backend.addRows`.
  package func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) throws(TensorError) -> Tensor
  {
    let (from, element) = try place(x, "add rows")
    let (rows, kept) = try operand(table, as: .float32, "add rows")
    defer { withExtendedLifetime(kept) {} }
    let result = try make(x.shape, element, "add rows")
    let to = try place(result, "add rows").0
    var block = 1
    var indices: CUDAStorage?
    switch choice {
    case .blocks(let size): block = size
    case .indices(let all):
      let storage = try engine.storage(all.count, .float32, "add rows")
      do throws(CUDAError) {
        try unsafe all.withUnsafeBufferPointer { all throws(CUDAError) in
          try unsafe engine.device.copyIn(UnsafeRawBufferPointer(all), to: storage.address)
        }
      } catch { throw TensorError(error, "add rows") }
      indices = storage
    }
    defer { withExtendedLifetime(indices) {} }
    let count = x.shape.count
    try elementwise(
      "add_rows",
      element,
      "add rows",
      count: count,
      rows: [x.shape.columns],
      addresses: [from, rows, to],
      [
        .address(from), .address(rows), .address(indices?.address ?? 0), .address(to),
        .int(Int64(x.shape.columns)), .int(Int64(block)), .int(Int64(table.shape[0])),
        .int(Int64(count)),
      ]
    )
    return result
  }

  /// See `Backend.upsample`.
  package func upsample(_ x: Tensor, to size: Extent) throws(TensorError) -> Tensor {
    let (from, element) = try place(x, "upsample")
    let shape = x.shape
    let result = try make(
      Shape([shape[0], size.height, size.width, shape[3]]),
      element,
      "upsample"
    )
    let to = try place(result, "upsample").0
    let count = result.shape.count
    try elementwise(
      "upsample",
      element,
      "upsample",
      count: count,
      rows: [shape[3]],
      addresses: [from, to],
      [
        .address(from), .address(to), .int(Int64(shape[1])), .int(Int64(shape[2])),
        .int(Int64(shape[3])), .int(Int64(size.height)), .int(Int64(size.width)),
        .int(Int64(count)),
      ]
    )
    return result
  }

  /// See `Backend.interleave`.
  package func interleave(_ phases: [Tensor]) throws(TensorError) -> Tensor {
    let element = try common(phases, "interleave")
    var addresses: [UInt64] = []
    var kept: [Tensor] = []
    for phase in phases {
      let (address, tensor) = try operand(phase, as: element, "interleave")
      addresses.append(address)
      kept.append(tensor)
    }
    defer { withExtendedLifetime(kept) {} }
    let shape = phases[0].shape
    let result = try make(
      Shape([shape[0], 2 * shape[1], 2 * shape[2], shape[3]]),
      element,
      "interleave"
    )
    let to = try place(result, "interleave").0
    let count = result.shape.count
    try elementwise(
      "interleave",
      element,
      "interleave",
      count: count,
      rows: [shape[3]],
      addresses: addresses + [to],
      addresses.map { .address($0) } + [
        .address(to), .int(Int64(shape[1])), .int(Int64(shape[2])), .int(Int64(shape[3])),
        .int(Int64(count)),
      ]
    )
    return result
  }

  /// See `Backend.concatenateColumns`.
  package func concatenateColumns(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    let element = try common([a, b], "concatenate")
    let columns = a.shape.columns + b.shape.columns
    let result = try make(a.shape.withColumns(columns), element, "concatenate")
    var to = try place(result, "concatenate").0
    for part in [a, b] {
      let (from, kept) = try operand(part, as: element, "concatenate")
      let width = part.shape.columns
      try elementwise(
        "copy_rows",
        element,
        "concatenate",
        count: part.shape.count,
        rows: [width, columns],
        addresses: [from, to],
        [
          .address(from), .int(Int64(width)), .address(to), .int(Int64(columns)),
          .int(Int64(width)), .int(Int64(part.shape.count)),
        ]
      )
      withExtendedLifetime(kept) {}
      to += UInt64(width * element.byteCount)
    }
    return result
  }

  /// See `Backend.concatenateRows`.
  package func concatenateRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
    let element = try common(parts, "concatenate")
    let inner = parts.first?.shape.dimensions.dropFirst() ?? []
    let outer = parts.reduce(0) { $0 + $1.shape[0] }
    let result = try make(Shape([outer] + inner), element, "concatenate")
    var to = try place(result, "concatenate").0
    for part in parts {
      let (from, kept) = try operand(part, as: element, "concatenate")
      let bytes = part.shape.count * element.byteCount
      do { try engine.device.copy(from, to: to, byteCount: bytes) } catch {
        throw TensorError(error, "concatenate")
      }
      withExtendedLifetime(kept) {}
      to += UInt64(bytes)
    }
    return result
  }

  /// See `Backend.eulerStep`; sample and result are float32.
  package func eulerStep(
    _ x: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  ) throws(TensorError) -> Tensor {
    let result = try make(x.shape, .float32, "step")
    let count = x.shape.count
    guard count > 0 else { return result }
    let (sample, keptSample) = try operand(x, as: .float32, "step")
    let (predicted, element) = try place(velocity, "step")
    let scales: Tensor? =
      if let guidance { try upload(guidance, shape: Shape([guidance.count])) } else { nil }
    defer { withExtendedLifetime((keptSample, scales)) {} }
    let frames = x.shape[1]
    try single(
      "euler_step",
      element,
      "step",
      count: count,
      [
        .address(sample), .address(predicted),
        .address(try scales.map { scales throws(TensorError) in try place(scales, "step").0 } ?? 0),
        .address(try place(result, "step").0), .int(Int64(count / x.shape[0] / frames)),
        .int(Int64(frames)), .float(step.sigma), .float(step.next),
        .int(step.precision == .float16 ? 1 : 0), .int(Int64(count)),
      ]
    )
    return result
  }
}
