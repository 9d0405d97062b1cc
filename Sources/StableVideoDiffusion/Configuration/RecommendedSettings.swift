// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// What a checkpoint is best run with, where that differs from Stable Video Diffusion's own defaults:
/// an optional `zoetrope.json` beside `model_index.json`.
///
/// The reference knows no such file; a small
/// model was not trained for frames of 1024 by 576 and says so here.
public struct RecommendedSettings: Sendable, Equatable, Codable {
  /// Width of the frames in pixels.
  public var width: Int?
  /// Height of the frames in pixels.
  public var height: Int?
  /// Denoising steps.
  public var steps: Int?
  /// Guidance of the first frame.
  public var minimumGuidance: Float?
  /// Guidance of the last frame.
  public var maximumGuidance: Float?
  /// Frames a second.
  public var framesPerSecond: Int?
  /// How much noise is added to the picture.
  public var noiseAugmentation: Float?

  enum CodingKeys: String, CodingKey {
    case width, height
    case steps = "num_inference_steps"
    case minimumGuidance = "min_guidance_scale"
    case maximumGuidance = "max_guidance_scale"
    case framesPerSecond = "fps"
    case noiseAugmentation = "noise_aug_strength"
  }

  /// Makes settings that say nothing.
  public init() {}

  /// Reads a `zoetrope.json`.
  ///
  /// - Throws: `ConfigurationError` if the file is not a JSON object of numbers.
  init(_ file: ConfigurationFile) throws(ConfigurationError) {
    do { self = try JSONDecoder().decode(Self.self, from: file.data()) } catch {
      throw ConfigurationError(file.path, nil, "is not a JSON object of numbers: \(error)")
    }
  }
}

extension RecommendedSettings {
  /// Takes over what others say.
  mutating func apply(_ others: RecommendedSettings) {
    width = others.width ?? width
    height = others.height ?? height
    steps = others.steps ?? steps
    minimumGuidance = others.minimumGuidance ?? minimumGuidance
    maximumGuidance = others.maximumGuidance ?? maximumGuidance
    framesPerSecond = others.framesPerSecond ?? framesPerSecond
    noiseAugmentation = others.noiseAugmentation ?? noiseAugmentation
  }
}

extension GenerationRequest {
  /// Takes over what a model's makers recommend.
  ///
  /// - Parameter settings: The recommendations; what they leave out stays.
  public mutating func apply(_ settings: RecommendedSettings) {
    width = settings.width ?? width
    height = settings.height ?? height
    steps = settings.steps ?? steps
    minimumGuidance = settings.minimumGuidance ?? minimumGuidance
    maximumGuidance = settings.maximumGuidance ?? maximumGuidance
    framesPerSecond = settings.framesPerSecond ?? framesPerSecond
    noiseAugmentation = settings.noiseAugmentation ?? noiseAugmentation
  }
}
