// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A pair of names inside a block.
struct BlockName {
  let ours: String
  let theirs: String
  let form: TensorForm

  init(_ ours: String, _ theirs: String, _ form: TensorForm = .same) {
    self.ours = ours
    self.theirs = theirs
    self.form = form
  }
}

/// The names inside the blocks that the models are built of.
enum BlockNames {
  /// The denoiser's residual block: one over space, one over time, and what mixes them.
  static let spatioTemporalResidual =
    residual.map { BlockName("spatial_res_block.\($0.ours)", $0.theirs) }
    + residual.map { BlockName("temporal_res_block.\($0.ours)", "time_stack.\($0.theirs)") }
    + [BlockName("time_mixer", "time_mixer")]

  /// A residual block as the denoiser's code numbers its layers.
  private static let residual = [
    BlockName("norm1", "in_layers.0"), BlockName("conv1", "in_layers.2"),
    BlockName("time_emb_proj", "emb_layers.1"), BlockName("norm2", "out_layers.0"),
    BlockName("conv2", "out_layers.3"), BlockName("conv_shortcut", "skip_connection"),
  ]

  /// The denoiser's attention, over space and over time.
  static let transformer = [
    BlockName("norm", "norm"), BlockName("proj_in", "proj_in"), BlockName("proj_out", "proj_out"),
    BlockName("transformer_blocks", "transformer_blocks"),
    BlockName("temporal_transformer_blocks", "time_stack"),
    BlockName("time_pos_embed.linear_1", "time_pos_embed.0"),
    BlockName("time_pos_embed.linear_2", "time_pos_embed.2"),
    BlockName("time_mixer", "time_mixer"),
  ]

  /// The autoencoder's residual block.
  static let picture = [
    BlockName("norm1", "norm1"), BlockName("conv1", "conv1"), BlockName("norm2", "norm2"),
    BlockName("conv2", "conv2"), BlockName("conv_shortcut", "nin_shortcut"),
  ]

  /// The residual block of the autoencoder's temporal decoder.
  static let temporalPicture =
    picture.map { BlockName("spatial_res_block.\($0.ours)", $0.theirs) }
    + residual.map { BlockName("temporal_res_block.\($0.ours)", "time_stack.\($0.theirs)") }
    + [BlockName("time_mixer.mix_factor", "mix_factor")]

  /// The autoencoder's attention, whose projections are kept as convolutions of one pixel.
  static let pictureAttention = [
    BlockName("group_norm", "norm"), BlockName("to_q", "q", .matrix),
    BlockName("to_k", "k", .matrix),
    BlockName("to_v", "v", .matrix), BlockName("to_out.0", "proj_out", .matrix),
  ]

  /// A layer of the vision tower, which keeps queries, keys and values in one tensor.
  static let vision =
    [
      BlockName("layer_norm1", "ln_1"), BlockName("layer_norm2", "ln_2"),
      BlockName("mlp.fc1", "mlp.c_fc"), BlockName("mlp.fc2", "mlp.c_proj"),
      BlockName("self_attn.out_proj", "attn.out_proj"),
    ]
    + ["weight", "bias"].flatMap { kind in
      ["q", "k", "v"].enumerated().map { index, letter in
        BlockName("self_attn.\(letter)_proj.\(kind)", "attn.in_proj_\(kind)", .third(index))
      }
    }
}
