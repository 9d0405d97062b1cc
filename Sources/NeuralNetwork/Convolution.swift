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
    _ weights: Weights, _ inputs: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1,
    padding: Padding? = nil, bias: Bool = true
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

  /// Applies the layer.
  ///
  /// - Parameters:
  ///   - x: `[images, height, width, inputs]`.
  ///   - bias: `[outputs]`, used in place of the layer's own.
  ///   - residual: Added to the result.
  /// - Returns: `[images, height', width', outputs]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(_ x: Tensor, bias: Tensor? = nil, residual: Tensor? = nil)
    throws(TensorError) -> Tensor
  {
    try x.convolution(
      weight, bias: bias ?? self.bias, stride: stride, padding: padding, residual: residual)
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
  public init(_ weights: Weights, _ inputs: Int, _ outputs: Int, scale: Float = 1)
    throws(WeightsError)
  {
    let weight = try weights.weight.tensor([outputs, inputs, 3, 1, 1], scale: scale)
    let flat = try weights.wrapping { try weight.reshaped([outputs, inputs, 3, 1]) }
    convolution = Convolution(
      weight: try weights.prepare(flat), bias: try weights.bias.tensor([outputs], scale: scale))
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
  public func callAsFunction(_ x: Tensor, bias: Tensor? = nil, residual: Tensor? = nil)
    throws(TensorError) -> Tensor
  {
    try convolution(x, bias: bias, residual: residual)
  }
}
