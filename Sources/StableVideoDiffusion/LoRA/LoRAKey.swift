// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork

/// The name of a tensor in a LoRA's file: which layer it is for, in the words of the program that wrote
/// it, and which part of it.
struct LoRAKey {
  enum Part {
    /// `[rank, inputs, …]`, applied first.
    case down
    /// `[outputs, rank, …]`.
    case up
    /// One number, which over the rank is a factor.
    case alpha
  }

  let layer: Substring
  let part: Part

  /// The endings of peft, of kohya's scripts, of diffusers before peft, and of its attention processors.
  private static let endings: [(String, Part)] = [
    (".lora_A.weight", .down), (".lora_B.weight", .up), (".lora_A.default.weight", .down),
    (".lora_B.default.weight", .up), (".lora_down.weight", .down), (".lora_up.weight", .up),
    (".lora.down.weight", .down), (".lora.up.weight", .up), ("_lora.down.weight", .down),
    ("_lora.up.weight", .up), (".lora.alpha", .alpha), ("_lora.alpha", .alpha), (".alpha", .alpha),
  ]

  /// Reads a name; nil for one that no plain LoRA has.
  init?(_ name: String) {
    for (ending, part) in Self.endings where name.hasSuffix(ending) {
      layer = name.dropLast(ending.count)
      self.part = part
      return
    }
    return nil
  }

  /// Whether a tensor is for a model that reads text, of which there is none here.
  static func isForText(_ name: String) -> Bool {
    ["text_encoder.", "text_encoder_2.", "lora_te_", "lora_te1_", "lora_te2_"]
      .contains { name.hasPrefix($0) }
  }

  /// What a person should know of a tensor that is no part of a plain LoRA.
  static func explain(_ name: String) -> String {
    func has(_ words: String...) -> Bool { words.contains { name.contains($0) } }
    if has("dora_scale", "lora_magnitude_vector") {
      return "belongs to a DoRA, which scales what it is added to; only LoRA is supported"
    }
    if has(".hada_", ".lokr_", ".lora_mid", ".oft_", ".diff", ".on_input") {
      return "belongs to an adapter of another kind (LyCORIS has several); only LoRA is supported"
    }
    if name.hasSuffix(".bias") { return "is a bias; only LoRA of weights is supported" }
    return "is no part of a LoRA, as diffusers, peft and kohya's scripts write it"
  }
}

/// The layers of a denoiser by all names that LoRAs have for them.
struct LoRALayers {
  /// What stands before the names, in any order that is known.
  private static let prefixes = [
    "base_model.model.", "unet.", "model.diffusion_model.", "diffusion_model.",
  ]
  private static let kohyaPrefix = "lora_unet_"

  private var weights: [String: String] = [:]
  private var joined: [String: String] = [:]

  /// - Parameters:
  ///   - tensors: The denoiser's.
  ///   - configuration: Tells how Stability's own code calls its layers.
  init(_ tensors: any ComponentTensors, _ configuration: UNetConfiguration) {
    let ending = ".weight"
    let table = UNetLayout(configuration).names
    for name in tensors.names where name.hasSuffix(ending) {
      guard let layout = tensors.layout(of: name), layout.shape.count >= 2 else { continue }
      var names = [String(name.dropLast(ending.count))]
      if let theirs = table.theirs(of: name)?.name {
        names.append(String(theirs.dropFirst(UNetLayout.prefix.count + 1).dropLast(ending.count)))
      }
      for layer in names {
        weights[layer] = name
        joined[layer.replacing(".", with: "_")] = name
      }
    }
  }

  /// The weight that a layer has, by diffusers' name; nil if there is no such layer.
  func weight(of layer: Substring) -> String? {
    if layer.hasPrefix(Self.kohyaPrefix) {
      return joined[String(layer.dropFirst(Self.kohyaPrefix.count))]
    }
    var rest = layer
    for prefix in Self.prefixes where rest.hasPrefix(prefix) { rest = rest.dropFirst(prefix.count) }
    let name = rest.replacing(".processor.", with: ".")
    // Attention processors leave the number of the list's only layer out.
    return weights[String(name)] ?? weights[name + ".0"]
  }
}
