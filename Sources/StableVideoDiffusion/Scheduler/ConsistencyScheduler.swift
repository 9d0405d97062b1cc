// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
internal import TensorCore

/// The sampler of AnimateLCM-SVD (Wang and others 2024): each step takes the model's guess of the clean
/// clip, and adds new noise of the next level (multistep consistency sampling; Song and others 2023,
/// algorithm 1).
///
/// It differs from diffusers' `CMStochasticIterativeScheduler` in that the guess is that of a model that
/// predicts velocity, the timestep is `0.25 · ln σ`, and the last level is zero.
public struct ConsistencyScheduler: Sendable, Equatable {
  /// For how many noise levels the model was trained; the most steps that there can be.
  public let trainedSteps: Int
  /// The lowest noise level above zero.
  public let sigmaMin: Double
  /// The highest noise level.
  public let sigmaMax: Double
  /// How Karras' levels are spaced.
  public let rho: Double
  /// What new noise is multiplied by.
  public let noiseScale: Float
  /// Whether guesses are kept from -1 to 1.
  public let clipsGuess: Bool

  private struct File: Decodable {
    var numTrainTimesteps: Int?
    var sigmaMin: Double?
    var sigmaMax: Double?
    var sigmaData: Double?
    var sNoise: Double?
    var rho: Double?
    var clipDenoised: Bool?
  }

  /// Reads and checks a configuration; absent keys take the class's defaults, two of which are not this
  /// model's and are refused.
  init(_ source: ConfigurationFile) throws(ConfigurationError) {
    let file = try source.decode(File.self)
    trainedSteps = file.numTrainTimesteps ?? 40
    sigmaMin = file.sigmaMin ?? 0.002
    sigmaMax = file.sigmaMax ?? 80
    rho = file.rho ?? 7
    noiseScale = Float(file.sNoise ?? 1)
    clipsGuess = file.clipDenoised ?? true
    try source.require(
      (2...1000).contains(trainedSteps),
      "num_train_timesteps",
      "\(trainedSteps) is not from 2 to 1000"
    )
    try source.require(
      sigmaMin > 0 && sigmaMax > sigmaMin && sigmaMax.isFinite,
      "sigma_min, sigma_max",
      "\(sigmaMin) and \(sigmaMax) are not a rising range above zero"
    )
    let data = file.sigmaData ?? 0.5
    try source.require(data == 1, "sigma_data", "\(data) is not 1, as for a model of velocity")
    try source.require(rho > 0 && rho.isFinite, "rho", "\(rho) is not above zero")
    try source.require(
      noiseScale >= 0 && noiseScale.isFinite,
      "s_noise",
      "\(noiseScale) is not zero or more"
    )
  }

  /// The falling noise levels of a number of steps, and zero behind them; and what the model is told of
  /// each.
  ///
  /// - Parameter steps: From 1 to ``trainedSteps``.
  /// - Returns: One level more than steps, and a timestep for each step.
  func levels(steps: Int) -> (sigmas: [Float], timesteps: [Float]) {
    let stride = trainedSteps / steps
    let (low, high) = (pow(sigmaMin, 1 / rho), pow(sigmaMax, 1 / rho))
    let levels = (0..<steps).map { index in
      pow(high + Double(index * stride) / Double(trainedSteps - 1) * (low - high), rho)
    }
    return (levels.map { Float($0) } + [0], levels.map { Float(0.25 * log($0)) })
  }

  /// What unit noise is multiplied by to become the first latents.
  var initialNoiseScale: Float { Float((sigmaMax * sigmaMax + 1).squareRoot()) }

  /// The sample at the next noise level.
  ///
  /// Each operation is rounded by itself, in the order of the reference.
  ///
  /// - Parameters:
  ///   - sample: A noisy sample.
  ///   - velocity: What the model predicted for it, with guidance.
  ///   - noise: As many numbers of unit noise; none for no noise.
  ///   - step: The noise levels.
  /// - Returns: The sample at the next level.
  func advance(
    _ sample: [Float],
    velocity: [Float],
    noise: [Float],
    _ step: EulerStep
  ) -> [Float] {
    let round = step.precision.round
    let variance = step.sigma * step.sigma + 1
    let (skip, out) = (1 / variance, -step.sigma / variance.squareRoot())
    return sample.indices.map { index in
      var guess = round(round(out * velocity[index]) + round(skip * sample[index]))
      if clipsGuess { guess = min(max(guess, -1), 1) }
      guard !noise.isEmpty else { return guess }
      return round(guess + round(round(noise[index] * noiseScale) * step.next))
    }
  }
}
