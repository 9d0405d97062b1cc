// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors
public import TensorCore

/// A checkpoint in the real layout with random weights, small enough to run anywhere in seconds.
///
/// Its clips are coloured noise. It is there so that everything can be tried before any weights exist.
public enum TinyCheckpoint {
  /// Writes a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: Where to; made if it does not exist, and must not hold a checkpoint yet.
  ///   - seed: Another seed makes other weights.
  ///   - backend: Builds the models once, so that what is written is known to load.
  /// - Throws: `ConfigurationError` if there is a checkpoint already or a file cannot be written,
  ///   `SafetensorsError`, or `WeightsError`.
  public static func write(to folder: String, seed: UInt64 = 1001, backend: any Backend) throws {
    let files = FileManager.default
    guard !files.fileExists(atPath: folder + "/model_index.json") else {
      throw ConfigurationError(folder, nil, "already holds a checkpoint")
    }
    try FullConfiguration.write(TinyConfiguration.files, to: folder)
    try component("unet", "diffusion_pytorch_model", folder, seed, backend) { weights, path in
      _ = try UNetSpatioTemporalConditionModel(weights, UNetConfiguration(path: path))
    }
    try component("vae", "diffusion_pytorch_model", folder, seed, backend) { weights, path in
      _ = try AutoencoderKLTemporalDecoder(weights, VAEConfiguration(path: path))
    }
    try component("image_encoder", "model", folder, seed, backend) { weights, path in
      _ = try CLIPVisionModel(weights, CLIPVisionConfiguration(path: path))
    }
  }

  private static func component(
    _ name: String,
    _ stem: String,
    _ folder: String,
    _ seed: UInt64,
    _ backend: any Backend,
    build: (Weights, _ configuration: String) throws -> Void
  ) throws {
    let source = FormulaWeights(component: name, seed: seed)
    let place = folder + "/" + name
    try build(Weights(source, backend: backend, place: place), place + "/config.json")
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for (name, shape) in source.tensors {
      let bytes = source.elements(name, shape).flatMap { value in
        unsafe withUnsafeBytes(of: value.bitPattern.littleEndian) { unsafe [UInt8]($0) }
      }
      try writer.add(name, elementType: .float16, shape: shape.dimensions, bytes: bytes)
    }
    try writer.write(toFolder: place, stem: stem)
  }
}
