// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Which layers the vision tower has.
package struct VisionLayout: Equatable {
  package var layers: Int

  /// What stands before the names of the tower's tensors, which are open_clip's.
  static let prefix = "conditioner.embedders.0.open_clip.model.visual"

  /// The layout that a configuration describes.
  package init(_ configuration: CLIPVisionConfiguration) { layers = configuration.numHiddenLayers }

  /// The layout that a file's names tell.
  package init(names: some Sequence<String>) {
    let start = Self.prefix + ".transformer.resblocks."
    layers =
      Set(
        names.filter { $0.hasPrefix(start) }.map { $0.dropFirst(start.count).prefix { $0 != "." } }
      ).count
  }

  /// The names of all of the tower's tensors.
  package var names: TensorNames {
    var names = TensorNames()
    for (ours, name) in [
      ("embeddings.class_embedding", "class_embedding"),
      ("embeddings.patch_embedding", "conv1"),
      ("embeddings.position_embedding.weight", "positional_embedding"),
      ("pre_layrnorm", "ln_pre"), ("post_layernorm", "ln_post"),
    ] {
      names.add("vision_model.\(ours)", "\(Self.prefix).\(name)")
    }
    names.add("visual_projection.weight", Self.prefix + ".proj", .transposed)
    for layer in 0..<layers {
      names.add(
        "vision_model.encoder.layers.\(layer)",
        "\(Self.prefix).transformer.resblocks.\(layer)",
        BlockNames.vision
      )
    }
    return names
  }
}
