// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore
internal import TensorReference
internal import TensorTesting

/// A checkpoint in memory.
final class MemoryCheckpoint: WeightSource {
  private let tensors: [String: (shape: Shape, values: [Float])]

  init(_ tensors: [String: (shape: Shape, values: [Float])]) { self.tensors = tensors }

  /// Tensors of random numbers.
  convenience init(random shapes: [String: Shape]) {
    var generator = TorchGenerator(seed: 21)
    var tensors: [String: (Shape, [Float])] = [:]
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      tensors[name] = (shape, generator.normal(shape.count))
    }
    self.init(tensors)
  }

  var names: [String] { Array(tensors.keys) }

  func shape(of name: String, expected: Shape) -> [Int]? { tensors[name]?.shape.dimensions }

  func load(_ name: String, scale: Float, to backend: any Backend) throws(WeightsError) -> Tensor {
    guard let tensor = tensors[name] else {
      throw WeightsError(.missing, "memory", name, "is missing")
    }
    do {
      return try backend.upload(tensor.values.map { scale * $0 }, shape: tensor.shape)
    } catch { throw WeightsError(.read, "memory", name, "\(error)") }
  }

  /// The checkpoint seen from its root.
  func weights(_ backend: any Backend = ReferenceBackend()) -> Weights {
    Weights(self, backend: backend, place: "memory")
  }
}

/// How far a layer may be from what it is made of: rounding.
let rounding = 1e-6
