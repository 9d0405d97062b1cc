// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// How the pipeline prepares a picture for CLIP: blur against aliasing, bicubic resize to 224 x 224,
/// normalisation; matches `_resize_with_antialiasing` of diffusers' Stable Video Diffusion pipeline.
package struct CLIPPreprocessing {
  private let configuration: CLIPImageConfiguration
  private static let side = 224

  package init(_ configuration: CLIPImageConfiguration) { self.configuration = configuration }

  /// - Parameters:
  ///   - pixels: RGB bytes, row by row.
  ///   - width: Pixels of a row.
  ///   - height: Rows.
  /// - Returns: `[224, 224, 3]`, row-major.
  package func callAsFunction(_ pixels: [UInt8], width: Int, height: Int) -> [Float] {
    var plane = Plane(
      values: pixels.map { Float($0) / 255 * 2 - 1 },
      height: height,
      width: width
    )
    plane = plane.filtered(Self.kernel(width), along: .columns)
    plane = plane.filtered(Self.kernel(height), along: .rows)
    plane = plane.resized(Self.side, along: .columns).resized(Self.side, along: .rows)
    var result = plane.values
    for index in result.indices {
      let channel = index % 3
      result[index] =
        ((result[index] + 1) / 2 - configuration.mean[channel])
        / configuration.standardDeviation[channel]
    }
    return result
  }

  /// A Gaussian as wide as the shrinking asks for; of odd length, at least three.
  private static func kernel(_ length: Int) -> [Float] {
    let factor = Double(length) / Double(side)
    let sigma = max((factor - 1) / 2, 0.001)
    var count = Int(max(4 * sigma, 3))
    if count % 2 == 0 { count += 1 }
    let weights = (0..<count).map { index in
      let x = Float(index - count / 2)
      return exp(-(x * x) / (2 * Float(sigma) * Float(sigma)))
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// A picture of three float channels.
  private struct Plane {
    let values: [Float]
    let height, width: Int

    enum Axis { case rows, columns }

    /// Weighted sums of neighbours along an axis: `taps[i]` are the sources and weights of output `i`.
    private func gathered(_ taps: [[(index: Int, weight: Float)]], along axis: Axis) -> Plane {
      let outHeight = axis == .rows ? taps.count : height
      let outWidth = axis == .columns ? taps.count : width
      var result = [Float](repeating: 0, count: outHeight * outWidth * 3)
      unsafe values.withUnsafeBufferPointer { source in
        unsafe result.withUnsafeMutableBufferPointer { target in
          for y in 0..<outHeight {
            switch axis {
            case .rows:
              let row = y * width * 3
              for tap in taps[y] {
                let from = tap.index * width * 3
                for x in 0..<width * 3 { unsafe target[row + x] += tap.weight * source[from + x] }
              }
            case .columns:
              for x in 0..<outWidth {
                let at = (y * outWidth + x) * 3
                for tap in taps[x] {
                  let from = (y * width + tap.index) * 3
                  for c in 0..<3 { unsafe target[at + c] += tap.weight * source[from + c] }
                }
              }
            }
          }
        }
      }
      return Plane(values: result, height: outHeight, width: outWidth)
    }

    /// Convolves with a kernel; beyond the edge the picture is reflected, the edge not repeated.
    func filtered(_ kernel: [Float], along axis: Axis) -> Plane {
      let length = axis == .rows ? height : width
      let taps = (0..<length).map { position in
        kernel.indices.map { index in
          var at = abs(position + index - kernel.count / 2)
          if at >= length { at = 2 * (length - 1) - at }
          return (min(max(at, 0), length - 1), kernel[index])
        }
      }
      return gathered(taps, along: axis)
    }

    /// Bicubic interpolation (a = -0.75) with the corners aligned, as torch's `interpolate`.
    func resized(_ size: Int, along axis: Axis) -> Plane {
      let length = axis == .rows ? height : width
      let scale = Float(length - 1) / Float(size - 1)
      let taps = (0..<size).map { position in
        let at = scale * Float(position)
        let base = at.rounded(.down)
        return zip(-1...2, Self.cubic(at - base)).map { offset, weight in
          (min(max(Int(base) + offset, 0), length - 1), weight)
        }
      }
      return gathered(taps, along: axis)
    }

    private static func cubic(_ t: Float) -> [Float] {
      let a: Float = -0.75
      func near(_ x: Float) -> Float { ((a + 2) * x - (a + 3)) * x * x + 1 }
      func far(_ x: Float) -> Float { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
      return [far(t + 1), near(t), near(1 - t), far(2 - t)]
    }
  }
}
