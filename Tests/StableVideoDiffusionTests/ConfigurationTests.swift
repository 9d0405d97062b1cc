// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore
internal import TensorTesting
import Testing

@Suite struct ConfigurationTests {
  enum File: String, Sendable {
    case unet, vae, clip, image, scheduler

    /// Reads a file of this kind.
    func read(_ path: String) throws {
      switch self {
      case .unet: _ = try UNetConfiguration(path: path)
      case .vae: _ = try VAEConfiguration(path: path)
      case .clip: _ = try CLIPVisionConfiguration(path: path)
      case .image: _ = try CLIPImageConfiguration(path: path)
      case .scheduler: _ = try EulerDiscreteScheduler(path: path)
      }
    }

    /// What the file holds besides the key under test.
    var others: [String: String] {
      switch self {
      case .scheduler:
        [
          "prediction_type": "\"v_prediction\"", "timestep_type": "\"continuous\"",
          "use_karras_sigmas": "true", "sigma_min": "0.002", "sigma_max": "700",
          "timestep_spacing": "\"leading\"", "final_sigmas_type": "\"zero\"",
        ]
      default: [:]
      }
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let file: File
    let key: String
    /// JSON.
    let value: String
    /// The key that the error names, if it is not `key` itself.
    var named: String?

    var testDescription: String { "\(file.rawValue): \(key): \(value)" }

    init(_ file: File, _ key: String, _ value: String, named: String? = nil) {
      self.file = file
      self.key = key
      self.value = value
      self.named = named
    }
  }

  static let unet: [Case] = [
    Case(.unet, "block_out_channels", "[]"), Case(.unet, "block_out_channels", "[320, 0, 64, 32]"),
    Case(.unet, "block_out_channels", "[320, 640, 1280, 1290]"),
    Case(.unet, "block_out_channels", "\"many\""), Case(.unet, "block_out_channels", "[\"320\"]"),
    Case(.unet, "in_channels", "7"), Case(.unet, "in_channels", "-8"),
    Case(.unet, "out_channels", "3"),
    Case(.unet, "down_block_types", "[\"DownBlockSpatioTemporal\"]"),
    Case(
      .unet,
      "down_block_types",
      "[\"DownBlock2D\", \"DownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]"
    ),
    Case(
      .unet,
      "up_block_types",
      "[\"UpBlockSpatioTemporal\", \"UpBlockSpatioTemporal\", \"X\", \"UpBlockSpatioTemporal\"]"
    ),
    Case(.unet, "layers_per_block", "[2, 2]"), Case(.unet, "layers_per_block", "0"),
    Case(.unet, "layers_per_block", "\"two\""),
    Case(.unet, "transformer_layers_per_block", "[1, 1]"),
    Case(.unet, "transformer_layers_per_block", "[[1], [1, 1, 1], [1, 1, 1], [1, 1, 1]]"),
    Case(.unet, "num_attention_heads", "[5, 10, 20]"),
    Case(.unet, "num_attention_heads", "[5, 10, 20, 7]"),
    Case(.unet, "num_attention_heads", "-1"), Case(.unet, "num_attention_heads", "1e30"),
    Case(.unet, "cross_attention_dim", "[1024, 1024, 1024, 512]"),
    Case(.unet, "cross_attention_dim", "0"),
    Case(
      .unet,
      "addition_time_embed_dim",
      "128",
      named: "projection_class_embeddings_input_dim"
    ),
    Case(.unet, "projection_class_embeddings_input_dim", "767"),
    Case(.unet, "num_frames", "0"), Case(.unet, "num_frames", "\"25\""),
  ]

