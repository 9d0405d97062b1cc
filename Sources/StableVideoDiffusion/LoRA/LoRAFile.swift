// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors

/// A LoRA's file, held to the denoiser that it is added to.
///
/// Of each layer there are two matrices; their product, times a factor, is added to the layer's weight.
package struct LoRAFile: Sendable {
  /// What is added to one weight.
  struct Layer: Sendable {
    /// The names of its tensors in the file.
    let down, up: String
    let rank: Int
    /// Without the scale that a person asks for.
    let factor: Double
  }

  /// Which file it is, and how strongly it is added.
  package let lora: LoRA
  /// What a person should know, as that tensors are not used.
  package private(set) var remarks: [String] = []
  let file: SafetensorsFile
  /// By the names of the weights in diffusers.
  private(set) var layers: [String: Layer] = [:]

  /// How many layers it is added to.
  package var layerCount: Int { layers.count }
  /// The ranks that there are, rising.
  package var ranks: [Int] { Set(layers.values.map(\.rank)).sorted() }

  /// Reads the file's head, and the few numbers that are no matrices.
  ///
  /// - Parameters:
  ///   - lora: Which file, and how strongly it is added.
  ///   - tensors: The denoiser's.
  ///   - names: Its layers.
  /// - Throws: `SafetensorsError` if the file cannot be read; ``ConfigurationError``, which names the
  ///   tensor, for one that fits no layer, that lacks its other half, or is of other sizes.
  init(_ lora: LoRA, _ tensors: any ComponentTensors, _ names: LoRALayers) throws {
    self.lora = lora
    file = try SafetensorsFile(path: lora.path)
    var parts: [String: [LoRAKey.Part: String]] = [:]
    var isForText = 0
    for name in file.names.sorted() {
      guard !LoRAKey.isForText(name) else {
        isForText += 1
        continue
      }
      guard let key = LoRAKey(name) else { throw refusal(name, LoRAKey.explain(name)) }
      guard let weight = names.weight(of: key.layer) else {
        throw refusal(name, "is for a layer that this model's denoiser does not have")
      }
      if let other = parts[weight, default: [:]].updateValue(name, forKey: key.part) {
        throw refusal(name, "is for the same layer as \(other)")
      }
    }
    guard !parts.isEmpty else {
      throw ConfigurationError(
        lora.path,
        nil,
        isForText > 0
          ? "is for a model that reads text, of which there is none here" : "holds no tensors"
      )
    }
    if isForText > 0 {
      remarks.append(
        "\(lora.path): \(isForText) tensors are for a model that reads text, and are not used"
      )
    }
    let factors = try Self.factors(of: file)
    for (weight, parts) in parts.sorted(by: { $0.key < $1.key }) {
      layers[weight] = try layer(weight, parts, tensors, factors)
    }
  }

  private func layer(
    _ weight: String,
    _ parts: [LoRAKey.Part: String],
    _ tensors: any ComponentTensors,
    _ factors: LoRAFactors
  ) throws(ConfigurationError) -> Layer {
    guard let down = parts[.down], let up = parts[.up] else {
      let half = parts[.down] ?? parts[.up] ?? parts[.alpha] ?? weight
      throw refusal(half, "lacks \(parts[.down] == nil ? "its first" : "its second") matrix")
    }
    for name in [down, up] where file.entries[name]?.elementType.isFloatingPoint != true {
      throw refusal(name, "does not hold floating-point numbers")
    }
    let whole = tensors.layout(of: weight)?.shape ?? []
    let (first, second) = (shape(down), shape(up))
    let rank = first.first ?? 0
    guard rank > 0, Self.trimmed(first.dropFirst()) == Self.trimmed(whole.dropFirst()) else {
      throw refusal(
        down,
        "has the sizes \(first); the layer takes \([Int](whole.dropFirst())) behind the rank"
      )
    }
    guard Self.trimmed(second[...]) == Self.trimmed([whole[0], rank][...]) else {
      throw refusal(up, "has the sizes \(second), where \([whole[0], rank]) are needed")
    }
    var factor = factors.factor(of: String(weight.dropLast(".weight".count)), rank: rank)
    if let name = parts[.alpha] {
      let values = values(of: name)
      guard values.count == 1 else { throw refusal(name, "is not one floating-point number") }
      factor = Double(values[0]) / Double(rank)
    }
    guard factor.isFinite else {
      throw refusal(parts[.alpha] ?? down, "has a factor that is not finite")
    }
    return Layer(down: down, up: up, rank: rank, factor: factor)
  }

  /// What peft's settings say, in the file's head as diffusers writes them, or in a file beside it.
  private static func factors(of file: SafetensorsFile) throws(ConfigurationError) -> LoRAFactors {
    let key = "lora_adapter_metadata"
    if let text = file.metadata[key] {
      return try LoRAFactors(text, path: "\(file.path) (\(key))", prefix: "unet.")
    }
    let url = URL(filePath: file.path)
    guard url.lastPathComponent == LoRA.peftName else { return LoRAFactors() }
    let settings = ConfigurationFile(
      path: url.deletingLastPathComponent().appending(path: "adapter_config.json").path
    )
    return try LoRAFactors(
      String(decoding: try settings.data(), as: UTF8.self),
      path: settings.path,
      prefix: ""
    )
  }

  private func shape(_ name: String) -> [Int] { file.entries[name]?.shape ?? [] }

  /// Sizes without the ones at the end: a convolution of one pixel is a matrix.
  private static func trimmed(_ shape: ArraySlice<Int>) -> [Int] {
    var shape = shape
    while shape.last == 1 { shape.removeLast() }
    return Array(shape)
  }

  /// A tensor's numbers; none if it is not of floating-point numbers.
  func values(of name: String) -> [Float] {
    guard let entry = file.entries[name], entry.elementType.isFloatingPoint else { return [] }
    let values = unsafe file.withBytes(of: name) { bytes in
      let bytes = unsafe entry.elementType.convert(bytes, to: .float32) ?? []
      return unsafe bytes.withUnsafeBytes { bytes in
        (0..<entry.elementCount).map {
          unsafe bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
        }
      }
    }
    file.discardPages(of: name)
    return values ?? []
  }

  private func refusal(_ tensor: String, _ message: String) -> ConfigurationError {
    ConfigurationError(lora.path, tensor, message)
  }
}
