// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Which blocks the denoiser has: what its tensors' names depend on.
package struct UNetLayout: Equatable {
  /// Blocks of one resolution.
  package struct Level: Equatable {
    package var blocks = 0
    package var hasAttention = false
  }

  /// The levels on the way down, finest first.
  package var down: [Level]
  /// The levels on the way up, coarsest first.
  package var up: [Level]

  /// What stands before the names of the denoiser's tensors.
  static let prefix = "model.diffusion_model"

  /// The layout that a configuration describes.
  package init(_ configuration: UNetConfiguration) {
    down = zip(configuration.layersPerBlock, configuration.downAttention).map { layers, attention in
      Level(blocks: layers, hasAttention: attention)
    }
    up = zip(configuration.layersPerBlock.reversed(), configuration.upAttention).map {
      layers,
      attention in
      Level(blocks: layers + 1, hasAttention: attention)
    }
  }

  /// The layout that a file's names tell.
  ///
  /// Any tensor of a block is a sign of it, so that one that is missing is missed, and not its block.
  package init(names: some Sequence<String>) {
    /// The first words behind each place of each block.
    var blocks: [String: [Int: [Int: Set<Substring>]]] = [:]
    for name in names where name.hasPrefix(Self.prefix + ".") {
      let words = name.dropFirst(Self.prefix.count + 1).split(separator: ".", maxSplits: 4)
      guard words.count >= 4, let block = Int(words[1]), let place = Int(words[2]) else { continue }
      blocks[String(words[0]), default: [:]][block, default: [:]][place, default: []]
        .insert(words[3])
    }
    var level = Level()
    down = []
    let input = blocks["input_blocks"] ?? [:]
    for index in input.keys.sorted() where index > 0 {
      guard let places = input[index] else { continue }
      if places[0]?.contains("op") == true {
        down.append(level)
        level = Level()
      } else {
        level.blocks += 1
        level.hasAttention = level.hasAttention || places[1] != nil
      }
    }
    down.append(level)
    level = Level()
    up = []
    let output = blocks["output_blocks"] ?? [:]
    for index in output.keys.sorted() {
      guard let places = output[index] else { continue }
      level.blocks += 1
      level.hasAttention = level.hasAttention || places[1]?.contains("norm") == true
      if places[1]?.contains("conv") == true || places[2] != nil {
        up.append(level)
        level = Level()
      }
    }
    up.append(level)
  }

  /// The names of all of the denoiser's tensors.
  package var names: TensorNames {
    var names = TensorNames()
    func theirs(_ name: String) -> String { "\(Self.prefix).\(name)" }
    for (ours, name) in [
      ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
      ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
      ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
    ] {
      names.add(ours, theirs(name))
    }
    for (ours, name, block) in [
      ("resnets.0", "0", BlockNames.spatioTemporalResidual),
      ("attentions.0", "1", BlockNames.transformer),
      ("resnets.1", "2", BlockNames.spatioTemporalResidual),
    ] {
      names.add("mid_block.\(ours)", theirs("middle_block.\(name)"), block)
    }
    /// Names one block; the places in it are counted.
    func add(_ ours: String, _ layer: Int, _ name: String, _ level: Level) {
      names.add(
        "\(ours).resnets.\(layer)",
        theirs("\(name).0"),
        BlockNames.spatioTemporalResidual
      )
      if level.hasAttention {
        names.add("\(ours).attentions.\(layer)", theirs("\(name).1"), BlockNames.transformer)
      }
    }
    var index = 1
    for (number, level) in down.enumerated() {
      for layer in 0..<level.blocks {
        add("down_blocks.\(number)", layer, "input_blocks.\(index)", level)
        index += 1
      }
      if number < down.count - 1 {
        names.add("down_blocks.\(number).downsamplers.0.conv", theirs("input_blocks.\(index).0.op"))
        index += 1
      }
    }
    index = 0
    for (number, level) in up.enumerated() {
      for layer in 0..<level.blocks {
        add("up_blocks.\(number)", layer, "output_blocks.\(index)", level)
        index += 1
      }
      if number < up.count - 1 {
        // It follows the last block of its level, in the same list.
        let place = level.hasAttention ? 2 : 1
        names.add(
          "up_blocks.\(number).upsamplers.0.conv",
          theirs("output_blocks.\(index - 1).\(place).conv")
        )
      }
    }
    return names
  }
}
