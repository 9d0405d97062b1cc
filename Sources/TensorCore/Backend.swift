// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A place where tensors live and are computed with: the processor, or one GPU.
///
/// Models call the checked operations on `Tensor`; those verify every shape once and then call these,
/// which may take their operands for granted. All tensors given to one call belong to this backend.
public protocol Backend: AnyObject, Sendable {
  /// What a person calls it, as "cpu".
  var name: String { get }

  /// Copies values into this backend's memory.
  ///
  /// - Parameters:
  ///   - values: Row-major elements, as many as the shape has.
  ///   - shape: The shape of the result.
  /// - Returns: The tensor.
  /// - Throws: `TensorError` with code `.outOfMemory`.
  func upload(_ values: [Float], shape: Shape) throws(TensorError) -> Tensor

  /// Copies the elements of a weight file, widened to float32, into this backend's memory.
  ///
  /// - Parameters:
  ///   - bytes: Row-major little-endian elements; need not be aligned.
  ///   - format: The type of the elements.
  ///   - scale: What every element is multiplied by.
  ///   - shape: The shape of the result; it has as many elements as `bytes`.
  /// - Returns: The tensor.
  /// - Throws: `TensorError` with code `.outOfMemory`.
  func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) throws(TensorError) -> Tensor

  /// Copies a tensor's elements to the host, row-major.
  func download(_ x: Tensor) throws(TensorError) -> [Float]

  /// Begins to copy a tensor's elements to the host.
  ///
  /// - Parameter x: The tensor; nobody need keep it any longer.
  /// - Returns: The elements, which may be on their way still.
  /// - Throws: `TensorError` if the backend fails.
  func beginDownload(_ x: Tensor) throws(TensorError) -> any PendingValues

  /// Takes a weight over for `linear`, `feedForward` or `convolution`, free to lay it out anew.
  ///
  /// - Parameter weight: In checkpoint order: `[outputs, inputs]` or `[outputs, inputs, kernel
  ///   height, kernel width]`.
  /// - Returns: The weight in this backend's layout.
  /// - Throws: `TensorError` if memory is short.
  func prepare(_ weight: Tensor) throws(TensorError) -> any PreparedWeight

  /// Takes the weights of a gated feed-forward layer over for `feedForward`, as `prepare` does.
  ///
  /// - Parameters:
  ///   - gated: `[2 · hidden, inputs]`: first the value's half, then the gate's.
  ///   - output: `[outputs, hidden]`.
  /// - Returns: The weights in this backend's layout.
  /// - Throws: `TensorError` if memory is short.
  func prepareFeedForward(
    gated: Tensor,
    output: Tensor
  ) throws(TensorError) -> (gated: any PreparedWeight, output: any PreparedWeight)

  /// Matrix product with a transposed weight: `y = x wᵀ + bias (+ residual)`.
  ///
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - weight: `[outputs, inputs]`.
  ///   - bias: `[outputs]`; or `[groups, outputs]`, one row for each of `groups` equal runs of rows.
  ///   - residual: `[..., outputs]`, added to the product.
  /// - Returns: `[..., outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  )
    throws(TensorError) -> Tensor

  /// A gated feed-forward layer with its residual: `y = residual + out(value · gelu(gate))`, where
  /// `[value, gate] = x wᵀ + bias` (GEGLU, Shazeer 2020; diffusers' `FeedForward`).
  ///
  /// - Parameters:
  ///   - x: `[..., inputs]`.
  ///   - gated: `[2 · hidden, inputs]`: first the value's half, then the gate's.
  ///   - gatedBias: `[2 · hidden]`.
  ///   - output: `[outputs, hidden]`.
  ///   - outputBias: `[outputs]`.
  ///   - residual: `[..., outputs]`.
  /// - Returns: `[..., outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor

  /// Cross-correlation over height and width.
  ///
  /// - Parameters:
  ///   - x: `[images, height, width, inputs]`.
  ///   - weight: `[outputs, inputs, kernel height, kernel width]`.
  ///   - bias: `[outputs]`.
  ///   - stride: The step along height and width.
  ///   - padding: Rows and columns of zeros on each side.
  ///   - residual: Added to the result, shaped as it is.
  /// - Returns: `[images, height', width', outputs]`.
  /// - Throws: `TensorError` if the backend fails.
  func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) throws(TensorError) -> Tensor

  /// Group norm (Wu and He 2018) with statistics over all rows of each piece of the outermost axis.
  ///
  /// - Parameters:
  ///   - x: `[pieces, ..., channels]`.
  ///   - groups: How many groups the channels are cut into.
  ///   - weight: `[channels]`.
  ///   - bias: `[channels]`.
  ///   - epsilon: Added to the variance.
  ///   - silu: Whether SiLU follows.
  /// - Returns: A tensor of the same shape.
  /// - Throws: `TensorError` if the backend fails.
  func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor

  /// Layer norm over the innermost axis.
  func layerNorm(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float
  ) throws(TensorError)
    -> Tensor

  /// Self-attention among the tokens of each image.
  ///
  /// - Parameters:
  ///   - qkv: `[images, tokens, 3 · channels]`: queries, keys and values side by side.
  ///   - heads: How many heads the channels are cut into.
  /// - Returns: `[images, tokens, channels]`.
  /// - Throws: `TensorError` if the backend fails.
  func tokenAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor

  /// Self-attention among the frames of each clip, for every token alone.
  ///
  /// - Parameters:
  ///   - qkv: `[clips, frames, tokens, 3 · channels]`.
  ///   - heads: How many heads the channels are cut into.
  /// - Returns: `[clips, frames, tokens, channels]`.
  /// - Throws: `TensorError` if the backend fails.
  func frameAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor

  /// Applies a function to each element.
  func activate(_ x: Tensor, _ activation: Activation) throws(TensorError) -> Tensor

  /// `alpha · a + beta · b`, element by element.
  func combine(
    _ a: Tensor,
    _ alpha: Float,
    _ b: Tensor,
    _ beta: Float
  ) throws(TensorError)
    -> Tensor

  /// Adds to each row of `x` one row of a table.
  ///
  /// - Parameters:
  ///   - x: `[rows..., columns]`.
  ///   - table: `[entries, columns]`.
  ///   - choice: Which entry goes to which row.
  /// - Returns: A tensor of `x`'s shape.
  /// - Throws: `TensorError` if the backend fails.
  func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) throws(TensorError) -> Tensor

  /// Repeats pixels: row `i` of the result is row `⌊i · height / height'⌋` of `x`, columns alike.
  ///
  /// - Parameters:
  ///   - x: `[images, height, width, channels]`.
  ///   - size: The height and width of the result.
  /// - Returns: `[images, height', width', channels]`.
  /// - Throws: `TensorError` if the backend fails.
  func upsample(_ x: Tensor, to size: Extent) throws(TensorError) -> Tensor

  /// Weaves four feature maps into one of twice the height and width.
  ///
  /// - Parameter phases: Four times `[images, height, width, channels]`: the pixels at even rows and
  ///   even columns, at even rows and odd columns, at odd rows and even columns, and at odd rows and
  ///   odd columns.
  /// - Returns: `[images, 2 · height, 2 · width, channels]`.
  /// - Throws: `TensorError` if the backend fails.
  func interleave(_ phases: [Tensor]) throws(TensorError) -> Tensor

  /// Puts tensors with equal rows side by side along the innermost axis.
  func concatenateColumns(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor

  /// Puts tensors of equal inner shape one after another along the outermost axis.
  func concatenateRows(_ parts: [Tensor]) throws(TensorError) -> Tensor

  /// One step of the Euler sampler from a guided velocity; see `Tensor.eulerStep`.
  func eulerStep(
    _ x: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  )
    throws(TensorError) -> Tensor

  /// A backend over the same memory that computes in float32; this one, if it does so itself.
  ///
  /// Tensors of either may be given to the other's operations.
  var inFullPrecision: any Backend { get }

  /// Whether all elements are finite; waits for pending work.
  func isFinite(_ x: Tensor) throws(TensorError) -> Bool

  /// Numbers by formula: element `i` is `mean` plus `width` times a number from -1 to 1 made of the
  /// upper 24 bits of splitmix64's `i`-th output from `key`, rounded to float16.
  ///
  /// - Parameters:
  ///   - shape: The shape of the result.
  ///   - key: Where the sequence begins.
  ///   - mean: The middle of the numbers.
  ///   - width: How far they lie from it at most.
  /// - Returns: The tensor.
  /// - Throws: `TensorError` with code `.outOfMemory`.
  func uniform(
    _ shape: Shape,
    key: UInt64,
    mean: Double,
    width: Double
  ) throws(TensorError) -> Tensor
}

