// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media

/// How far, in pixels, what is in one picture has moved in another: the mean over blocks that have
/// enough texture to be found again.
///
/// - Parameters:
///   - first: Cut into blocks.
///   - last: Searched, up to 28 pixels each way, for the place that fits each block best.
/// - Returns: The mean; nil if no block has texture.
func displacement(from first: RGBImage, to last: RGBImage) -> Double? {
  let (width, height, block, reach) = (first.width, first.height, 24, 28)
  let (a, b) = (first.luma, last.luma)
  var lengths: [Double] = []
  for top in stride(from: 0, through: height - block, by: block) {
    for left in stride(from: 0, through: width - block, by: block) {
      var values: [Float] = []
      for row in top..<top + block {
        values += a[row * width + left..<row * width + left + block]
      }
      let mean = values.reduce(0, +) / Float(values.count)
      let variance = values.reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) }
      guard variance / Float(values.count) > 200 else { continue }
      var best = Float.infinity
      var length = 0.0
      for dy in max(-reach, -top)...min(reach, height - block - top) {
        for dx in max(-reach, -left)...min(reach, width - block - left) {
          var error: Float = 0
          for row in 0..<block where error < best {
            let start = (top + row + dy) * width + left + dx
            for column in 0..<block {
              error += abs(values[row * block + column] - b[start + column])
            }
          }
          if error < best {
            best = error
            length = Double(dx * dx + dy * dy).squareRoot()
          }
        }
      }
      lengths.append(length)
    }
  }
  return lengths.isEmpty ? nil : lengths.reduce(0, +) / Double(lengths.count)
}
