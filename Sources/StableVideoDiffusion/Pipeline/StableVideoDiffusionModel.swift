// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import Safetensors
public import TensorCore

/// A checkpoint folder in diffusers' layout, loaded.
public struct StableVideoDiffusionModel: Sendable {
  /// Where the model lives.
  public let backend: any Backend
  /// The vision tower.
  public let imageEncoder: CLIPVisionModel
  /// The autoencoder.
  public let vae: AutoencoderKLTemporalDecoder
  /// The denoiser.
  public let unet: UNetSpatioTemporalConditionModel
  /// The noise levels.
  public let scheduler: EulerDiscreteScheduler
  /// How pictures are normalised for the vision tower.
  public let imageConfiguration: CLIPImageConfiguration
  /// The autoencoder's configuration.
  public let vaeConfiguration: VAEConfiguration
  /// The denoiser's configuration.
  public let unetConfiguration: UNetConfiguration
  /// What the model's makers recommend; empty where they say nothing.
  public let recommended: RecommendedSettings
  /// The bytes of all weights as they are stored.
  public let weightBytes: Int
  /// Tells this checkpoint from others: 64 hexadecimal digits.
  ///
  /// A hash over the configuration files and over each tensor's name, type, shape and first 4 KiB, since
  /// hashing gigabytes would take longer than loading them. How tensors are spread over files does not
  /// matter.
  public let digest: String
  /// What a person should know, as "the variant fp16 was used".
  public let remarks: [String]
  /// Loads the autoencoder once more, to compute in float32.
  private let loadPreciseVAE: @Sendable () throws -> AutoencoderKLTemporalDecoder

  /// Loads a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds `model_index.json`.
  ///   - variant: The variant of the weight files, as "fp16"; none for the plain files, or, where
  ///     there are none, the fp16 or bf16 ones.
  ///   - randomSeed: Where weights are made up by formula from, in place of the files; none to read
  ///     the files.
  ///   - backend: Where the model is to live.
  /// - Throws: `ConfigurationError`, `SafetensorsError` or `WeightsError`, each naming file, key or
  ///   tensor.
  public init(
    folder: String,
    variant: String? = nil,
    randomSeed: UInt64? = nil,
    backend: any Backend
  ) throws {
    try ModelIndex(folder: folder).check()
    let unetConfiguration = try UNetConfiguration(path: folder + "/unet/config.json")
    let vaeConfiguration = try VAEConfiguration(path: folder + "/vae/config.json")
    let clip = try CLIPVisionConfiguration(path: folder + "/image_encoder/config.json")
    scheduler = try EulerDiscreteScheduler(path: folder + "/scheduler/scheduler_config.json")
    imageConfiguration = try CLIPImageConfiguration(
      path: folder + "/feature_extractor/preprocessor_config.json"
    )
    recommended = try RecommendedSettings(folder: folder)
    guard clip.projectionDim == unetConfiguration.crossAttentionDim else {
      throw ConfigurationError(
        folder + "/unet/config.json",
        "cross_attention_dim",
        "\(unetConfiguration.crossAttentionDim) is not the image encoder's projection_dim "
          + "\(clip.projectionDim)"
      )
    }
    guard vaeConfiguration.latentChannels == unetConfiguration.outChannels else {
      throw ConfigurationError(
        folder + "/unet/config.json",
        "out_channels",
        "\(unetConfiguration.outChannels) is not the VAE's latent_channels "
          + "\(vaeConfiguration.latentChannels)"
      )
    }

    var remarks: [String] = []
    var weightBytes = 0
    var digest = CheckpointDigest()
    func open(_ component: String, _ stem: String) throws -> Weights {
      let place = folder + "/" + component
      if let randomSeed {
        let source = FormulaWeights(component: component, seed: randomSeed)
        digest.add("\(component) \(randomSeed)")
        return Weights(source, backend: backend, place: place)
      }
      let checkpoint = try ComponentFiles(folder: place, stem: stem).open(variant, &remarks)
      weightBytes += checkpoint.totalByteCount
      digest.add(component, checkpoint)
      return Weights(checkpoint, backend: backend, place: place)
    }
    imageEncoder = try CLIPVisionModel(open("image_encoder", "model"), clip)
    vae = try AutoencoderKLTemporalDecoder(
      open("vae", "diffusion_pytorch_model"),
      vaeConfiguration
    )
    unet = try UNetSpatioTemporalConditionModel(
      open("unet", "diffusion_pytorch_model"),
      unetConfiguration
    )
    loadPreciseVAE = {
      let place = folder + "/vae"
      let source: any WeightSource
      if let randomSeed {
        source = FormulaWeights(component: "vae", seed: randomSeed)
      } else {
        var remarks: [String] = []
        source = try ComponentFiles(folder: place, stem: "diffusion_pytorch_model")
          .open(variant, &remarks)
      }
      return try AutoencoderKLTemporalDecoder(
        Weights(source, backend: backend.inFullPrecision, place: place),
        vaeConfiguration
      )
    }
    self.backend = backend
    self.digest = digest.finished(configurationsIn: folder)
    self.unetConfiguration = unetConfiguration
    self.vaeConfiguration = vaeConfiguration
    self.weightBytes = weightBytes
    self.remarks = remarks
  }

