// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The JSON files of the tiny checkpoint.
enum TinyConfiguration {
  static let files = [
    "feature_extractor/preprocessor_config.json": """
    {
      "crop_size": {"height": 224, "width": 224},
      "do_center_crop": true,
      "do_convert_rgb": true,
      "do_normalize": true,
      "do_rescale": true,
      "do_resize": true,
      "image_mean": [0.48145466, 0.4578275, 0.40821073],
      "image_processor_type": "CLIPImageProcessor",
      "image_std": [0.26862954, 0.26130258, 0.27577711],
      "resample": 3,
      "rescale_factor": 0.00392156862745098,
      "size": {"shortest_edge": 224}
    }

    """,
    "image_encoder/config.json": """
    {
      "architectures": ["CLIPVisionModelWithProjection"],
      "attention_dropout": 0.0,
      "hidden_act": "gelu",
      "hidden_size": 32,
      "image_size": 224,
      "initializer_factor": 1.0,
      "initializer_range": 0.02,
      "intermediate_size": 64,
      "layer_norm_eps": 1e-05,
      "model_type": "clip_vision_model",
      "num_attention_heads": 4,
      "num_channels": 3,
      "num_hidden_layers": 2,
      "patch_size": 14,
      "projection_dim": 32
    }

    """,
    "model_index.json": """
    {
      "_class_name": "StableVideoDiffusionPipeline",
      "feature_extractor": ["transformers", "CLIPImageProcessor"],
      "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
      "scheduler": ["diffusers", "EulerDiscreteScheduler"],
      "unet": ["diffusers", "UNetSpatioTemporalConditionModel"],
      "vae": ["diffusers", "AutoencoderKLTemporalDecoder"]
    }

    """,
    "scheduler/scheduler_config.json": """
    {
      "_class_name": "EulerDiscreteScheduler",
      "beta_end": 0.012,
      "beta_schedule": "scaled_linear",
      "beta_start": 0.00085,
      "clip_sample": false,
      "final_sigmas_type": "zero",
      "interpolation_type": "linear",
      "num_train_timesteps": 1000,
      "prediction_type": "v_prediction",
      "rescale_betas_zero_snr": false,
      "set_alpha_to_one": false,
      "sigma_max": 700.0,
      "sigma_min": 0.002,
      "skip_prk_steps": true,
      "steps_offset": 1,
      "timestep_spacing": "leading",
      "timestep_type": "continuous",
      "trained_betas": null,
      "use_beta_sigmas": false,
      "use_exponential_sigmas": false,
      "use_karras_sigmas": true
    }

    """,
    "unet/config.json": """
    {
      "_class_name": "UNetSpatioTemporalConditionModel",
      "addition_time_embed_dim": 16,
      "block_out_channels": [32, 32, 32],
      "cross_attention_dim": 32,
      "down_block_types": ["CrossAttnDownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"],
      "in_channels": 8,
      "layers_per_block": [2, 1, 1],
      "num_attention_heads": [2, 4, 4],
      "num_frames": 4,
      "out_channels": 4,
      "projection_class_embeddings_input_dim": 48,
      "sample_size": 96,
      "transformer_layers_per_block": 1,
      "up_block_types": ["UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"]
    }

    """,
    "vae/config.json": """
    {
      "_class_name": "AutoencoderKLTemporalDecoder",
      "block_out_channels": [32, 32, 32, 32],
      "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
      "force_upcast": true,
      "in_channels": 3,
      "latent_channels": 4,
      "layers_per_block": 2,
      "out_channels": 3,
      "sample_size": 768,
      "scaling_factor": 0.18215
    }

    """,
    "zoetrope.json": """
    {
      "height": 144,
      "width": 256
    }

    """,
  ]
}
