// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The two passes of a resize over bytes, bit for bit as Pillow does them.
///
/// Every function below reads `source` and writes a new array, both rows of interleaved samples.
/// The pointers stay inside the arrays because ``ResamplingWeights`` never names a pixel outside
/// the axis it was made for, and the preconditions tie the arrays to those axes.
enum Resampling {
  /// Resizes across, 8 bits a sample.
  static func across(
    _ source: [UInt8],
    width: Int,
    height: Int,
    channels: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    switch channels {
    case 1: across1(source, width: width, height: height, weights: weights)
    case 2: across2(source, width: width, height: height, weights: weights)
    case 3: across3(source, width: width, height: height, weights: weights)
    default: across4(source, width: width, height: height, weights: weights)
    }
  }

  /// Resizes down, 8 bits a sample; `rowBytes` is the width times the channels.
  static func down(
    _ source: [UInt8],
    rowBytes: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    precondition(source.count == rowBytes * height)
    let outputs = weights.first.count
    let sums = UnsafeMutableBufferPointer<Int32>.allocate(capacity: rowBytes)
    defer { unsafe sums.deallocate() }
    return unsafe [UInt8](unsafeUninitializedCapacity: outputs * rowBytes) { target, initialized in
      unsafe source.withUnsafeBufferPointer { source in
        guard let input = source.baseAddress, var output = target.baseAddress,
          let sums = sums.baseAddress
        else { return }
        for row in 0..<outputs {
          for index in 0..<rowBytes { unsafe sums[index] = half }
          for tap in 0..<weights.count[row] {
            let weight = weights.fixed[row * weights.stride + tap]
            let line = unsafe input + (weights.first[row] + tap) * rowBytes
            for index in 0..<rowBytes {
              unsafe sums[index] &+= weight &* Int32(line[index])
            }
          }
          for index in 0..<rowBytes { unsafe output[index] = clamp(sums[index]) }
          unsafe output += rowBytes
        }
      }
      initialized = outputs * rowBytes
    }
  }

  /// Picks pixels without mixing them; works for any number of bytes in a pixel.
  static func nearest(
    _ source: [UInt8],
    width: Int,
    height: Int,
    bytesPerPixel: Int,
    columns: AxisBox,
    rows: AxisBox,
    newWidth: Int,
    newHeight: Int
  ) -> [UInt8] {
    let column = picks(columns, outputs: newWidth, limit: width)
    let row = picks(rows, outputs: newHeight, limit: height)
    var result: [UInt8] = []
    result.reserveCapacity(newWidth * newHeight * bytesPerPixel)
    for y in row {
      for x in column {
        let start = (y * width + x) * bytesPerPixel
        for byte in start..<start + bytesPerPixel { result.append(source[byte]) }
      }
    }
    return result
  }

  /// The positions are summed up rather than multiplied out, since Pillow's are.
  private static func picks(_ box: AxisBox, outputs: Int, limit: Int) -> [Int] {
    let step = Double(box.end - box.start) / Double(outputs)
    var position = Double(box.start) + step * 0.5
    return (0..<outputs).map { _ in
      defer { position += step }
      return min(max(Int(position), 0), limit - 1)
    }
  }
}

extension Resampling {
  /// One half in fixed point, so that the shift in ``clamp(_:)`` rounds.
  private static let half: Int32 = 1 << (ResamplingWeights.precision - 1)

  @inline(__always)
  private static func clamp(_ sum: Int32) -> UInt8 {
    UInt8(truncatingIfNeeded: min(max(sum &>> Int32(ResamplingWeights.precision), 0), 255))
  }

  /// Calls `body` with each new pixel's first source pixel, its weights and their number.
  @inline(__always)
  private static func eachPixelAcross(
    _ source: [UInt8],
    width: Int,
    height: Int,
    channels: Int,
    weights: ResamplingWeights,
    _ body: (
      UnsafePointer<UInt8>, UnsafePointer<Int32>, Int, UnsafeMutablePointer<UInt8>
    ) -> Void
  ) -> [UInt8] {
    precondition(source.count == width * height * channels)
    let outputs = weights.first.count
    let size = outputs * height * channels
    return unsafe [UInt8](unsafeUninitializedCapacity: size) { target, initialized in
      unsafe source.withUnsafeBufferPointer { source in
        unsafe weights.fixed.withUnsafeBufferPointer { fixed in
          unsafe weights.first.withUnsafeBufferPointer { first in
            unsafe weights.count.withUnsafeBufferPointer { count in
              guard var line = source.baseAddress, var output = target.baseAddress,
                let kernels = fixed.baseAddress
              else { return }
              for _ in 0..<height {
                var kernel = unsafe kernels
                for column in 0..<outputs {
                  unsafe body(line + first[column] * channels, kernel, count[column], output)
                  unsafe kernel += weights.stride
                  unsafe output += channels
                }
                unsafe line += width * channels
              }
            }
          }
        }
      }
      initialized = size
    }
  }