/// What a backend without something better does.
extension Backend {
  /// The backend itself.
  public var inFullPrecision: any Backend { self }

  /// Prepares each by itself.
  ///
  /// - Parameters:
  ///   - gated: `[2 · hidden, inputs]`.
  ///   - output: `[outputs, hidden]`.
  /// - Returns: The weights in this backend's layout.
  /// - Throws: `TensorError` if memory is short.
  public func prepareFeedForward(
    gated: Tensor,
    output: Tensor
  ) throws(TensorError) -> (gated: any PreparedWeight, output: any PreparedWeight) {
    (try prepare(gated), try prepare(output))
  }

  /// Copies them at once.
  ///
  /// - Parameter x: The tensor.
  /// - Returns: The elements.
  /// - Throws: `TensorError` if the backend fails.
  public func beginDownload(_ x: Tensor) throws(TensorError) -> any PendingValues {
    ReadValues(try download(x))
  }

  /// Looks at every element on the host.
  public func isFinite(_ x: Tensor) throws(TensorError) -> Bool {
    try download(x).allSatisfy(\.isFinite)
  }

  /// Makes the numbers on the host.
  ///
  /// - Parameters:
  ///   - shape: The shape of the result.
  ///   - key: Where the sequence begins.
  ///   - mean: The middle of the numbers.
  ///   - width: How far they lie from it at most.
  /// - Returns: The tensor.
  /// - Throws: `TensorError` with code `.outOfMemory`.
  public func uniform(
    _ shape: Shape,
    key: UInt64,
    mean: Double,
    width: Double
  ) throws(TensorError) -> Tensor {
    try upload(
      UniformSequence(key: key, mean: mean, width: width).elements(shape.count),
      shape: shape
    )
  }
}

