// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import NeuralNetwork
package import Safetensors

/// A part of a model that has weights; the raw value is its folder's name in diffusers' layout.
package enum ModelComponent: String, Sendable, CaseIterable {
  case imageEncoder = "image_encoder"
  case vae
  case unet

  /// What the names of its weight files begin with.
  package var stem: String { self == .imageEncoder ? "model" : "diffusion_pytorch_model" }
  /// Its configuration's place in the model's folder.
  package var configuration: String { rawValue + "/config.json" }
}

/// The kind and the sizes of a stored tensor.
package struct TensorLayout: Sendable, Equatable {
  /// The kind of its elements.
  package let elementType: ElementType
  /// Its sizes, outermost first.
  package let shape: [Int]

  /// The size of the whole tensor in bytes.
  package var byteCount: Int { shape.reduce(elementType.byteCount, *) }
}

/// The tensors of one component by the names that diffusers gives them, wherever their bytes lie.
package protocol ComponentTensors: WeightSource {
  /// The tensors' size in bytes, together.
  var totalByteCount: Int { get }

  /// The kind and the sizes of a tensor; nil if there is none of that name.
  func layout(of name: String) -> TensorLayout?

  /// Calls `body` with the bytes of a tensor, little endian and row-major.
  ///
  /// - Returns: What `body` returns, or nil, without calling it, if there is no such tensor.
  /// - Throws: What `body` throws, and nothing else.
  func withBytes<Result, Failure: Error>(
    of name: String,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result?

  /// Gives back the memory that a tensor's pages take.
  func discardPages(of name: String)
}

extension SafetensorsCheckpoint: ComponentTensors {
  package func layout(of name: String) -> TensorLayout? {
    entry(name).map { TensorLayout(elementType: $0.elementType, shape: $0.shape) }
  }
}