  private static func across1(
    _ source: [UInt8],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    unsafe eachPixelAcross(source, width: width, height: height, channels: 1, weights: weights) {
      input,
      kernel,
      taps,
      output in
      var sum = half
      for tap in 0..<taps { unsafe sum &+= kernel[tap] &* Int32(input[tap]) }
      unsafe output[0] = clamp(sum)
    }
  }

  private static func across2(
    _ source: [UInt8],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    unsafe eachPixelAcross(source, width: width, height: height, channels: 2, weights: weights) {
      input,
      kernel,
      taps,
      output in
      var sum0 = half
      var sum1 = half
      for tap in 0..<taps {
        let weight = unsafe kernel[tap]
        unsafe sum0 &+= weight &* Int32(input[tap &* 2])
        unsafe sum1 &+= weight &* Int32(input[tap &* 2 &+ 1])
      }
      unsafe output[0] = clamp(sum0)
      unsafe output[1] = clamp(sum1)
    }
  }

  private static func across3(
    _ source: [UInt8],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    unsafe eachPixelAcross(source, width: width, height: height, channels: 3, weights: weights) {
      input,
      kernel,
      taps,
      output in
      var sum0 = half
      var sum1 = half
      var sum2 = half
      var pixel = unsafe input
      for tap in 0..<taps {
        let weight = unsafe kernel[tap]
        unsafe sum0 &+= weight &* Int32(pixel[0])
        unsafe sum1 &+= weight &* Int32(pixel[1])
        unsafe sum2 &+= weight &* Int32(pixel[2])
        unsafe pixel += 3
      }
      unsafe output[0] = clamp(sum0)
      unsafe output[1] = clamp(sum1)
      unsafe output[2] = clamp(sum2)
    }
  }

  private static func across4(
    _ source: [UInt8],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt8] {
    unsafe eachPixelAcross(source, width: width, height: height, channels: 4, weights: weights) {
      input,
      kernel,
      taps,
      output in
      var sum0 = half
      var sum1 = half
      var sum2 = half
      var sum3 = half
      var pixel = unsafe input
      for tap in 0..<taps {
        let weight = unsafe kernel[tap]
        unsafe sum0 &+= weight &* Int32(pixel[0])
        unsafe sum1 &+= weight &* Int32(pixel[1])
        unsafe sum2 &+= weight &* Int32(pixel[2])
        unsafe sum3 &+= weight &* Int32(pixel[3])
        unsafe pixel += 4
      }
      unsafe output[0] = clamp(sum0)
      unsafe output[1] = clamp(sum1)
      unsafe output[2] = clamp(sum2)
      unsafe output[3] = clamp(sum3)
    }
  }
}

extension Resampling {
  /// Resizes 16-bit grey across; Pillow sums these in double precision, in order.
  static func across16(
    _ source: [UInt16],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt16] {
    var result: [UInt16] = []
    result.reserveCapacity(weights.first.count * height)
    for row in 0..<height {
      for column in weights.first.indices {
        var sum = 0.0
        for tap in 0..<weights.count[column] {
          let sample = source[row * width + weights.first[column] + tap]
          sum += Double(sample) * weights.exact[column * weights.stride + tap]
        }
        result.append(clamp16(sum))
      }
    }
    return result
  }

  /// Resizes 16-bit grey down.
  static func down16(
    _ source: [UInt16],
    width: Int,
    height: Int,
    weights: ResamplingWeights
  ) -> [UInt16] {
    var result: [UInt16] = []
    result.reserveCapacity(width * weights.first.count)
    for row in weights.first.indices {
      for column in 0..<width {
        var sum = 0.0
        for tap in 0..<weights.count[row] {
          let sample = source[(weights.first[row] + tap) * width + column]
          sum += Double(sample) * weights.exact[row * weights.stride + tap]
        }
        result.append(clamp16(sum))
      }
    }
    return result
  }

  private static func clamp16(_ sum: Double) -> UInt16 {
    UInt16(min(max(Int(sum >= 0 ? sum + 0.5 : sum - 0.5), 0), 65_535))
  }
}
