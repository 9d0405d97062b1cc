// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The configuration of a single-file checkpoint that carries none: what its tensors' sizes tell, and for
/// the rest what all published models have in common.
struct InferredConfiguration {
  /// The file.
  let path: String

  /// The denoiser's `config.json`.
  ///
  /// - Throws: ``ConfigurationError`` that names a tensor which is missing or has sizes of another model.
  func unet(
    _ layout: UNetLayout,
    _ tensors: SingleFileTensors,
    frames: Int
  ) throws(ConfigurationError) -> String {
    var channels: [Int] = []
    for level in layout.down.indices {
      let name = "down_blocks.\(level).resnets.0.spatial_res_block.conv1.weight"
      let size = try shape(name, rank: 4, tensors)[0]
      // All published models have heads of 64 channels; no tensor tells their number.
      guard size % 64 == 0, size > 0 else {
        throw ConfigurationError(
          path,
          tensors.title(of: name),
          "has \(size) channels, which heads of 64 do not divide: not a published model, and the file "
            + "carries no configuration"
        )
      }
      channels.append(size)
    }
    let middle = "mid_block.attentions.0.transformer_blocks."
    let context = try shape(middle + "0.attn2.to_k.weight", rank: 2, tensors)[1]
    let transformers = Set(
      tensors.names.filter { $0.hasPrefix(middle) }
        .map { $0.dropFirst(middle.count).prefix { $0 != "." } }
    ).count
    let ids = "add_embedding.linear_1.weight"
    let idSize = try shape(ids, rank: 2, tensors)[1]
    guard idSize % 6 == 0, idSize > 0 else {
      throw ConfigurationError(
        path,
        tensors.title(of: ids),
        "takes \(idSize) numbers, which are not those of rate, motion and noise: a model of another kind"
      )
    }
    func types(_ levels: [UNetLayout.Level], _ direction: String) -> [String] {
      levels.map { ($0.hasAttention ? "CrossAttn" : "") + direction + "BlockSpatioTemporal" }
    }
    return """
      {
        "_class_name": "UNetSpatioTemporalConditionModel",
        "addition_time_embed_dim": \(idSize / 3),
        "block_out_channels": \(channels),
        "cross_attention_dim": \(context),
        "down_block_types": \(types(layout.down, "Down")),
        "in_channels": \(try shape("conv_in.weight", rank: 4, tensors)[1]),
        "layers_per_block": \(layout.down.map(\.blocks)),
        "num_attention_heads": \(channels.map { $0 / 64 }),
        "num_frames": \(frames),
        "out_channels": \(try shape("conv_out.weight", rank: 4, tensors)[0]),
        "projection_class_embeddings_input_dim": \(idSize),
        "sample_size": 96,
        "transformer_layers_per_block": \(max(transformers, 1)),
        "up_block_types": \(types(layout.up, "Up"))
      }

      """
  }

  /// The autoencoder's `config.json`.
  ///
  /// - Throws: ``ConfigurationError`` that names a tensor which is missing.
  func vae(_ layout: VAELayout, _ tensors: SingleFileTensors) throws(ConfigurationError) -> String {
    var channels: [Int] = []
    for level in 0..<layout.levels {
      let name = "encoder.down_blocks.\(level).resnets.0.conv1.weight"
      channels.append(try shape(name, rank: 4, tensors)[0])
    }
    func types(_ name: String) -> [String] { [String](repeating: name, count: layout.levels) }
    let upward =
      layout.isTemporal ? "" : "\n  \"up_block_types\": \(types("UpDecoderBlock2D")),"
    return """
      {
        "_class_name": "\(layout.isTemporal ? "AutoencoderKLTemporalDecoder" : "AutoencoderKL")",
        "block_out_channels": \(channels),
        "down_block_types": \(types("DownEncoderBlock2D")),
        "force_upcast": true,
        "in_channels": 3,
        "latent_channels": \(try shape("decoder.conv_in.weight", rank: 4, tensors)[1]),
        "layers_per_block": \(layout.layers),
        "out_channels": 3,
        "sample_size": 768,
        "scaling_factor": 0.18215\(upward.isEmpty ? "" : ",")\(upward.dropLast())
      }

      """
  }

  /// The image encoder's `config.json`.
  ///
  /// - Throws: ``ConfigurationError`` that names a tensor which is missing, or whose size is no published
  ///   model's.
  func imageEncoder(
    _ layout: VisionLayout,
    _ tensors: SingleFileTensors
  ) throws(ConfigurationError) -> String {
    let embedding = "vision_model.embeddings.class_embedding"
    let size = try shape(embedding, rank: 1, tensors)[0]
    // The towers of open_clip; no tensor tells the number of their heads.
    guard let heads = [768: 12, 1024: 16, 1280: 16, 1408: 16, 1664: 16][size] else {
      throw ConfigurationError(
        path,
        tensors.title(of: embedding),
        "has \(size) numbers: not a published image encoder, and the file carries no configuration"
      )
    }
    let inner = try shape("vision_model.encoder.layers.0.mlp.fc1.weight", rank: 2, tensors)[0]
    let patch = try shape("vision_model.embeddings.patch_embedding.weight", rank: 4, tensors)[3]
    return """
      {
        "architectures": ["CLIPVisionModelWithProjection"],
        "hidden_act": "gelu",
        "hidden_size": \(size),
        "image_size": 224,
        "intermediate_size": \(inner),
        "layer_norm_eps": 1e-05,
        "model_type": "clip_vision_model",
        "num_attention_heads": \(heads),
        "num_channels": 3,
        "num_hidden_layers": \(layout.layers),
        "patch_size": \(patch),
        "projection_dim": \(try shape("visual_projection.weight", rank: 2, tensors)[0])
      }

      """
  }

  /// The frames that a model of this file's name was trained for, which its tensors do not tell; nil where
  /// the name does not tell either.
  static func frames(path: String) -> Int? {
    let name = path.split(separator: "/").last?.lowercased() ?? ""
    guard name.contains("svd") else { return nil }
    return name.contains("xt") ? 25 : 14
  }

  private func shape(
    _ name: String,
    rank: Int,
    _ tensors: SingleFileTensors
  ) throws(ConfigurationError) -> [Int] {
    guard let shape = tensors.layout(of: name)?.shape else {
      throw ConfigurationError(path, tensors.title(of: name), "is missing")
    }
    guard shape.count == rank else {
      throw ConfigurationError(
        path,
        tensors.title(of: name),
        "has the sizes \(shape), where there should be \(rank)"
      )
    }
    return shape
  }
}
