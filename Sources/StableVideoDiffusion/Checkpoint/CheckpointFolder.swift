// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Safetensors

/// The weight files of one component.
struct ComponentFiles {
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
struct ModelIndex {
  let file: ConfigurationFile

  private struct File: Decodable {
    var className: String?
    var unet, vae, scheduler, imageEncoder, featureExtractor: [String]?

    enum CodingKeys: String, CodingKey {
      case className = "_className"
      case unet, vae, scheduler, imageEncoder, featureExtractor
    }
  }

  init(_ file: ConfigurationFile) { self.file = file }

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
    try require(index.vae?.last, ["AutoencoderKLTemporalDecoder", "AutoencoderKL"], "vae")
    try require(index.scheduler?.last, Scheduler.classNames, "scheduler")
    try require(index.imageEncoder?.last, ["CLIPVisionModelWithProjection"], "image_encoder")
    try require(
      index.featureExtractor?.last,
      ["CLIPImageProcessor", "CLIPFeatureExtractor", "CLIPImageProcessorPil"],
      "feature_extractor"
    )
  }

  /// Checks that the autoencoder is of the class that the index names.
  func check(_ vae: VAEConfiguration) throws(ConfigurationError) {
    let name = vae.isTemporal ? "AutoencoderKLTemporalDecoder" : "AutoencoderKL"
    let found = try file.decode(File.self).vae?.last
    try file.require(
      found == name,
      "vae",
      "\"\(found ?? "nothing")\" is not \(name), which vae/config.json is of"
    )
  }
}
