// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How a model's clips are sampled: `scheduler/scheduler_config.json` names it.
public enum Scheduler: Sendable, Equatable {
  /// As Stability's models are.
  case euler(EulerDiscreteScheduler)
  /// As AnimateLCM-SVD is, in a few steps.
  case consistency(ConsistencyScheduler)

  /// The classes that there are, by their names in diffusers and in AnimateLCM's code.
  static let classNames = [
    "EulerDiscreteScheduler", "AnimateLCMSVDStochasticIterativeScheduler",
  ]

  private struct File: Decodable {
    var className: String?

    enum CodingKeys: String, CodingKey {
      // What the decoder makes of `_class_name`.
      case className = "_className"
    }
  }

  /// Reads and checks a configuration; without a class it is Euler's.
  init(_ source: ConfigurationFile) throws(ConfigurationError) {
    let name = try source.decode(File.self).className ?? Self.classNames[0]
    try source.require(
      Self.classNames.contains(name),
      "_class_name",
      "\"\(name)\" is not \(Self.classNames.joined(separator: " or "))"
    )
    self =
      name == Self.classNames[0]
      ? .euler(try EulerDiscreteScheduler(source))
      : .consistency(try ConsistencyScheduler(source))
  }

  /// Checks what a request asks for.
  ///
  /// - Throws: `GenerationError` with code `.argument`.
  func check(_ request: GenerationRequest) throws(GenerationError) {
    guard case .consistency(let scheduler) = self else { return }
    guard request.sigmas == nil else {
      throw GenerationError(
        .argument("sigmas"),
        "this model's noise levels follow from the number of steps"
      )
    }
    guard (1...scheduler.trainedSteps).contains(request.steps) else {
      throw GenerationError(
        .argument("num_inference_steps"),
        "\(request.steps) is not from 1 to \(scheduler.trainedSteps), which is for how many this model "
          + "was trained"
      )
    }
  }

  /// The falling noise levels of a request, and zero behind them; and what the model is told of each.
  func levels(_ request: GenerationRequest) -> (sigmas: [Float], timesteps: [Float]) {
    switch self {
    case .euler(let scheduler):
      let sigmas = request.sigmas ?? scheduler.sigmas(steps: request.steps)
      return (sigmas, sigmas.dropLast().map(scheduler.timestep))
    case .consistency(let scheduler): return scheduler.levels(steps: request.steps)
    }
  }

  /// What unit noise is multiplied by to become the first latents.
  func initialNoiseScale(_ sigmas: [Float]) -> Float {
    switch self {
    case .euler(let scheduler): scheduler.initialNoiseScale(sigmas)
    case .consistency(let scheduler): scheduler.initialNoiseScale
    }
  }

  /// What the sampler is best run with, where a model's makers say nothing.
  var recommended: RecommendedSettings {
    var settings = RecommendedSettings()
    if case .consistency = self {
      settings.steps = 4
      settings.minimumGuidance = 1
      settings.maximumGuidance = 1
    }
    return settings
  }
}
