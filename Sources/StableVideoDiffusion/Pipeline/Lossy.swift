// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Runs the whole denoiser at some steps only, and its outermost layers at the others (Ma, Fang and Wang
/// 2024): faster, and another clip.
///
/// As text it is `deep:3`, or `deep` for the default.
public struct DeepCache: Sendable, Hashable, LosslessStringConvertible {
  /// Of so many steps the first is a whole one; with 1 all are, and the clip is the exact one.
  public let interval: Int

  /// How many steps there may be for each whole one.
  public static let intervals = 1...50

  /// Makes a choice.
  ///
  /// - Parameter interval: Of so many steps the first is a whole one, from 1 to 50.
  public init(interval: Int = 3) { self.interval = interval }

  /// Reads `deep` or `deep:N`; nil for any other text, and for an N out of range.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    guard parts[0] == "deep", parts.count <= 2 else { return nil }
    guard parts.count == 2 else {
      self.init()
      return
    }
    guard let interval = Int(parts[1]), Self.intervals.contains(interval) else { return nil }
    self.init(interval: interval)
  }

  /// `deep:N`.
  public var description: String { "deep:\(interval)" }
}

/// The noise levels at which there is guidance (Kynkäänniemi and others 2024); at the others the
/// conditional half of the work is done alone: faster, and another clip.
///
/// Levels rather than steps, as in the paper, so that an interval means the same however many steps there
/// are. As text it is `LOW:HIGH`.
public struct GuidanceInterval: Sendable, Hashable, LosslessStringConvertible {
  /// The level from which on, downwards, there is no guidance: zero or more.
  public let low: Float
  /// The highest level with guidance: above `low`.
  public let high: Float

  /// Makes an interval.
  ///
  /// - Parameters:
  ///   - low: The level from which on, downwards, there is no guidance: zero or more.
  ///   - high: The highest level with guidance: above `low`.
  public init(low: Float, high: Float) { (self.low, self.high) = (low, high) }

  /// Reads `LOW:HIGH`; nil for any other text, and for an interval that holds nothing.
  public init?(_ description: String) {
    let parts = description.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let low = Float(parts[0]), let high = Float(parts[1]) else {
      return nil
    }
    self.init(low: low, high: high)
    guard isValid else { return nil }
  }

  /// `LOW:HIGH`.
  public var description: String { "\(low):\(high)" }

  /// Whether both ends are numbers, and some level is between them.
  var isValid: Bool { low >= 0 && high > low && high.isFinite }

  /// Whether there is guidance at a noise level.
  func contains(_ sigma: Float) -> Bool { low < sigma && sigma <= high }
}
