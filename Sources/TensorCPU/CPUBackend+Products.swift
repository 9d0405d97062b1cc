// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CTensorCPU
public import TensorCore

extension CPUBackend {
  /// See `Backend.linear`.
  public func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let weight = try self.weight(weight)
    let outputs = weight.shape[0]
    let result = try make(x.shape.withColumns(outputs), "linear")
    let groups = bias.map { $0.shape.rank == 2 ? $0.shape[0] : 1 } ?? 1
    let rows = x.shape.rows / groups
    guard rows > 0 else { return result }
    for group in 0..<groups {
      let skipped = group * rows
      unsafe try product(
        rows: rows,
        x: input(x) + skipped * x.shape.columns,
        weight: weight,
        bias: input(bias).map { unsafe $0 + group * outputs },
        residual: input(residual).map { unsafe $0 + skipped * outputs },
        y: output(result) + skipped * outputs
      )
    }
    return result
  }

  /// See `Backend.feedForward`.
  public func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output outer: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    let gated = try weight(gated)
    let outer = try weight(outer)
    let inputs = x.shape.columns
    let hidden = outer.shape[1]
    let outputs = outer.shape[0]
    let rows = x.shape.rows
    let result = try make(x.shape.withColumns(outputs), "feed-forward")
    guard rows > 0 else { return result }
    // The hidden layer is eight times as wide as the input. It is made for a few rows at a time, so
    // that it stays in the cache and never exists as a whole.
    let rowsAtOnce = min(rows, max(64, Self.threadCount * (1 << 18) / (2 * hidden)))
    let wide = try make(Shape([rowsAtOnce, 2 * hidden]), "feed-forward")
    let narrow = try make(Shape([rowsAtOnce, hidden]), "feed-forward")
    var start = 0
    while start < rows {
      let count = min(rowsAtOnce, rows - start)
      unsafe try product(
        rows: count,
        x: input(x) + start * inputs,
        weight: gated,
        bias: input(gatedBias),
        residual: nil,
        y: output(wide)
      )
      unsafe cpu_gate(input(wide), output(narrow), count, hidden)
      unsafe try product(
        rows: count,
        x: input(narrow),
        weight: outer,
        bias: input(outputBias),
        residual: input(residual) + start * outputs,
        y: output(result) + start * outputs
      )
      start += count
    }
    return result
  }

  private func product(
    rows: Int,
    x: UnsafePointer<Float>,
    weight: CPUWeight,
    bias: UnsafePointer<Float>?,
    residual: UnsafePointer<Float>?,
    y: UnsafeMutablePointer<Float>
  ) throws(TensorError) {
    let problem = unsafe OneDNN.Problem.linear(
      rows: rows,
      inputs: weight.shape[1],
      outputs: weight.shape[0],
      bias: bias != nil,
      residual: residual != nil
    )
    unsafe try library.run(
      problem,
      "linear",
      x: x,
      weight: weight,
      bias: bias,
      residual: residual,
      y: y
    )
  }

  /// See `Backend.convolution`.
  public func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let weight = try self.weight(weight)
    let size = x.convolved(by: weight.shape, stride: stride, padding: padding)
    let result = try make(
      Shape([x.shape[0], size.height, size.width, weight.shape[0]]),
      "convolution"
    )
    guard result.shape.count > 0 else { return result }
    if Self.takesProducts(weight.shape, size, stride) {
      var shape = cpu_convolution_shape(
        x: x.shape,
        weight: weight.shape,
        out: size,
        stride: stride,
        padding: padding
      )
      let taps = try weight.taps("convolution")
      let status = unsafe cpu_convolution_by_products(
        &shape,
        input(x),
        taps.floats,
        input(bias),
        input(residual),
        output(result)
      )
      try OneDNN.check(status, "convolution")
      return result
    }
    let problem = OneDNN.Problem.convolution(
      x: x.shape,
      weight: weight.shape,
      out: size,
      stride: stride,
      padding: padding,
      bias: bias != nil,
      residual: residual != nil
    )
    unsafe try library.run(
      problem,
      "convolution",
      x: input(x),
      weight: weight,
      bias: input(bias),
      residual: input(residual),
      y: output(result)
    )
    return result
  }

  /// Whether one matrix product a tap beats oneDNN's own kernel: where rows are long, and there are
  /// channels enough on both sides to fill a product.
  private static func takesProducts(_ weight: Shape, _ size: Extent, _ stride: Extent) -> Bool {
    stride == Extent(1, 1) && min(weight[0], weight[1]) >= 16
      && (weight[3] > 1 ? size.width >= 64 : weight[2] > 1 && size.width >= 128)
  }

  /// See `Backend.tokenAttention`.
  public func tokenAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let channels = qkv.shape.columns / 3
    let result = try make(qkv.shape.withColumns(channels), "attention")
    let status = unsafe cpu_token_attention(
      input(qkv),
      output(result),
      qkv.shape[0],
      qkv.shape[1],
      channels,
      heads
    )
    try OneDNN.check(status, "attention")
    return result
  }

  /// See `Backend.frameAttention`.
  public func frameAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let channels = qkv.shape.columns / 3
    let result = try make(qkv.shape.withColumns(channels), "attention")
    let status = unsafe cpu_frame_attention(
      input(qkv),
      output(result),
      qkv.shape[0],
      qkv.shape[1],
      qkv.shape[2],
      channels,
      heads
    )
    try OneDNN.check(status, "attention")
    return result
  }
}
