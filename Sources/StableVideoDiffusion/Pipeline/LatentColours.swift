// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Media

/// The colour of a latent: the linear map that suits one picture and its own latents best.
///
/// A latent holds more than one colour, but its average colour is close to linear in it. The map is
/// fitted by least squares rather than written down, so it is right for every autoencoder.
package struct LatentColours: Sendable {
  /// How much the colours count that a picture does not have: enough that a picture of one colour
  /// does not make up the others.
  private static let ridge = 1e-3

  private let channels: Int
  /// Of the latents.
  private let mean: [Double]
  /// Of red, green and blue, from 0 to 255.
  private let colour: [Double]
  /// Of red, green and blue, for each channel.
  private let slopes: [[Double]]

  /// Fits the map.
  ///
  /// - Parameters:
  ///   - picture: As many whole squares of pixels as there are latents.
  ///   - latents: The picture's, row by row, channels last.
  ///   - columns: Latents across.
  ///   - channels: Numbers in a latent.
  package init(of picture: RGBImage, latents: [Float], columns: Int, channels: Int) {
    self.channels = channels
    let side = picture.width / max(columns, 1)
    let count = latents.count / max(channels, 1)
    let colours = (0..<count).map { index in
      Self.average(picture, x: index % columns * side, y: index / columns * side, side)
    }
    let points = (0..<count).map { index in
      latents[index * channels..<(index + 1) * channels].map { Double($0) }
    }
    let weight = 1 / Double(max(count, 1))
    func average(_ rows: [[Double]], _ column: Int) -> Double {
      rows.reduce(0) { $0 + $1[column] } * weight
    }
    let mean = (0..<channels).map { average(points, $0) }
    let colour = (0..<3).map { average(colours, $0) }
    // The normal equations about the mean, with the three colours as right-hand sides.
    var rows = [[Double]](repeating: [Double](repeating: 0, count: channels + 3), count: channels)
    for (point, seen) in zip(points, colours) {
      for row in 0..<channels {
        let factor = (point[row] - mean[row]) * weight
        for column in 0..<channels {
          rows[row][column] += factor * (point[column] - mean[column])
        }
        for band in 0..<3 { rows[row][channels + band] += factor * (seen[band] - colour[band]) }
      }
    }
    let spread = (0..<channels).reduce(0) { $0 + rows[$1][$1] } / Double(max(channels, 1))
    for row in 0..<channels { rows[row][row] += Self.ridge * spread + 1e-9 }
    slopes = Self.solved(rows)
    (self.mean, self.colour) = (mean, colour)
  }

  /// The colours of latents.
  ///
  /// - Parameter latents: Channels last, as the autoencoder makes them; numbers that are none become
  ///   black.
  /// - Returns: Red, green and blue of each latent.
  package func pixels(of latents: [Float]) -> [UInt8] {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(latents.count / max(channels, 1) * 3)
    for start in stride(from: 0, to: latents.count - channels + 1, by: channels) {
      for band in 0..<3 {
        var value = colour[band]
        for channel in 0..<channels {
          value += slopes[band][channel] * (Double(latents[start + channel]) - mean[channel])
        }
        pixels.append(value > 0 ? UInt8(min(value, 255).rounded()) : 0)
      }
    }
    return pixels
  }

  /// Red, green and blue of a square of pixels.
  private static func average(_ picture: RGBImage, x: Int, y: Int, _ side: Int) -> [Double] {
    var sum = [0, 0, 0]
    for row in y..<y + side {
      let start = (row * picture.width + x) * 3
      for offset in 0..<side * 3 { sum[offset % 3] += Int(picture.pixels[start + offset]) }
    }
    return sum.map { Double($0) / Double(side * side) }
  }

  /// Solves equations whose matrix is symmetric and positive: no row has to be exchanged.
  ///
  /// - Parameter rows: The matrix, with the right-hand sides behind it.
  /// - Returns: The solution of each right-hand side.
  private static func solved(_ rows: [[Double]]) -> [[Double]] {
    var rows = rows
    let count = rows.count
    for pivot in 0..<count {
      for row in 0..<count where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot..<rows[row].count { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    return (0..<3).map { band in (0..<count).map { rows[$0][count + band] / rows[$0][$0] } }
  }
}
