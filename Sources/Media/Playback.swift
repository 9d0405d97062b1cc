// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The order in which a clip's frames are shown.
public enum Playback: String, CaseIterable, Sendable, Hashable {
  /// From the first to the last.
  case forward
  /// Forward and back again; neither end is shown twice, so that it repeats evenly.
  case pingPong = "ping-pong"
  /// Forward, with the end faded into the beginning, so that a player that repeats it shows no seam.
  ///
  /// Of `n` frames, a quarter, rounded down but at least one, is faded: the last `k` frames do not
  /// stand at the end but lie over the first `k`, frame `i` of which has a weight of
  /// `(i + 1) / (k + 1)`. The clip has `n - k` frames. Fewer than three frames stay as they are.
  case loop

  /// How many frames a clip of `count` generated frames has.
  public func frameCount(_ count: Int) -> Int {
    switch self {
    case .forward: count
    case .pingPong: count > 2 ? 2 * count - 2 : count
    case .loop: count - Self.fadedFrames(of: count)
    }
  }

  /// Puts frames into this order.
  ///
  /// - Parameter frames: all of one size.
  /// - Returns: ``frameCount(_:)`` frames.
  public func arranged(_ frames: [RGBImage]) -> [RGBImage] {
    switch self {
    case .forward: return frames
    case .pingPong:
      return frames.count > 2 ? frames + frames[1..<frames.count - 1].reversed() : frames
    case .loop:
      let faded = Self.fadedFrames(of: frames.count)
      let end = frames.count - faded
      let beginning = (0..<faded).map { index in
        frames[end + index].mixed(with: frames[index], index + 1, of: faded + 1)
      }
      return beginning + frames[faded..<end]
    }
  }

  private static func fadedFrames(of count: Int) -> Int { count > 2 ? max(1, count / 4) : 0 }
}

extension RGBImage {
  /// This image faded into another of its size.
  ///
  /// - Parameters:
  ///   - other: what has the weight.
  ///   - weight: from 0, this image alone, to `whole`, the other alone.
  ///   - whole: above zero.
  /// - Returns: the mixture, each value rounded to the nearest.
  func mixed(with other: RGBImage, _ weight: Int, of whole: Int) -> RGBImage {
    let pixels = zip(pixels, other.pixels).map { own, its in
      UInt8((Int(own) * (whole - weight) + Int(its) * weight + whole / 2) / whole)
    }
    return RGBImage(trusted: pixels, width: width, height: height)
  }
}
