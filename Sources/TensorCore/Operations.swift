// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The operations that models call: each checks its operands' shapes once, then asks the backend.

extension Tensor {
  /// Matrix product with a transposed weight: `x wᵀ + bias (+ residual)`.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs]`, where `self` is `[..., inputs]`.
  ///   - bias: `[outputs]`; or `[groups, outputs]`, one row for each of `groups` equal runs of rows.
  ///   - residual: Added to the product, shaped as the result.
  /// - Returns: `[..., outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func linear(
    _ weight: any PreparedWeight,
    bias: Tensor? = nil,
    residual: Tensor? = nil
  ) throws(TensorError) -> Tensor {
    try check("linear", weight.shape.rank == 2 && weight.shape[1] == shape.columns) {
      "a weight \(weight.shape) does not take \(shape)"
    }
    let result = shape.withColumns(weight.shape[0])
    if let bias {
      let groups = bias.shape.rank == 2 ? bias.shape[0] : 1
      try check(
        "linear",
        bias.shape.columns == result.columns && groups > 0 && result.rows % groups == 0
      ) { "a bias \(bias.shape) does not go with \(result)" }
    }
    try checkResidual("linear", residual, result)
    return try backend.linear(self, weight: weight, bias: bias, residual: residual)
  }

  /// A gated feed-forward layer with its residual: `residual + out(value · gelu(gate))`.
  ///
  /// - Parameters:
  ///   - gated: `[2 · hidden, inputs]`: first the value's half, then the gate's.
  ///   - gatedBias: `[2 · hidden]`.
  ///   - output: `[outputs, hidden]`.
  ///   - outputBias: `[outputs]`.
  ///   - residual: `[..., outputs]`.
  /// - Returns: `[..., outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func feedForward(
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    try check(
      "feed-forward",
      gated.shape.rank == 2 && output.shape.rank == 2 && gated.shape[1] == shape.columns
        && gated.shape[0] == 2 * output.shape[1] && gatedBias.shape.count == gated.shape[0]
        && outputBias.shape.count == output.shape[0]
    ) { "weights \(gated.shape) and \(output.shape) do not take \(shape)" }
    try checkResidual("feed-forward", residual, shape.withColumns(output.shape[0]))
    return try backend.feedForward(
      self,
      gated: gated,
      gatedBias: gatedBias,
      output: output,
      outputBias: outputBias,
      residual: residual
    )
  }

  /// Cross-correlation over height and width.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel height, kernel width]`, where `self` is
  ///     `[images, height, width, inputs]`.
  ///   - bias: `[outputs]`.
  ///   - stride: The step along height and width, at least 1.
  ///   - padding: Rows and columns of zeros on each side, fewer than the kernel has.
  ///   - residual: Added to the result, shaped as it is.
  /// - Returns: `[images, height', width', outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func convolution(
    _ weight: any PreparedWeight,
    bias: Tensor? = nil,
    stride: Extent = Extent(1, 1),
    padding: Padding,
    residual: Tensor? = nil
  ) throws(TensorError) -> Tensor {
    let kernel = weight.shape
    try check("convolution", kernel.rank == 4 && shape.rank == 4 && kernel[1] == shape[3]) {
      "a weight \(kernel) does not take \(shape)"
    }
    try check("convolution", stride.height > 0 && stride.width > 0) {
      "a stride of \(stride.height) by \(stride.width) does not move over \(shape)"
    }
    // An output that sees nothing but padding means nothing, and oneDNN 2.6 gets it wrong.
    try check(
      "convolution",
      [padding.top, padding.bottom].allSatisfy { (0..<kernel[2]).contains($0) }
        && [padding.left, padding.right].allSatisfy { (0..<kernel[3]).contains($0) }
    ) { "\(padding) is not less than the kernel \(kernel)" }
    let size = convolved(by: kernel, stride: stride, padding: padding)
    try check("convolution", size.height > 0 && size.width > 0) {
      "\(shape) is smaller than the kernel \(kernel)"
    }
    try check("convolution", bias.map { $0.shape.count == kernel[0] } ?? true) {
      "a bias \(bias?.shape ?? []) does not go with the kernel \(kernel)"
    }
    try checkResidual(
      "convolution",
      residual,
      Shape([shape[0], size.height, size.width, kernel[0]])
    )
    return try backend.convolution(
      self,
      weight: weight,
      bias: bias,
      stride: stride,
      padding: padding,
      residual: residual
    )
  }

  /// The height and width that a convolution of this tensor has.
  ///
  /// - Parameters:
  ///   - kernel: `[outputs, inputs, kernel height, kernel width]`.
  ///   - stride: The step along height and width.
  ///   - padding: Rows and columns of zeros on each side.
  /// - Returns: The size.
  public func convolved(by kernel: Shape, stride: Extent, padding: Padding) -> Extent {
    func size(_ length: Int, _ kernel: Int, _ stride: Int) -> Int {
      length < kernel ? 0 : (length - kernel) / stride + 1
    }
    return Extent(
      size(shape[1] + padding.top + padding.bottom, kernel[2], stride.height),
      size(shape[2] + padding.left + padding.right, kernel[3], stride.width)
    )
  }

  /// Group norm with statistics over all rows of each piece of the outermost axis.
  ///
  /// Shaped `[images, height, width, channels]` a group spans one image; reshaped to `[clips, frames,
  /// pixels, channels]` it spans all frames of a clip.
  ///
  /// - Parameters:
  ///   - groups: How many groups the channels are cut into.
  ///   - weight: `[channels]`.
  ///   - bias: `[channels]`.
  ///   - epsilon: Added to the variance, inside the square root.
  ///   - silu: Whether SiLU follows.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func groupNorm(
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor {
    try check(
      "group norm",
      shape.rank >= 2 && groups > 0 && shape.columns % groups == 0
        && weight.shape.count == shape.columns && bias.shape.count == shape.columns
    ) { "\(groups) groups with a weight \(weight.shape) do not fit \(shape)" }
    return try backend.groupNorm(
      self,
      groups: groups,
      weight: weight,
      bias: bias,
      epsilon: epsilon,
      silu: silu
    )
  }

  /// Layer norm over the innermost axis.
  ///
  /// - Parameters:
  ///   - weight: `[channels]`.
  ///   - bias: `[channels]`.
  ///   - epsilon: Added to the variance, inside the square root.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func layerNorm(weight: Tensor, bias: Tensor, epsilon: Float) throws(TensorError) -> Tensor
  {
    try check(
      "layer norm",
      shape.rank >= 1 && weight.shape.count == shape.columns && bias.shape.count == shape.columns
    ) { "a weight \(weight.shape) does not fit \(shape)" }
    return try backend.layerNorm(self, weight: weight, bias: bias, epsilon: epsilon)
  }

  /// Self-attention among the tokens of each image.
  ///
  /// `self` is `[images, tokens, 3 · channels]`: queries, keys and values side by side.
  ///
  /// - Parameter heads: How many heads the channels are cut into.
  /// - Returns: `[images, tokens, channels]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func tokenAttention(heads: Int) throws(TensorError) -> Tensor {
    try check("attention", shape.rank == 3 && heads > 0 && shape.columns % (3 * heads) == 0) {
      "\(heads) heads do not fit \(shape)"
    }
    return try backend.tokenAttention(self, heads: heads)
  }

  /// Self-attention among the frames of each clip, for every token alone.
  ///
  /// `self` is `[clips, frames, tokens, 3 · channels]`: queries, keys and values side by side.
  ///
  /// - Parameter heads: How many heads the channels are cut into.
  /// - Returns: `[clips, frames, tokens, channels]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func frameAttention(heads: Int) throws(TensorError) -> Tensor {
    try check("attention", shape.rank == 4 && heads > 0 && shape.columns % (3 * heads) == 0) {
      "\(heads) heads do not fit \(shape)"
    }
    return try backend.frameAttention(self, heads: heads)
  }

  /// Applies a function to each element.
  ///
  /// - Parameter activation: The function.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if the backend fails.
  public func activated(_ activation: Activation) throws(TensorError) -> Tensor {
    try backend.activate(self, activation)
  }

  /// `alpha · self + beta · other`, element by element.
  ///
  /// - Parameters:
  ///   - alpha: What `self` is multiplied by.
  ///   - other: A tensor of the same shape.
  ///   - beta: What `other` is multiplied by.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes differ or the backend fails.
  public func combined(
    _ alpha: Float,
    with other: Tensor,
    _ beta: Float
  ) throws(TensorError)
    -> Tensor
  {
    try check("combine", shape == other.shape) { "\(shape) is not \(other.shape)" }
    return try backend.combine(self, alpha, other, beta)
  }

  /// The sum of two tensors of the same shape.
  ///
  /// - Throws: `TensorError` if shapes differ or the backend fails.
  public static func + (a: Tensor, b: Tensor) throws(TensorError) -> Tensor {
    try a.combined(1, with: b, 1)
  }

  /// This tensor times a number.
  ///
  /// - Parameter factor: The number.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if the backend fails.
  public func scaled(by factor: Float) throws(TensorError) -> Tensor {
    try backend.combine(self, factor, self, 0)
  }

  /// Adds to each row one row of a table.
  ///
  /// - Parameters:
  ///   - table: `[entries, columns]`.
  ///   - choice: Which entry goes to which row.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func addingRows(of table: Tensor, _ choice: RowChoice) throws(TensorError) -> Tensor {
    try check(
      "add rows",
      table.shape.rank == 2 && table.shape.columns == shape.columns && table.shape.rows > 0
    ) { "a table \(table.shape) does not fit \(shape)" }
    let entries = table.shape[0]
    switch choice {
    case .blocks(let rows):
      try check("add rows", rows > 0) { "an entry must serve at least one row" }
    case .indices(let indices):
      try check(
        "add rows",
        indices.count == shape.rows && indices.allSatisfy { $0 >= 0 && Int($0) < entries }
      ) { "the choice does not name one of \(entries) entries for each row of \(shape)" }
    }
    return try backend.addRows(self, table: table, choice: choice)
  }

  /// Repeats pixels, nearest neighbour.
  ///
  /// - Parameter size: The height and width of the result, each at least 1.
  /// - Returns: `[images, height', width', channels]`.
  /// - Throws: `TensorError` if `self` is not a feature map or the backend fails.
  public func upsampled(to size: Extent) throws(TensorError) -> Tensor {
    try check("upsample", shape.rank == 4 && size.height > 0 && size.width > 0) {
      "\(shape) cannot become \(size.height) by \(size.width)"
    }
    return try backend.upsample(self, to: size)
  }

  /// Weaves four feature maps into one of twice the height and width.
  ///
  /// - Parameter phases: Four times `[images, height, width, channels]`: the pixels at even rows and
  ///   even columns, at even rows and odd columns, at odd rows and even columns, and at odd rows and
  ///   odd columns.
  /// - Returns: `[images, 2 · height, 2 · width, channels]`.
  /// - Throws: `TensorError` if there are not four of one shape or the backend fails.
  public static func interleaving(_ phases: [Tensor]) throws(TensorError) -> Tensor {
    guard phases.count == 4, let first = phases.first, first.shape.rank == 4,
      phases.allSatisfy({ $0.shape == first.shape })
    else {
      let shapes = phases.map(\.shape.description).joined(separator: ", ")
      throw TensorError(
        .shape,
        "interleave",
        "\(shapes) are not four feature maps of one shape"
      )
    }
    return try first.backend.interleave(phases)
  }

  /// Puts another tensor's columns behind this one's.
  ///
  /// - Parameter other: A tensor that differs in the innermost size at most.
  /// - Returns: `[..., columns + other's columns]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func concatenatingColumns(_ other: Tensor) throws(TensorError) -> Tensor {
    try check(
      "concatenate",
      shape.dimensions.dropLast() == other.shape.dimensions.dropLast()
    ) { "\(shape) and \(other.shape) differ before the last axis" }
    return try backend.concatenateColumns(self, other)
  }

  /// Puts tensors one after another along the outermost axis.
  ///
  /// - Parameter parts: At least one tensor; all have the same inner shape.
  /// - Returns: All rows of all parts.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public static func concatenatingRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
    guard let first = parts.first,
      parts.allSatisfy({
        $0.shape.rank > 0
          && $0.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst()
      })
    else {
      let shapes = parts.map(\.shape.description).joined(separator: ", ")
      throw TensorError(.shape, "concatenate", "\(shapes) differ behind the first axis")
    }
    return parts.count == 1 ? first : try first.backend.concatenateRows(parts)
  }

  /// One guided step of the Euler sampler.
  ///
  /// - Parameters:
  ///   - velocity: What the model predicted: shaped as `self`, `[videos, frames, ...]`; with guidance
  ///     twice as many videos, first the unconditional half.
  ///   - guidance: One scale for each frame: `v = u + g · (c - u)`; none, if there is one half only.
  ///   - step: The noise levels.
  /// - Returns: The sample at the next noise level, shaped as `self`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func eulerStep(
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  )
    throws(TensorError) -> Tensor
  {
    try check(
      "step",
      shape.rank >= 2 && velocity.shape.count == shape.count * (guidance == nil ? 1 : 2)
    ) {
      "a velocity \(velocity.shape) does not move \(shape) \(guidance == nil ? "without" : "with") guidance"
    }
    try check("step", guidance.map { $0.count == shape[1] } ?? true) {
      "\(guidance?.count ?? 0) guidance scales do not go with the frames of \(shape)"
    }
    return try backend.eulerStep(self, velocity: velocity, guidance: guidance, step: step)
  }

  private func check(
    _ operation: String,
    _ condition: Bool,
    _ message: () -> String
  )
    throws(TensorError)
  {
    if !condition { throw TensorError(.shape, operation, message()) }
  }

  private func checkResidual(
    _ operation: String,
    _ residual: Tensor?,
    _ result: Shape
  )
    throws(TensorError)
  {
    guard let residual, residual.shape.count != result.count else { return }
    throw TensorError(.shape, operation, "a residual \(residual.shape) is not \(result)")
  }
}
