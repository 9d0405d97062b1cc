// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// The configurations of the published model, for measuring it without its weights.
public enum FullConfiguration {
  /// Writes the configuration files of a model.
  ///
  /// - Parameters:
  ///   - frames: Frames that the model is trained for: 25 for SVD-XT, 14 for SVD.
  ///   - folder: Where to; made if it does not exist.
  /// - Throws: `ConfigurationError` if a file cannot be written.
  public static func write(frames: Int, to folder: String) throws(ConfigurationError) {
    var files = TinyConfiguration.files
    files["zoetrope.json"] = nil
    files["image_encoder/config.json"] = """
      {
        "hidden_act": "gelu",
        "hidden_size": 1280,
        "image_size": 224,
        "intermediate_size": 5120,
        "layer_norm_eps": 1e-05,
        "num_attention_heads": 16,
        "num_hidden_layers": 32,
        "patch_size": 14,
        "projection_dim": 1024
      }

      """
    files["unet/config.json"] = """
      {
        "addition_time_embed_dim": 256,
        "block_out_channels": [320, 640, 1280, 1280],
        "cross_attention_dim": 1024,
        "down_block_types": ["CrossAttnDownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"],
        "in_channels": 8,
        "layers_per_block": 2,
        "num_attention_heads": [5, 10, 20, 20],
        "num_frames": \(frames),
        "out_channels": 4,
        "projection_class_embeddings_input_dim": 768,
        "sample_size": 96,
        "transformer_layers_per_block": 1,
        "up_block_types": ["UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"]
      }

      """
    files["vae/config.json"] = """
      {
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "force_upcast": true,
        "in_channels": 3,
        "latent_channels": 4,
        "layers_per_block": 2,
        "out_channels": 3,
        "scaling_factor": 0.18215
      }

      """
    try write(files, to: folder)
  }

  /// Writes configuration files to their places in a folder, which is made.
  static func write(_ files: [String: String], to folder: String) throws(ConfigurationError) {
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let path = folder + "/" + name
      do {
        try FileManager.default.createDirectory(
          atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]),
          withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: URL(filePath: path))
      } catch { throw ConfigurationError(path, nil, "cannot be written: \(error)") }
    }
  }
}
