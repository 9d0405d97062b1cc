// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// One step of the Euler sampler for a v-predicting model, without churn (Karras and others 2022,
/// algorithm 2; matches diffusers' `EulerDiscreteScheduler.step`).
public struct EulerStep: Sendable, Equatable {
  /// The noise level now, above zero.
  public let sigma: Float
  /// The noise level to go to.
  public let next: Float
  /// The type in which the reference would hold the sample and the velocity.
  public let precision: Precision

  /// Makes a step.
  ///
  /// - Parameters:
  ///   - sigma: The noise level now, above zero.
  ///   - next: The noise level to go to.
  ///   - precision: The type in which the reference would hold sample and velocity.
  public init(sigma: Float, next: Float, precision: Precision = .float32) {
    self.sigma = sigma
    self.next = next
    self.precision = precision
  }

  /// What a noisy sample is divided by before the model sees it: `√(σ² + 1)`.
  public var inputScale: Float { (sigma * sigma + 1).squareRoot() }

  /// The sample at the next noise level.
  ///
  /// Each operation is rounded by itself, in the order of the reference, so that results are equal to
  /// its to the bit.
  ///
  /// - Parameters:
  ///   - sample: A number of the noisy sample.
  ///   - velocity: What the model predicted for it.
  /// - Returns: The number at the next noise level.
  @inlinable
  public func advance(_ sample: Float, velocity: Float) -> Float {
    let derivative = (sample - denoised(sample, velocity: velocity)) / sigma
    return precision.round(sample + derivative * (next - sigma))
  }

  /// What the model takes a noisy number for: the number without any noise.
  ///
  /// - Parameters:
  ///   - sample: A number of the noisy sample.
  ///   - velocity: What the model predicted for it.
  /// - Returns: The number at noise level zero, as this step estimates it.
  @inlinable
  public func denoised(_ sample: Float, velocity: Float) -> Float {
    let variance = sigma * sigma + 1
    let factor = -sigma / variance.squareRoot()
    return precision.round(velocity * factor) + sample / variance
  }
}

/// A floating-point type that a number is rounded to.
///
/// The processor computes in float32 throughout; this says which type the *reference* run would hold
/// its noise, latents and embeddings in, which decides some last bits of what is fed to the model.
public enum Precision: String, Sendable, CaseIterable, Codable {
  /// 32 bits: nothing is rounded further.
  case float32
  /// IEEE's 16 bits.
  case float16

  /// The nearest number of this type.
  @inlinable
  public func round(_ x: Float) -> Float {
    switch self {
    case .float32: x
    case .float16: Float(Float16(x))
    }
  }
}
