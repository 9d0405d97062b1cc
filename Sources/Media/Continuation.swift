// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How a clip is joined to one that goes on from its last frame.
public enum Continuation {
  /// Over how many frames the colours of the second clip become its own.
  static let fadedFrames = 8

  /// Joins two clips.
  ///
  /// The second begins with the last frame of the first as it was made anew, which is left out: what
  /// differs between the two in average and contrast, channel by channel, is what the frames after it
  /// would jump by, so they are corrected by it, less from frame to frame.
  ///
  /// - Parameters:
  ///   - clip: at least one frame.
  ///   - next: at least one frame, of the same size.
  /// - Returns: one frame less than both have together.
  /// - Throws: ``MediaError`` with `invalidFrame` for no frames, or frames of several sizes.
  public static func joined(
    _ clip: [RGBImage],
    _ next: [RGBImage]
  ) throws(MediaError) -> [RGBImage] {
    guard let end = clip.last, let start = next.first else {
      throw MediaError(.invalidFrame, "clips without frames cannot be joined")
    }
    for frame in clip + next where frame.width != end.width || frame.height != end.height {
      throw MediaError(
        .invalidFrame,
        "clips of \(end.width)x\(end.height) and \(frame.width)x\(frame.height) pixels cannot be"
          + " joined"
      )
    }
    let shift = ToneShift(from: start, to: end)
    let faded = Double(min(fadedFrames, next.count))
    return clip
      + next.dropFirst().enumerated().map { index, frame in
        shift.applied(to: frame, weight: 1 - Double(index) / faded)
      }
  }
}

/// What brings the average and the contrast of each channel of one picture to another's.
private struct ToneShift {
  private let gains: [Double]
  private let offsets: [Double]

  init(from source: RGBImage, to target: RGBImage) {
    let (old, new) = (Self.statistics(source), Self.statistics(target))
    // A channel without contrast has no gain; one that is out of proportion is no shift of tone.
    gains = zip(old, new).map {
      $0.deviation < 1 ? 1 : min(max($1.deviation / $0.deviation, 0.5), 2)
    }
    offsets = zip(gains, zip(old, new)).map { gain, both in both.1.mean - gain * both.0.mean }
  }

  func applied(to image: RGBImage, weight: Double) -> RGBImage {
    guard weight > 0 else { return image }
    let tables = (0..<3).map { channel in
      (0..<256).map { value in
        let old = Double(value)
        let shifted = old + weight * (gains[channel] * old + offsets[channel] - old)
        return UInt8(min(max(shifted, 0), 255).rounded())
      }
    }
    var pixels = image.pixels
    for index in pixels.indices { pixels[index] = tables[index % 3][Int(pixels[index])] }
    return RGBImage(trusted: pixels, width: image.width, height: image.height)
  }

  private static func statistics(_ image: RGBImage) -> [(mean: Double, deviation: Double)] {
    var sums = [0, 0, 0]
    var squares = [0, 0, 0]
    for (index, value) in image.pixels.enumerated() {
      sums[index % 3] += Int(value)
      squares[index % 3] += Int(value) * Int(value)
    }
    let count = Double(image.width * image.height)
    return (0..<3).map { channel in
      let mean = Double(sums[channel]) / count
      return (mean, max(0, Double(squares[channel]) / count - mean * mean).squareRoot())
    }
  }
}