  static let others: [Case] = [
    Case(.vae, "in_channels", "4"), Case(.vae, "out_channels", "1"),
    Case(.vae, "block_out_channels", "[48]"),
    Case(.vae, "block_out_channels", "[32, 64]", named: "down_block_types"),
    Case(.vae, "down_block_types", "[\"AttnDownEncoderBlock2D\"]"),
    Case(.vae, "layers_per_block", "0"), Case(.vae, "layers_per_block", "[2]"),
    Case(.vae, "latent_channels", "0"), Case(.vae, "latent_channels", "257"),
    Case(.vae, "scaling_factor", "0"), Case(.vae, "scaling_factor", "-0.2"),
    Case(.vae, "scaling_factor", "\"big\""),
    Case(.clip, "hidden_act", "\"relu\""), Case(.clip, "num_attention_heads", "5"),
    Case(.clip, "num_attention_heads", "0"), Case(.clip, "hidden_size", "0"),
    Case(.clip, "hidden_size", "70000"), Case(.clip, "intermediate_size", "-1"),
    Case(.clip, "num_hidden_layers", "0"), Case(.clip, "projection_dim", "0"),
    Case(.clip, "image_size", "336"), Case(.clip, "patch_size", "225"),
    Case(.clip, "num_channels", "1"), Case(.clip, "hidden_size", "true"),
    Case(.clip, "layer_norm_eps", "\"small\""),
    Case(.image, "image_mean", "[0.5]"), Case(.image, "image_std", "[1, 1, 0]"),
    Case(.image, "image_std", "[1, 1, \"x\"]"),
    Case(.scheduler, "prediction_type", "\"epsilon\""), Case(.scheduler, "prediction_type", "3"),
    Case(.scheduler, "prediction_type", "null"),
    Case(.scheduler, "timestep_type", "\"discrete\""),
    Case(.scheduler, "use_karras_sigmas", "false"), Case(.scheduler, "use_karras_sigmas", "null"),
    Case(.scheduler, "use_exponential_sigmas", "true"), Case(.scheduler, "use_beta_sigmas", "true"),
    Case(.scheduler, "final_sigmas_type", "\"sigma_min\""),
    Case(.scheduler, "timestep_spacing", "\"random\""),
    Case(.scheduler, "sigma_min", "0", named: "sigma_min, sigma_max"),
    Case(.scheduler, "sigma_min", "800", named: "sigma_min, sigma_max"),
    Case(.scheduler, "sigma_max", "null", named: "sigma_min, sigma_max"),
  ]

  @Test(arguments: unet + others)
  func `a value that cannot be used is refused with file and key`(_ test: Case) throws {
    let folder = try TemporaryFolder()
    var members = test.file.others
    members[test.key] = test.value
    let text = members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
    let path = try folder.write("{\(text)}", to: "config.json")
    let error = #expect(throws: ConfigurationError.self) { try test.file.read(path) }
    #expect(error?.path == path)
    let key = test.named ?? test.key
    // An element of a list may be named by its number behind the key.
    #expect(
      error?.key == key || error?.key?.hasPrefix(key + ".") == true,
      "\(error?.description ?? "no error")"
    )
    #expect(error?.description.contains("\n") == false)
  }

