// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import StableVideoDiffusion
import VideoService

/// A checkpoint that the server offers.
struct ServedModel: ClipModel {
  let name: String
  let revision: String?
  let folder: String
  let weights: [String]
  let settings: [String]
  let adapters: [ClipAdapter]
  /// The folder or the file that it is in, as it was named.
  let path: String
  /// Whether it stands in where none is named.
  let standsIn: Bool
  private let recommended: RecommendedSettings
  private let frameCount: Int
  private let engine: Engine.Settings
  private let lossy: LossyOptions
  private let list: ServedModels

  /// Looks at a checkpoint, without reading its weights.
  ///
  /// - Parameters:
  ///   - name: What clients choose it by; nil for what its repository or its folder is called.
  ///   - choice: Where it lies.
  ///   - loras: What is added to its weights.
  ///   - options: How it is loaded.
  ///   - lossy: How clips are made.
  ///   - list: What loads it.
  /// - Throws: As `Checkpoint`; `ConfigurationError` and `SafetensorsError` for what its files lack, and
  ///   for a LoRA that does not fit.
  init(
    name: String?,
    _ choice: ModelChoice,
    _ loras: [LoRA],
    _ options: EngineOptions,
    _ lossy: LossyOptions,
    _ list: ServedModels
  ) throws {
    let checkpoint = try Checkpoint(path: choice.folder, variant: options.variant)
    self.name = name ?? choice.name ?? checkpoint.name
    standsIn = choice.standsIn
    revision = choice.revision
    path = choice.folder
    folder = checkpoint.folder
    weights = try checkpoint.weightFiles()
    settings = checkpoint.settingsFiles
    recommended = try checkpoint.recommendedSettings()
    frameCount = try checkpoint.unetConfiguration().numFrames
    engine = options.settings(folder: path, name: choice.name, loras: loras)
    adapters = loras.map(\.adapter)
    if !loras.isEmpty {
      var remarks: [String] = []
      _ = try checkpoint.adding(loras, to: checkpoint.tensors(of: .unet, remarks: &remarks))
    }
    self.lossy = lossy
    self.list = list
  }

  func completed(_ request: ClipRequest) -> ClipRequest {
    var generation = GenerationRequest()
    generation.apply(recommended)
    generation.apply(request)
    var whole = request
    whole.frameCount = generation.frames ?? frameCount
    whole.stepCount = generation.steps
    whole.minimumGuidance = generation.minimumGuidance.inFull
    whole.maximumGuidance = generation.maximumGuidance.inFull
    whole.framesPerSecond = generation.framesPerSecond
    whole.noiseAugmentation = generation.noiseAugmentation.inFull
    whole.width = generation.width
    whole.height = generation.height
    whole.cache = whole.cache ?? lossy.cache?.description ?? ClipRequest.exact
    whole.guidanceInterval =
      whole.guidanceInterval ?? lossy.guidanceInterval?.description ?? ClipRequest.exact
    return whole
  }

  func load() async throws -> LoadedModel {
    let loaded = try await list.load(engine)
    for remark in loaded.remarks { Terminal.say(remark) }
    return LoadedModel(generator: ServedEngine(engine: loaded), digest: loaded.model.digest)
  }
}

extension Float {
  /// The number that is written the same: 0.02 is not 0.0199999996.
  fileprivate var inFull: Double { Double(description) ?? Double(self) }
}
