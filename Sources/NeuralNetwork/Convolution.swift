// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import TensorCore

/// A convolution over height and width; torch's `Conv2d`.
public struct Convolution: Sendable {
  private let weight: any PreparedWeight
  /// `[outputs]`.
  public let bias: Tensor?
  private let stride: Extent
  private let padding: Padding

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - inputs: The channels that it takes.
  ///   - outputs: The channels that it gives.
  ///   - kernel: The height and width of its kernel.
  ///   - stride: Its step along both.
  ///   - padding: Zeros on each side; by default half the kernel.
  ///   - bias: Whether there is a bias.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(
    _ weights: Weights,
    _ inputs: Int,
    _ outputs: Int,
    kernel: Int = 3,
    stride: Int = 1,
    padding: Padding? = nil,
    bias: Bool = true
  ) throws(WeightsError) {
    weight = try weights.prepare(weights.weight.tensor([outputs, inputs, kernel, kernel]))
    self.bias = bias ? try weights.bias.tensor([outputs]) : nil
    self.stride = Extent(stride, stride)
    self.padding = padding ?? Padding(kernel / 2, kernel / 2)
  }

  /// Wraps a weight that was made otherwise, with a stride of one and the size kept.
  ///
  /// - Parameters:
  ///   - weight: `[outputs, inputs, kernel height, kernel width]`, odd kernel sizes.
  ///   - bias: `[outputs]`.
  public init(weight: any PreparedWeight, bias: Tensor?) {
    self.weight = weight
    self.bias = bias
    stride = Extent(1, 1)
    padding = Padding(weight.shape[2] / 2, weight.shape[3] / 2)
  }

  fileprivate init(weight: any PreparedWeight, bias: Tensor?, padding: Padding) {
    self.weight = weight
    self.bias = bias
    stride = Extent(1, 1)
    self.padding = padding
  }

  /// Applies the layer.
  ///
  /// - Parameters:
  ///   - x: `[images, height, width, inputs]`.
  ///   - bias: `[outputs]`, used in place of the layer's own.
  ///   - residual: Added to the result.
  /// - Returns: `[images, height', width', outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(
    _ x: Tensor,
    bias: Tensor? = nil,
    residual: Tensor? = nil
  )
    throws(TensorError) -> Tensor
  {
    try x.convolution(
      weight,
      bias: bias ?? self.bias,
      stride: stride,
      padding: padding,
      residual: residual
    )
  }
}

/// Every pixel twice along both sides, then a convolution with a kernel of three; diffusers'
/// `Upsample2D`.
///
/// Of the nine pixels under the kernel only four differ, and which do depends on whether the output's
/// row and column are even. So the layer is four convolutions with kernels of two, whose weights are
/// sums of the original's, over the small map: 4/9 of the arithmetic, and exact but for rounding.
public struct UpsamplingConvolution: Sendable {
  /// For even and odd rows, and in each for even and odd columns.
  private let phases: [Convolution]

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - channels: The channels that it takes and gives.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(_ weights: Weights, _ channels: Int) throws(WeightsError) {
    let whole = try weights.weight.tensor([channels, channels, 3, 3])
    let values = try weights.wrapping { try whole.values() }
    let bias = try weights.bias.tensor([channels])
    // Which of the three taps fall on the first and on the second source pixel.
    let taps = [[[0], [1, 2]], [[0, 1], [2]]]
    var phases: [Convolution] = []
    for row in 0..<2 {
      for column in 0..<2 {
        var kernels: [Float] = []
        kernels.reserveCapacity(channels * channels * 4)
        for start in stride(from: 0, to: values.count, by: 9) {
          for rows in taps[row] {
            for columns in taps[column] {
              var sum: Float = 0
              for y in rows { for x in columns { sum += values[start + y * 3 + x] } }
              kernels.append(sum)
            }
          }
        }
        let padding = Padding(top: 1 - row, left: 1 - column, bottom: row, right: column)
        phases.append(
          Convolution(
            weight: try weights.prepare(weights.upload(kernels, [channels, channels, 2, 2])),
            bias: bias,
            padding: padding
          )
        )
      }
    }
    self.phases = phases
  }

  /// Applies the layer.
  ///
  /// - Parameter x: `[images, height, width, channels]`.
  /// - Returns: `[images, 2 · height, 2 · width, channels]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
    try Tensor.interleaving(phases.map { phase throws(TensorError) in try phase(x) })
  }
}

/// A convolution over three neighbouring frames; torch's `Conv3d` with a kernel of `(3, 1, 1)`.
///
/// Over `[clips, frames, pixels, channels]` it is a two-dimensional convolution with a kernel three
/// high and one wide.
public struct TemporalConvolution: Sendable {
  private let convolution: Convolution

  /// Reads a layer.
  ///
  /// - Parameters:
  ///   - weights: The place of `weight` and `bias`.
  ///   - inputs: The channels that it takes.
  ///   - outputs: The channels that it gives.
  ///   - scale: What the layer's result is multiplied by, folded into its weights.
  /// - Throws: `WeightsError` for a missing or mis-shaped tensor.
  public init(
    _ weights: Weights,
    _ inputs: Int,
    _ outputs: Int,
    scale: Float = 1
  )
    throws(WeightsError)
  {
    let weight = try weights.weight.tensor([outputs, inputs, 3, 1, 1], scale: scale)
    let flat = try weights.wrapping { try weight.reshaped([outputs, inputs, 3, 1]) }
    convolution = Convolution(
      weight: try weights.prepare(flat),
      bias: try weights.bias.tensor([outputs], scale: scale)
    )
  }

  /// The layer's own bias, `[outputs]`.
  public var bias: Tensor? { convolution.bias }

  /// Applies the layer; before the first and behind the last frame lie zeros.
  ///
  /// - Parameters:
  ///   - x: `[clips, frames, pixels, inputs]`.
  ///   - bias: `[outputs]`, used in place of the layer's own.
  ///   - residual: Added to the result.
  /// - Returns: `[clips, frames, pixels, outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(
    _ x: Tensor,
    bias: Tensor? = nil,
    residual: Tensor? = nil
  )
    throws(TensorError) -> Tensor
  {
    try convolution(x, bias: bias, residual: residual)
  }
}
