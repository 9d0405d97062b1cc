// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Crypto
internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors

/// The hash that tells one checkpoint from another.
struct CheckpointDigest {
  private var hash = SHA256()

  /// How much of each tensor is looked at: training changes all of it.
  private static let prefix = 4096

  /// Takes in a word, and where it ends.
  mutating func add(_ word: String) {
    hash.update(data: Array(word.utf8) + [0])
  }

  /// Takes in a component's tensors, by their names' order.
  mutating func add(_ component: String, _ tensors: any ComponentTensors) {
    add(component)
    for name in tensors.names.sorted() {
      guard let layout = tensors.layout(of: name) else { continue }
      add("\(name) \(layout.elementType.rawValue) \(layout.shape)")
      let start = unsafe tensors.withBytes(of: name) { unsafe Array($0.prefix(Self.prefix)) }
      hash.update(data: start ?? [])
    }
  }

  /// Takes in a LoRA, and how strongly it is added.
  mutating func add(_ lora: LoRAFile) {
    add("lora \(lora.lora.scale)")
    for (weight, layer) in lora.layers.sorted(by: { $0.key < $1.key }) {
      add("\(weight) \(layer.rank) \(layer.factor)")
      for name in [layer.down, layer.up] {
        let start = unsafe lora.file.withBytes(of: name) { unsafe Array($0.prefix(Self.prefix)) }
        hash.update(data: start ?? [])
      }
    }
  }

  /// Takes in the configuration files and gives the hash.
  consuming func finished(_ checkpoint: Checkpoint) -> String {
    for file in [
      "unet/config.json", "vae/config.json", "image_encoder/config.json",
      "scheduler/scheduler_config.json", "feature_extractor/preprocessor_config.json",
    ] {
      add(file)
      hash.update(data: (try? checkpoint.configuration(file).data()) ?? Data())
    }
    return finished()
  }

  /// Gives the hash of what was taken in.
  consuming func finished() -> String {
    hash.finalize().map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
