// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How fast this machine makes clips, as measured of the last one; what remains of others is
/// estimated from it.
struct Pace: Sendable {
  private var encode = 0.0
  /// Seconds of one step for one frame of one pixel.
  private var step: Double?
  /// Seconds of decoding one frame of one pixel.
  private var decode = 0.0

  init() {}

  /// Learns from a clip that was made.
  mutating func learn(_ job: VideoJob) {
    guard job.state == .succeeded, let size = Self.size(job.request),
      let steps = job.request.stepCount
    else { return }
    for timing in job.timings {
      switch timing.name {
      case "encode": encode = timing.seconds
      case "denoise": step = timing.seconds / (size * Double(steps))
      case "decode": decode = timing.seconds / size
      default: break
      }
    }
  }

  /// How long a clip takes in all, in seconds.
  func seconds(_ request: ClipRequest) -> Double? {
    guard let step, let size = Self.size(request), let steps = request.stepCount else { return nil }
    return encode + size * (Double(steps) * step + decode)
  }

  /// How long the rest of a clip takes, in seconds.
  ///
  /// - Parameters:
  ///   - job: The clip, with its stage.
  ///   - elapsed: Seconds since that stage began.
  func remaining(_ job: VideoJob, elapsed: Double) -> Double? {
    let rest = Self.size(job.request).map { decode * $0 } ?? 0
    // The steps of this very clip say more than those of another.
    let own = job.done > 0 ? elapsed / Double(job.done) * Double(job.total - job.done) : nil
    switch job.stage {
    case "denoise":
      if let own { return own + rest }
      return seconds(job.request).map { max(0, $0 - encode - elapsed) }
    case "decode": return own ?? max(0, rest - elapsed)
    case "write": return 0
    default: return seconds(job.request).map { max(0, $0 - elapsed) }
    }
  }

  /// Pixels of all frames; nil if the request leaves them to the model.
  private static func size(_ request: ClipRequest) -> Double? {
    guard let width = request.width, let height = request.height, let frames = request.frameCount
    else { return nil }
    return Double(width) * Double(height) * Double(frames)
  }
}