/// A weight in whatever layout its backend computes with.
public protocol PreparedWeight: AnyObject, Sendable {
  /// `[outputs, inputs]` or `[outputs, inputs, kernel height, kernel width]`.
  var shape: Shape { get }
}

/// A size or a step along height and width.
public struct Extent: Hashable, Sendable {
  /// Along the height.
  public let height: Int
  /// Along the width.
  public let width: Int

  /// Makes an extent.
  ///
  /// - Parameters:
  ///   - height: Along the height.
  ///   - width: Along the width.
  public init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }
}

/// Rows and columns of zeros around a picture.
public struct Padding: Hashable, Sendable {
  /// Rows above, columns to the left, rows below, columns to the right.
  public let top, left, bottom, right: Int

  /// Makes a padding.
  ///
  /// - Parameters:
  ///   - top: Rows above.
  ///   - left: Columns to the left.
  ///   - bottom: Rows below.
  ///   - right: Columns to the right.
  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  /// The same on opposite sides.
  ///
  /// - Parameters:
  ///   - height: Rows above and as many below.
  ///   - width: Columns to the left and as many to the right.
  public init(_ height: Int, _ width: Int) {
    self.init(top: height, left: width, bottom: height, right: width)
  }
}

/// A function of one number.
public enum Activation: Sendable, CaseIterable {
  /// `x / (1 + e^-x)`.
  case silu
  /// `x / 2 · (1 + erf(x / √2))`: exact, never the hyperbolic tangent's approximation.
  case gelu
  /// `x / (1 + e^(-1.702 x))`.
  case quickGelu
}

/// Which row of a table goes to which row of a tensor.
public enum RowChoice: Sendable {
  /// Each entry serves a run of this many rows; after the last entry the first comes again.
  case blocks(of: Int)
  /// The entry of every row by name.
  case indices([Int32])
}

/// A number type that checkpoints store.
public enum NumberFormat: Sendable, CaseIterable {
  /// IEEE's 16 bits.
  case float16
  /// The upper half of IEEE's 32 bits.
  case bfloat16
  /// IEEE's 32 bits.
  case float32
  /// IEEE's 64 bits.
  case float64

  /// The size of one number in bytes.
  public var byteCount: Int {
    switch self {
    case .float16, .bfloat16: 2
    case .float32: 4
    case .float64: 8
    }
  }
}
