// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

extension Checkpoint {
  /// Checks, from the heads of the files alone, that every tensor is there which the configuration asks
  /// for, in the sizes that it asks for.
  ///
  /// The networks are built, of tensors without numbers, so that nothing else has to know what they need.
  ///
  /// - Parameter components: The model's parts.
  /// - Throws: ``ConfigurationError`` for a configuration that cannot be read; `WeightsError` for the first
  ///   tensor that is missing or has other sizes.
  func checkCompleteness(of components: [ModelComponent: any ComponentTensors]) throws {
    func weights(_ component: ModelComponent) throws -> Weights? {
      components[component].map { tensors in
        Weights(HollowTensors(tensors), backend: HollowBackend(), place: place(of: component))
      }
    }
    if let weights = try weights(.imageEncoder) {
      _ = try CLIPVisionModel(weights, imageEncoderConfiguration())
    }
    if let weights = try weights(.vae) {
      _ = try AutoencoderKLTemporalDecoder(weights, vaeConfiguration())
    }
    if let weights = try weights(.unet) {
      _ = try UNetSpatioTemporalConditionModel(weights, unetConfiguration())
    }
  }
}

/// A component's tensors by their names and sizes.
private final class HollowTensors: WeightSource {
  private let tensors: any ComponentTensors

  init(_ tensors: any ComponentTensors) { self.tensors = tensors }

  /// None: what a network has no use for is no concern here.
  var names: [String] { [] }

  func title(of name: String) -> String { tensors.title(of: name) }

  func shape(of name: String, expected: Shape) -> [Int]? { tensors.layout(of: name)?.shape }

  func load(_ name: String, scale: Float, to backend: any Backend) throws(WeightsError) -> Tensor {
    Tensor(
      shape: Shape(tensors.layout(of: name)?.shape ?? []),
      storage: HollowStorage(),
      backend: backend
    )
  }
}

private final class HollowStorage: TensorStorage {
  var byteCount: Int { 0 }
}

private final class HollowWeight: PreparedWeight {
  let shape: Shape

  init(_ shape: Shape) { self.shape = shape }
}

/// Keeps sizes and no numbers: enough to build a network, and not to run it.
private final class HollowBackend: Backend {
  let name = "none"

  private func made(_ shape: Shape) -> Tensor {
    Tensor(shape: shape, storage: HollowStorage(), backend: self)
  }

  private func refuse(_ operation: String) -> TensorError {
    TensorError(.library, operation, "there are no numbers to compute with")
  }

  func upload(_ values: [Float], shape: Shape) throws(TensorError) -> Tensor { made(shape) }

  func upload(
    _ bytes: UnsafeRawBufferPointer,
    format: NumberFormat,
    scale: Float,
    shape: Shape
  ) throws(TensorError) -> Tensor { made(shape) }

  func download(_ x: Tensor) throws(TensorError) -> [Float] {
    [Float](repeating: 0, count: x.shape.count)
  }

  func prepare(_ weight: Tensor) throws(TensorError) -> any PreparedWeight {
    HollowWeight(weight.shape)
  }

  func combine(
    _ a: Tensor,
    _ alpha: Float,
    _ b: Tensor,
    _ beta: Float
  ) throws(TensorError) -> Tensor { made(a.shape) }

  func concatenateRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    return made(Shape([rows] + (parts.first?.shape.dimensions.dropFirst() ?? [])))
  }

  func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  ) throws(TensorError) -> Tensor { throw refuse("linear") }

  func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor { throw refuse("feed-forward") }

  func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) throws(TensorError) -> Tensor { throw refuse("convolution") }

  func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor { throw refuse("group norm") }

  func layerNorm(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float
  ) throws(TensorError) -> Tensor { throw refuse("layer norm") }

  func tokenAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    throw refuse("attention")
  }

  func frameAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    throw refuse("attention")
  }

  func activate(_ x: Tensor, _ activation: Activation) throws(TensorError) -> Tensor {
    throw refuse("activation")
  }

  func addRows(_ x: Tensor, table: Tensor, choice: RowChoice) throws(TensorError) -> Tensor {
    throw refuse("rows")
  }

  func upsample(_ x: Tensor, to size: Extent) throws(TensorError) -> Tensor {
    throw refuse("upsampling")
  }

  func interleave(_ phases: [Tensor]) throws(TensorError) -> Tensor { throw refuse("interleaving") }

  func concatenateColumns(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
    throw refuse("columns")
  }

  func eulerStep(
    _ x: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  ) throws(TensorError) -> Tensor { throw refuse("step") }
}