  @Test(arguments: [File.unet, .vae, .clip, .image, .scheduler])
  func `a file that is missing or is no JSON object is named`(_ file: File) throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: ConfigurationError.self) {
      try file.read(folder.path + "/nothing.json")
    }
    #expect(missing?.path == folder.path + "/nothing.json" && missing?.key == nil)
    for text in [
      "", "{", "[1]", "nothing", "3",
      "{\"hidden_size\": 8.5, \"in_channels\": 8.5, \"sigma_min\": [], \"image_mean\": 1}",
    ] {
      let path = try folder.write(text, to: "config.json")
      let error = #expect(throws: ConfigurationError.self, "\(text)") { try file.read(path) }
      #expect(error?.path == path)
    }
  }

  @Test func `defaults are those of the reference's classes`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("{\"_class_name\": \"x\", \"unknown\": [1]}", to: "config.json")
    let unet = try UNetConfiguration(path: path)
    #expect(unet.blockOutChannels == [320, 640, 1280, 1280])
    #expect(unet.downAttention == [true, true, true, false])
    #expect(unet.upAttention == [false, true, true, true])
    #expect(unet.numAttentionHeads == [5, 10, 20, 20])
    #expect(unet.layersPerBlock == [2, 2, 2, 2])
    #expect(unet.transformerLayersPerBlock == [[Int]](repeating: [1, 1, 1], count: 4))
    #expect(unet.crossAttentionDim == 1024 && unet.numFrames == 25)
    #expect(try VAEConfiguration(path: path).scalingFactor == 0.18215)
    #expect(try CLIPVisionConfiguration(path: path).activation == .quickGelu)
  }

  struct Change: Sendable, CustomTestStringConvertible {
    let file: String
    let from: String
    let to: String
    let key: String
    var testDescription: String { "\(key) in \(file)" }
  }

  static let changes = [
    Change(
      file: "model_index.json",
      from: "\"StableVideoDiffusionPipeline\"",
      to: "\"StableDiffusionPipeline\"",
      key: "_class_name"
    ),
    Change(
      file: "model_index.json",
      from: "UNetSpatioTemporalConditionModel",
      to: "UNet2DConditionModel",
      key: "unet"
    ),
    Change(
      file: "model_index.json",
      from: "AutoencoderKLTemporalDecoder",
      to: "AutoencoderKL",
      key: "vae"
    ),
    Change(
      file: "model_index.json",
      from: "EulerDiscreteScheduler",
      to: "DDIMScheduler",
      key: "scheduler"
    ),
    Change(
      file: "model_index.json",
      from: "CLIPVisionModelWithProjection",
      to: "CLIPTextModel",
      key: "image_encoder"
    ),
    Change(
      file: "model_index.json",
      from: "CLIPImageProcessor",
      to: "ViTImageProcessor",
      key: "feature_extractor"
    ),
    Change(
      file: "image_encoder/config.json",
      from: "\"projection_dim\": 32",
      to: "\"projection_dim\": 64",
      key: "cross_attention_dim"
    ),
    Change(
      file: "vae/config.json",
      from: "\"latent_channels\": 4",
      to: "\"latent_channels\": 8",
      key: "out_channels"
    ),
  ]

  @Test(arguments: changes)
  func `components that do not belong together are refused`(_ change: Change) throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    let path = URL(filePath: model + "/" + change.file)
    let text = try String(contentsOf: path, encoding: .utf8)
    try #require(text.contains(change.from))
    try Data(text.replacing(change.from, with: change.to).utf8).write(to: path)
    let error = #expect(throws: ConfigurationError.self) {
      try StableVideoDiffusionModel(folder: model, variant: "fp16", backend: CPUBackend())
    }
    #expect(error?.key == change.key)
    #expect(error?.path.hasPrefix(model) == true)
  }

  @Test func `a folder that holds no model is named`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ConfigurationError.self) {
      try StableVideoDiffusionModel(folder: folder.path, backend: CPUBackend())
    }
    #expect(error?.path == folder.path + "/model_index.json")
  }

  @Test func `recommended settings are taken over, and what they leave out stays`() throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    let path = URL(filePath: model + "/zoetrope.json")
    try Data("{\"width\": 64, \"num_inference_steps\": 4, \"fps\": 3}".utf8).write(to: path)
    let settings = try StableVideoDiffusionModel(
      folder: model,
      variant: "fp16",
      backend: CPUBackend()
    ).recommended
    var request = GenerationRequest()
    request.apply(settings)
    #expect(request.width == 64 && request.steps == 4 && request.framesPerSecond == 3)
    #expect(request.height == 576 && request.maximumGuidance == 3)
    try Data("{\"width\": \"wide\"}".utf8).write(to: path)
    let error = #expect(throws: ConfigurationError.self) {
      try StableVideoDiffusionModel(folder: model, variant: "fp16", backend: CPUBackend())
    }
    #expect(error?.path.hasSuffix("/zoetrope.json") == true)
  }
}