  /// The autoencoder in float32, loaded anew: for frames that a shorter type cannot hold.
  ///
  /// - Returns: None where the model computes in float32 already.
  /// - Throws: As `init`.
  func preciseVAE() throws -> AutoencoderKLTemporalDecoder? {
    guard backend.inFullPrecision !== backend else { return nil }
    return try loadPreciseVAE()
  }

  /// Refuses a checkpoint of another kind or without its weights; quick, as it reads no weights.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds `model_index.json`.
  ///   - variant: The variant of the weight files.
  /// - Throws: ``ConfigurationError`` if the folder holds no model of this kind; `SafetensorsError` if
  ///   weight files are missing or damaged.
  public static func check(folder: String, variant: String? = nil) throws {
    try ModelIndex(folder: folder).check()
    _ = try weightCount(folder: folder, variant: variant)
  }

  /// How many weights a checkpoint has, from the heads of its files.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds `model_index.json`.
  ///   - variant: The variant of the weight files.
  /// - Returns: The number of elements of all tensors.
  /// - Throws: `SafetensorsError`.
  public static func weightCount(folder: String, variant: String? = nil) throws -> Int {
    var remarks: [String] = []
    let components = [
      ("image_encoder", "model"), ("vae", "diffusion_pytorch_model"),
      ("unet", "diffusion_pytorch_model"),
    ]
    return try components.reduce(0) { sum, component in
      let files = ComponentFiles(folder: folder + "/" + component.0, stem: component.1)
      let checkpoint = try files.open(variant, &remarks)
      return checkpoint.names.reduce(sum) { $0 + (checkpoint.entry($1)?.elementCount ?? 0) }
    }
  }
}

/// The weight files of one component.
private struct ComponentFiles {
  let folder: String
  let stem: String

  func open(
    _ variant: String?,
    _ remarks: inout [String]
  ) throws(SafetensorsError)
    -> SafetensorsCheckpoint
  {
    do {
      let checkpoint = try SafetensorsCheckpoint(folder: folder, stem: stem, variant: variant)
      if let warning = checkpoint.warning { remarks.append(warning) }
      return checkpoint
    } catch {
      guard variant == nil, error.code == .notFound else { throw error }
      // Someone who downloaded only the smaller files means those.
      for candidate in ["fp16", "bf16"] {
        guard
          let checkpoint = try? SafetensorsCheckpoint(
            folder: folder,
            stem: stem,
            variant: candidate
          )
        else { continue }
        remarks.append("\(folder): there are no plain weights; the variant \(candidate) is used")
        return checkpoint
      }
      throw error
    }
  }
}

/// `model_index.json`: which class each component is of.
private struct ModelIndex {
  let file: ConfigurationFile

  private struct File: Decodable {
    var className: String?
    var unet, vae, scheduler, imageEncoder, featureExtractor: [String]?

    enum CodingKeys: String, CodingKey {
      case className = "_className"
      case unet, vae, scheduler, imageEncoder, featureExtractor
    }
  }

  init(folder: String) { file = ConfigurationFile(path: folder + "/model_index.json") }

  func check() throws(ConfigurationError) {
    let index = try file.decode(File.self)
    func require(_ found: String?, _ expected: [String], _ key: String) throws(ConfigurationError) {
      try file.require(
        found.map(expected.contains) ?? false,
        key,
        "\"\(found ?? "nothing")\" is not \(expected[0])"
      )
    }
    try require(index.className, ["StableVideoDiffusionPipeline"], "_class_name")
    try require(index.unet?.last, ["UNetSpatioTemporalConditionModel"], "unet")
    try require(index.vae?.last, ["AutoencoderKLTemporalDecoder"], "vae")
    try require(index.scheduler?.last, ["EulerDiscreteScheduler"], "scheduler")
    try require(index.imageEncoder?.last, ["CLIPVisionModelWithProjection"], "image_encoder")
    try require(
      index.featureExtractor?.last,
      ["CLIPImageProcessor", "CLIPFeatureExtractor", "CLIPImageProcessorPil"],
      "feature_extractor"
    )
  }
}
