// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
public import TensorCore

extension CPUBackend {
  /// See `Backend.groupNorm`.
  public func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor {
    let result = try make(x.shape, "group norm")
    guard x.shape.count > 0 else { return result }
    let pieces = x.shape[0]
    let channels = x.shape.columns
    let rows = x.shape.rows / pieces
    let needed = cpu_group_norm_scratch(pieces, rows, channels)
    let scratch = try pool.storage(
      byteCount: needed * MemoryLayout<Double>.stride,
      for: "group norm"
    )
    unsafe cpu_group_norm(
      input(x),
      output(result),
      pieces,
      rows,
      channels,
      groups,
      input(weight),
      input(bias),
      epsilon,
      silu,
      scratch.base.assumingMemoryBound(to: Double.self)
    )
    return result
  }

  /// See `Backend.layerNorm`.
  public func layerNorm(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float
  )
    throws(TensorError) -> Tensor
  {
    let result = try make(x.shape, "layer norm")
    guard x.shape.count > 0 else { return result }
    unsafe cpu_layer_norm(
      input(x),
      output(result),
      x.shape.rows,
      x.shape.columns,
      input(weight),
      input(bias),
      epsilon
    )
    return result
  }

  /// See `Backend.activate`.
  public func activate(_ x: Tensor, _ activation: Activation) throws(TensorError) -> Tensor {
    let result = try make(x.shape, "activation")
    let function =
      switch activation {
      case .silu: CPU_ACTIVATION_SILU
      case .gelu: CPU_ACTIVATION_GELU
      case .quickGelu: CPU_ACTIVATION_QUICK_GELU
      }
    unsafe cpu_activate(input(x), output(result), x.shape.count, function)
    return result
  }

  /// See `Backend.combine`.
  public func combine(
    _ a: Tensor,
    _ alpha: Float,
    _ b: Tensor,
    _ beta: Float
  ) throws(TensorError)
    -> Tensor
  {
    let result = try make(a.shape, "combine")
    unsafe cpu_combine(input(a), alpha, input(b), beta, output(result), a.shape.count)
    return result
  }

  /// See `Backend.addRows`.
  public func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) throws(TensorError) -> Tensor {
    let result = try make(x.shape, "add rows")
    let rows = x.shape.rows
    let columns = x.shape.columns
    switch choice {
    case .blocks(let block):
      unsafe cpu_add_rows(
        input(x),
        input(table),
        nil,
        output(result),
        rows,
        columns,
        block,
        table.shape[0]
      )
    case .indices(let indices):
      unsafe indices.withUnsafeBufferPointer { indices in
        unsafe cpu_add_rows(
          input(x),
          input(table),
          indices.baseAddress,
          output(result),
          rows,
          columns,
          1,
          table.shape[0]
        )
      }
    }
    return result
  }

  /// See `Backend.upsample`.
  public func upsample(_ x: Tensor, to size: Extent) throws(TensorError) -> Tensor {
    let shape = x.shape
    let result = try make(Shape([shape[0], size.height, size.width, shape[3]]), "upsample")
    let rows = (0..<size.height).map { Int32($0 * shape[1] / size.height) }
    let columns = (0..<size.width).map { Int32($0 * shape[2] / size.width) }
    unsafe cpu_upsample(
      input(x),
      output(result),
      shape[0],
      shape[1],
      shape[2],
      shape[3],
      size.height,
      size.width,
      rows,
      columns
    )
    return result
  }

  /// See `Backend.interleave`.
  public func interleave(_ phases: [Tensor]) throws(TensorError) -> Tensor {
    let shape = phases[0].shape
    let result = try make(Shape([shape[0], 2 * shape[1], 2 * shape[2], shape[3]]), "interleave")
    let bases: [UnsafePointer<Float>?] = unsafe phases.map { unsafe input($0) }
    unsafe bases.withUnsafeBufferPointer { bases in
      unsafe cpu_interleave(
        bases.baseAddress,
        output(result),
        shape[0],
        shape[1],
        shape[2],
        shape[3]
      )
    }
    return result
  }

  /// See `Backend.concatenateColumns`.
  public func concatenateColumns(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    let columns = a.shape.columns + b.shape.columns
    let result = try make(a.shape.withColumns(columns), "concatenate")
    let element = MemoryLayout<Float>.stride
    var start = 0
    for part in [a, b] {
      let bytes = part.shape.columns * element
      unsafe cpu_copy_rows(
        input(part),
        bytes,
        output(result) + start,
        columns * element,
        bytes,
        part.shape.rows
      )
      start += part.shape.columns
    }
    return result
  }

  /// See `Backend.concatenateRows`.
  public func concatenateRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
    let inner = parts.first?.shape.dimensions.dropFirst() ?? []
    let outer = parts.reduce(0) { $0 + $1.shape[0] }
    let result = try make(Shape([outer] + inner), "concatenate")
    var start = 0
    for part in parts {
      let bytes = part.shape.count * MemoryLayout<Float>.stride
      unsafe cpu_copy_rows(input(part), bytes, output(result) + start, bytes, bytes, 1)
      start += part.shape.count
    }
    return result
  }

  /// See `Backend.eulerStep`.
  public func eulerStep(
    _ x: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  )
    throws(TensorError) -> Tensor
  {
    let result = try make(x.shape, "step")
    let count = x.shape.count
    guard count > 0 else { return result }
    let frames = x.shape[1]
    let piece = count / x.shape[0] / frames
    let sample = unsafe input(x)
    let first = unsafe input(velocity)
    let y = unsafe output(result)
    guard let guidance else {
      for index in 0..<count {
        unsafe y[index] = step.advance(sample[index], velocity: first[index])
      }
      return result
    }
    let second = unsafe first + count
    for index in 0..<count {
      let scale = guidance[index / piece % frames]
      let guided = unsafe first[index] + scale * (second[index] - first[index])
      unsafe y[index] = step.advance(sample[index], velocity: guided)
    }
    return result
  }
}
