// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
public import TensorCore

/// The noise levels of a generation: diffusers' `EulerDiscreteScheduler` as Stable Video Diffusion
/// configures it (Karras and others 2022, equation 5; v-prediction; continuous timesteps).
public struct EulerDiscreteScheduler: Sendable, Equatable {
  /// The lowest noise level above zero.
  public let sigmaMin: Double
  /// The highest noise level.
  public let sigmaMax: Double
  /// Whether the first latents are scaled by `√(σ² + 1)` ("leading" spacing) and not by `σ`.
  public let scalesByVariance: Bool

  private struct File: Decodable {
    var predictionType: String?
    var timestepType: String?
    var timestepSpacing: String?
    var interpolationType: String?
    var finalSigmasType: String?
    var useKarrasSigmas: Bool?
    var useExponentialSigmas: Bool?
    var useBetaSigmas: Bool?
    var sigmaMin: Double?
    var sigmaMax: Double?
  }

  /// Reads and checks `scheduler/scheduler_config.json`.
  ///
  /// - Parameter path: The JSON file.
  /// - Throws: `ConfigurationError` for a file that cannot be read, or a value that is not supported.
  public init(path: String) throws(ConfigurationError) {
    try self.init(ConfigurationFile(path: path))
  }

  init(_ source: ConfigurationFile) throws(ConfigurationError) {
    let file = try source.decode(File.self)
    // Defaults are the class's own; several of them are not what Stable Video Diffusion needs, and a
    // checkpoint that leaves them out is refused rather than sampled otherwise.
    try source.require(
      file.predictionType == "v_prediction",
      "prediction_type",
      "\"\(file.predictionType ?? "epsilon")\" is not v_prediction"
    )
    try source.require(
      file.timestepType == "continuous",
      "timestep_type",
      "\"\(file.timestepType ?? "discrete")\" is not continuous"
    )
    try source.require(
      file.useKarrasSigmas == true,
      "use_karras_sigmas",
      "must be true"
    )
    try source.require(
      file.useExponentialSigmas != true,
      "use_exponential_sigmas",
      "must not be true"
    )
    try source.require(file.useBetaSigmas != true, "use_beta_sigmas", "must not be true")
    try source.require(
      (file.finalSigmasType ?? "zero") == "zero",
      "final_sigmas_type",
      "\"\(file.finalSigmasType ?? "")\" is not zero"
    )
    // `interpolation_type` decides how trained noise levels are interpolated; Karras' replace them.
    guard let sigmaMin = file.sigmaMin, let sigmaMax = file.sigmaMax else {
      throw ConfigurationError(source.path, "sigma_min, sigma_max", "must be given")
    }
    try source.require(
      sigmaMin > 0 && sigmaMax > sigmaMin && sigmaMax.isFinite,
      "sigma_min, sigma_max",
      "\(sigmaMin) and \(sigmaMax) are not a rising range above zero"
    )
    self.sigmaMin = sigmaMin
    self.sigmaMax = sigmaMax
    switch file.timestepSpacing ?? "linspace" {
    case "leading": scalesByVariance = true
    case "linspace", "trailing": scalesByVariance = false
    case let other:
      throw ConfigurationError(
        source.path,
        "timestep_spacing",
        "\"\(other)\" is not leading, linspace or trailing"
      )
    }
  }

  /// Makes a scheduler with given bounds.
  ///
  /// - Parameters:
  ///   - sigmaMin: The lowest noise level above zero.
  ///   - sigmaMax: The highest noise level.
  ///   - scalesByVariance: Whether the first latents are scaled by `√(σ² + 1)`.
  public init(sigmaMin: Double = 0.002, sigmaMax: Double = 700, scalesByVariance: Bool = true) {
    self.sigmaMin = sigmaMin
    self.sigmaMax = sigmaMax
    self.scalesByVariance = scalesByVariance
  }

  /// The falling noise levels of a number of steps, and zero behind them.
  ///
  /// - Parameter steps: At least 1.
  /// - Returns: `steps + 1` levels.
  public func sigmas(steps: Int) -> [Float] {
    let rho = 7.0
    let low = pow(sigmaMin, 1 / rho)
    let high = pow(sigmaMax, 1 / rho)
    // numpy's linspace: the step times the index, and the end exactly.
    let stride = 1 / Double(max(steps - 1, 1))
    let levels = (0..<steps).map { index in
      let ramp = steps > 1 && index == steps - 1 ? 1 : Double(index) * stride
      return Float(pow(high + ramp * (low - high), rho))
    }
    return levels + [0]
  }

  /// What the model is told of a noise level: `0.25 · ln σ`.
  ///
  /// - Parameter sigma: Above zero.
  /// - Returns: The timestep.
  public func timestep(_ sigma: Float) -> Float { 0.25 * log(sigma) }

  /// What unit noise is multiplied by to become the first latents.
  ///
  /// - Parameter sigmas: The noise levels of this generation.
  /// - Returns: The factor.
  public func initialNoiseScale(_ sigmas: [Float]) -> Float {
    let most = sigmas.max() ?? 1
    return scalesByVariance ? (most * most + 1).squareRoot() : most
  }

  /// One guidance scale for each frame, rising evenly: torch's `linspace`.
  ///
  /// - Parameters:
  ///   - low: The scale of the first frame.
  ///   - high: The scale of the last frame.
  ///   - frames: At least 1.
  ///   - precision: The type that the scales are rounded to.
  /// - Returns: `frames` scales.
  public static func guidance(
    _ low: Float,
    _ high: Float,
    frames: Int,
    precision: Precision = .float32
  ) -> [Float] {
    guard frames > 1 else { return [precision.round(low)] }
    let step = (high - low) / Float(frames - 1)
    // Torch counts the first half from the start and the second from the end, one fused
    // multiply-add each.
    return (0..<frames).map { index in
      index < frames / 2
        ? precision.round(low.addingProduct(step, Float(index)))
        : precision.round(high.addingProduct(-step, Float(frames - 1 - index)))
    }
  }
}
