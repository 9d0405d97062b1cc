// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import NeuralNetwork
package import TensorCore

/// A denoiser's tensors with LoRAs added to them as they are loaded.
package final class AdaptedTensors: WeightSource {
  /// The LoRAs, in the order in which they are added.
  package let files: [LoRAFile]
  private let base: any ComponentTensors

  init(_ base: any ComponentTensors, _ files: [LoRAFile]) {
    self.base = base
    self.files = files
  }

  package var names: [String] { base.names }

  package func shape(of name: String, expected: Shape) -> [Int]? {
    base.shape(of: name, expected: expected)
  }

  package func title(of name: String) -> String { base.title(of: name) }

  /// Adds in float32, so that a sum is rounded once, where the weight is laid out.
  package func load(
    _ name: String,
    scale: Float,
    to backend: any Backend
  ) throws(WeightsError) -> Tensor {
    let additions = files.compactMap { file in file.layers[name].map { (file, $0) } }
    guard let shape = base.layout(of: name)?.shape, !additions.isEmpty else {
      return try base.load(name, scale: scale, to: backend)
    }
    let precise = backend.inFullPrecision
    let weight = try base.load(name, scale: 1, to: precise)
    do {
      var sum = try weight.reshaped(Shape([shape[0], weight.shape.count / shape[0]]))
      for (file, layer) in additions {
        sum = try Self.add(file, layer, to: sum)
      }
      return try sum.scaled(by: scale).reshaped(weight.shape).on(backend)
    } catch {
      throw WeightsError(.read, additions[0].0.lora.path, name, "could not be added: \(error)")
    }
  }

  /// The product of the two matrices, times their factor, and a weight: `[outputs, inputs]`.
  private static func add(
    _ file: LoRAFile,
    _ layer: LoRAFile.Layer,
    to weight: Tensor
  ) throws(TensorError) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let factor = Float(layer.factor) * file.lora.scale
    let up = file.values(of: layer.up).map { $0 * factor }
    let down = file.values(of: layer.down)
    guard up.count == outputs * layer.rank, down.count == layer.rank * inputs else {
      throw TensorError(.shape, "lora", "a number is too large for float32")
    }
    var columns: [Float] = []
    columns.reserveCapacity(down.count)
    for input in 0..<inputs {
      for row in 0..<layer.rank { columns.append(down[row * inputs + input]) }
    }
    let backend = weight.backend
    let matrix = try backend.prepare(backend.upload(columns, shape: [inputs, layer.rank]))
    return try backend.upload(up, shape: [outputs, layer.rank])
      .linear(matrix, bias: nil, residual: weight)
  }
}

extension Checkpoint {
  /// The denoiser's tensors with LoRAs added.
  ///
  /// - Parameters:
  ///   - loras: The LoRAs.
  ///   - tensors: The denoiser's, as ``tensors(of:remarks:)`` gives them.
  /// - Returns: The tensors, of which only heads were read.
  /// - Throws: `SafetensorsError` for a LoRA that cannot be read; `ConfigurationError`, which names the
  ///   tensor, for one that does not fit.
  package func adding(
    _ loras: [LoRA],
    to tensors: any ComponentTensors
  ) throws -> AdaptedTensors {
    let layers = LoRALayers(tensors, try unetConfiguration())
    return AdaptedTensors(tensors, try loras.map { try LoRAFile($0, tensors, layers) })
  }
}
