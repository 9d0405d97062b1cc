// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Which blocks the autoencoder has, and where a file keeps its encoder.
package struct VAELayout: Equatable {
  /// How many levels there are.
  package var levels: Int
  /// Residual blocks of each level of the encoder; the decoder has one more.
  package var layers: Int
  /// Whether the decoder looks along time.
  package var isTemporal: Bool
  /// What stands before `encoder` and `quant_conv` in the names of the encoder's tensors.
  ///
  /// The pictures that a clip is made of are encoded by the conditioner's copy. A file without that has
  /// the first stage's, which keeps `quant_conv` folded into `encoder.conv_out`.
  var encoderPrefix = Self.conditioner

  /// The autoencoder that clips are decoded by.
  static let firstStage = "first_stage_model"
  /// The one that pictures are encoded by.
  static let conditioner = "conditioner.embedders.3.encoder"

  /// The layout that a configuration describes.
  package init(_ configuration: VAEConfiguration) {
    levels = configuration.blockOutChannels.count
    layers = configuration.layersPerBlock
    isTemporal = configuration.isTemporal
  }

  /// The layout that a file's names tell.
  package init(names: some Collection<String>) {
    encoderPrefix = Self.encoderPrefix(names: names)
    let encoder = encoderPrefix + ".encoder.down."
    levels = 0
    layers = 0
    for name in names where name.hasPrefix(encoder) {
      let words = name.dropFirst(encoder.count).split(separator: ".")
      // The limits are those of a configuration.
      guard let level = words.first.flatMap({ Int($0) }), (0..<8).contains(level) else { continue }
      levels = max(levels, level + 1)
      if words.count > 2, words[1] == "block", let layer = Int(words[2]), (0..<64).contains(layer) {
        layers = max(layers, layer + 1)
      }
    }
    let decoder = Self.firstStage + ".decoder."
    isTemporal = names.contains { name in
      name.hasPrefix(decoder) && (name.contains(".time_stack.") || name.contains(".time_mix_conv."))
    }
  }

  /// Where a file with these names keeps the encoder.
  static func encoderPrefix(names: some Sequence<String>) -> String {
    names.contains { $0.hasPrefix(conditioner + ".encoder.") } ? conditioner : firstStage
  }

  /// The names of all of the autoencoder's tensors.
  package var names: TensorNames {
    var names = TensorNames()
    addEncoder(to: &names, encoderPrefix)
    addDecoder(to: &names)
    return names
  }

  /// The names of the encoder's tensors under another prefix.
  func encoderNames(_ prefix: String) -> TensorNames {
    var names = TensorNames()
    addEncoder(to: &names, prefix)
    return names
  }

  private func addEncoder(to names: inout TensorNames, _ prefix: String) {
    names.add("quant_conv", prefix + ".quant_conv")
    let theirs = prefix + ".encoder"
    for (ours, name) in [
      ("conv_in", "conv_in"), ("conv_norm_out", "norm_out"), ("conv_out", "conv_out"),
    ] {
      names.add("encoder.\(ours)", "\(theirs).\(name)")
    }
    for level in 0..<levels {
      let (ours, name) = ("encoder.down_blocks.\(level)", "\(theirs).down.\(level)")
      for layer in 0..<layers {
        names.add("\(ours).resnets.\(layer)", "\(name).block.\(layer)", BlockNames.picture)
      }
      names.add("\(ours).downsamplers.0.conv", "\(name).downsample.conv")
    }
    addMiddle(to: &names, "encoder", theirs, blocks: 2, BlockNames.picture)
  }

  private func addDecoder(to names: inout TensorNames) {
    let theirs = Self.firstStage + ".decoder"
    let block = isTemporal ? BlockNames.temporalPicture : BlockNames.picture
    for (ours, name) in [
      ("conv_in", "conv_in"), ("conv_norm_out", "norm_out"), ("conv_out", "conv_out"),
    ] {
      names.add("decoder.\(ours)", "\(theirs).\(name)")
    }
    if isTemporal {
      names.add("decoder.time_conv_out", "\(theirs).conv_out.time_mix_conv")
    } else {
      names.add("post_quant_conv", Self.firstStage + ".post_quant_conv")
    }
    for level in 0..<levels {
      // The file counts the decoder's levels from the finest, as the encoder's.
      let (ours, name) = ("decoder.up_blocks.\(level)", "\(theirs).up.\(levels - 1 - level)")
      for layer in 0...layers {
        names.add("\(ours).resnets.\(layer)", "\(name).block.\(layer)", block)
      }
      names.add("\(ours).upsamplers.0.conv", "\(name).upsample.conv")
    }
    addMiddle(to: &names, "decoder", theirs, blocks: isTemporal ? layers : 2, block)
  }

  private func addMiddle(
    to names: inout TensorNames,
    _ ours: String,
    _ theirs: String,
    blocks: Int,
    _ block: [BlockName]
  ) {
    for index in 0..<blocks {
      names.add("\(ours).mid_block.resnets.\(index)", "\(theirs).mid.block_\(index + 1)", block)
    }
    names.add("\(ours).mid_block.attentions.0", "\(theirs).mid.attn_1", BlockNames.pictureAttention)
  }
}
