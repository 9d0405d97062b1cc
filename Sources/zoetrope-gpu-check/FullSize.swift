// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import TensorCUDA
import TensorCore
import TensorReference

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Operands made on the GPU, where numbers by the hundred million cost nothing.
struct DeviceOperands {
  let backend: CUDABackend
  private var key: UInt64 = 0

  init(_ backend: CUDABackend) { self.backend = backend }

  mutating func tensor(
    _ shape: Shape,
    mean: Double = 0,
    deviation: Double = 1
  ) throws -> Tensor {
    key += 1
    return try backend.uniform(
      shape,
      key: UniformSequence.mix(key),
      mean: mean,
      width: 3.0.squareRoot() * deviation
    )
  }
}

extension Tensor {
  /// Some consecutive elements.
  func elements(_ start: Int, _ count: Int) throws -> [Float] {
    try reshaped(Shape([shape.count])).slice(start..<start + count).values()
  }
}

/// An operation at a size that Stable Video Diffusion XT runs it at, and what its definition says of a
/// part of the result: the whole would take the plain loops hours.
struct FullSizeCase: Sendable {
  let name: String
  let run: @Sendable (inout DeviceOperands) throws -> (result: Tensor, parts: [Part])
  /// Multiplications and additions, for the rate.
  let operations: Double

  /// Some consecutive elements of the result and what they should be.
  struct Part: Sendable {
    let start: Int
    let expected: [Float]
  }

  static let all: [FullSizeCase] =
    [(460_800, 320, 320), (115_200, 640, 640), (28_800, 1280, 1280), (460_800, 1280, 320)].map {
      linear(rows: $0, inputs: $1, outputs: $2)
    }
    + [(50, 72, 128, 320), (50, 36, 64, 640), (50, 18, 32, 1280), (2, 576, 1024, 128)].map {
      convolution(images: $0, height: $1, width: $2, channels: $3)
    }
    + [
      (2, 25, 9216, 320), (2, 25, 2304, 640), (2, 25, 576, 1280), (1, 2, 36_864, 512),
      (1, 2, 589_824, 128), (1, 25, 589_824, 256),
    ].map {
      temporal(clips: $0, frames: $1, pixels: $2, channels: $3)
    }
    + [(50, 9216, 5, 64), (50, 2304, 10, 64), (1, 257, 16, 80), (2, 9216, 1, 512)].map {
      attention(images: $0, tokens: $1, heads: $2, size: $3)
    }
    + [frames, groupNorm]
    + [(460_800, 320), (115_200, 640), (28_800, 1280)].map { feedForward(rows: $0, channels: $1) }

  private static func linear(rows: Int, inputs: Int, outputs: Int) -> FullSizeCase {
    FullSizeCase(
      name: "linear [\(rows), \(inputs)] to \(outputs)",
      run: { operands in
        let x = try operands.tensor([rows, inputs])
        let values = try operands.tensor([outputs, inputs], deviation: 0.05)
        let bias = try operands.tensor([outputs])
        let weight = try values.backend.prepare(values)
        let reference = ReferenceBackend()
        let theirs = try reference.prepare(
          reference.upload(values.values(), shape: values.shape)
        )
        let parts = try [0, rows / 3, rows - 2].map { row in
          let some = try reference.upload(
            x.slice(row..<row + 2).values(),
            shape: [2, inputs]
          )
          let added = try reference.upload(bias.values(), shape: [outputs])
          return Part(start: row * outputs, expected: try some.linear(theirs, bias: added).values())
        }
        return (try x.linear(weight, bias: bias), parts)
      },
      operations: 2 * Double(rows) * Double(inputs) * Double(outputs)
    )
  }

  private static func convolution(
    images: Int,
    height: Int,
    width: Int,
    channels: Int
  ) -> FullSizeCase {
    FullSizeCase(
      name: "convolution 3x3 [\(images), \(height), \(width), \(channels)]",
      run: { operands in
        let x = try operands.tensor([images, height, width, channels])
        let shape: Shape = [channels, channels, 3, 3]
        let values = try operands.tensor(shape, deviation: 0.02)
        let bias = try operands.tensor([channels])
        let residual = try operands.tensor(x.shape)
        let weight = try values.backend.prepare(values)
        let host = try values.values()
        let added = try bias.values()
        let parts = try [(0, 0, 0), (images - 1, height - 1, width / 2)].map { image, row, column in
          let map = try x.slice(image..<image + 1).values()
          let at = (row * width + column) * channels
          let rest = try residual.elements(image * height * width * channels + at, channels)
          let expected = (0..<channels).map { output -> Float in
            var sum = Double(added[output]) + Double(rest[output])
            for a in 0..<3 where (0..<height).contains(row + a - 1) {
              for b in 0..<3 where (0..<width).contains(column + b - 1) {
                let from = ((row + a - 1) * width + column + b - 1) * channels
                for c in 0..<channels {
                  sum +=
                    Double(map[from + c])
                    * Double(host[(output * channels + c) * 9 + a * 3 + b])
                }
              }
            }
            return Float(sum)
          }
          return Part(start: image * height * width * channels + at, expected: expected)
        }
        return (
          try x.convolution(weight, bias: bias, padding: Padding(1, 1), residual: residual), parts
        )
      },
      operations: 18 * Double(images * height * width) * Double(channels * channels)
    )
  }

  private static func temporal(
    clips: Int,
    frames: Int,
    pixels: Int,
    channels: Int
  ) -> FullSizeCase {
    FullSizeCase(
      name: "convolution 3x1 [\(clips), \(frames), \(pixels), \(channels)]",
      run: { operands in
        let x = try operands.tensor([clips, frames, pixels, channels])
        let values = try operands.tensor([channels, channels, 3, 1], deviation: 0.03)
        let weight = try values.backend.prepare(values)
        let host = try values.values()
        let parts = try [(0, 0), (frames - 1, pixels - 1), (frames / 2, pixels / 2)].map {
          frame,
          pixel in
          let taps = try (0..<3).filter { (0..<frames).contains(frame + $0 - 1) }.map { tap in
            let row = ((clips - 1) * frames + frame + tap - 1) * pixels + pixel
            return (tap, try x.elements(row * channels, channels))
          }
          let expected = (0..<channels).map { output -> Float in
            var sum = 0.0
            for (tap, values) in taps {
              for c in 0..<channels {
                sum += Double(values[c]) * Double(host[(output * channels + c) * 3 + tap])
              }
            }
            return Float(sum)
          }
          let start = (((clips - 1) * frames + frame) * pixels + pixel) * channels
          return Part(start: start, expected: expected)
        }
        return (try x.convolution(weight, padding: Padding(1, 0)), parts)
      },
      operations: 6 * Double(clips * frames * pixels) * Double(channels * channels)
    )
  }

  private static func attention(images: Int, tokens: Int, heads: Int, size: Int) -> FullSizeCase {
    FullSizeCase(
      name: "attention [\(images), \(tokens)], \(heads) heads of \(size)",
      run: { operands in
        let channels = heads * size
        let qkv = try operands.tensor([images, tokens, 3 * channels])
        let last = try qkv.slice(images - 1..<images).values()
        let parts = [(0, 0), (tokens - 1, heads - 1)].map { token, head in
          let start = ((images - 1) * tokens + token) * channels + head * size
          return Part(
            start: start,
            expected: attended(last, token, head, tokens: tokens, channels: channels, size: size)
          )
        }
        return (try qkv.tokenAttention(heads: heads), parts)
      },
      operations: 4 * Double(images * heads * size) * Double(tokens) * Double(tokens)
    )
  }

  /// One head's result for one token: `qkv` is `[tokens, 3 · channels]`.
  private static func attended(
    _ qkv: [Float],
    _ token: Int,
    _ head: Int,
    tokens: Int,
    channels: Int,
    size: Int
  ) -> [Float] {
    let query = token * 3 * channels + head * size
    let scores = (0..<tokens).map { other -> Double in
      let key = other * 3 * channels + channels + head * size
      return (0..<size).reduce(0.0) { $0 + Double(qkv[query + $1]) * Double(qkv[key + $1]) }
        / Double(size).squareRoot()
    }
    let most = scores.max() ?? 0
    let powers = scores.map { exp($0 - most) }
    let sum = powers.reduce(0, +)
    return (0..<size).map { channel in
      Float(
        powers.indices.reduce(0.0) { total, other in
          total + powers[other]
            * Double(qkv[other * 3 * channels + 2 * channels + head * size + channel])
        } / sum
      )
    }
  }

  private static let frames = FullSizeCase(
    name: "attention over frames [2, 25, 9216], 5 heads of 64",
    run: { operands in
      let (tokens, channels) = (9216, 320)
      let qkv = try operands.tensor([2, 25, tokens, 3 * channels])
      let token = tokens - 1
      let rows = try (0..<25).flatMap { frame in
        try qkv.elements(((25 + frame) * tokens + token) * 3 * channels, 3 * channels)
      }
      let expected = (0..<5).flatMap { head in
        attended(rows, 24, head, tokens: 25, channels: channels, size: 64)
      }
      let start = ((25 + 24) * tokens + token) * channels
      return (try qkv.frameAttention(heads: 5), [Part(start: start, expected: expected)])
    },
    operations: 4.0 * 2 * 9216 * 320 * 25 * 25
  )

  private static let groupNorm = FullSizeCase(
    name: "group norm [2, 25, 9216, 320], silu",
    run: { operands in
      let x = try operands.tensor([2, 25, 9216, 320], mean: 0.5)
      let weight = try operands.tensor([320], mean: 1, deviation: 0.3)
      let bias = try operands.tensor([320])
      let clip = try x.slice(1..<2).values()
      // One group of ten channels.
      let group = 7
      var (sum, squares, count) = (0.0, 0.0, 0.0)
      for start in stride(from: group * 10, to: clip.count, by: 320) {
        for value in clip[start..<start + 10] {
          sum += Double(value)
          squares += Double(value) * Double(value)
          count += 1
        }
      }
      let mean = sum / count
      let inverse = 1 / (squares / count - mean * mean + 1e-5).squareRoot()
      let (scale, shift) = (try weight.values(), try bias.values())
      let row = 25 * 9216 - 1
      let expected = (0..<10).map { index -> Float in
        let channel = group * 10 + index
        let y =
          (Double(clip[row * 320 + channel]) - mean) * inverse * Double(scale[channel])
          + Double(shift[channel])
        return Float(y / (1 + exp(-y)))
      }
      let result = try x.groupNorm(
        groups: 32,
        weight: weight,
        bias: bias,
        epsilon: 1e-5,
        silu: true
      )
      return (
        result, [Part(start: (25 * 9216 + row) * 320 + group * 10, expected: expected)]
      )
    },
    operations: 0
  )

  private static func feedForward(rows: Int, channels: Int) -> FullSizeCase {
    FullSizeCase(
      name: "feed-forward [\(rows), \(channels)]",
      run: { operands in
        let x = try operands.tensor([rows, channels])
        let values = try (
          operands.tensor(
            [8 * channels, channels],
            deviation: 0.9 / Double(channels).squareRoot()
          ),
          operands.tensor([8 * channels]),
          operands.tensor(
            [channels, 4 * channels],
            deviation: 0.5 / Double(channels).squareRoot()
          ),
          operands.tensor([channels])
        )
        let backend = x.backend
        let result = try x.feedForward(
          gated: backend.prepare(values.0),
          gatedBias: values.1,
          output: backend.prepare(values.2),
          outputBias: values.3,
          residual: x
        )
        let reference = ReferenceBackend()
        func copy(_ tensor: Tensor) throws -> Tensor {
          try reference.upload(tensor.values(), shape: tensor.shape)
        }
        let gated = try reference.prepare(copy(values.0))
        let outer = try reference.prepare(copy(values.2))
        let biases = try (copy(values.1), copy(values.3))
        let parts = try [0, rows / 2 - 1, rows - 2].map { first in
          let some = try copy(x.slice(first..<first + 2))
          let expected = try some.feedForward(
            gated: gated,
            gatedBias: biases.0,
            output: outer,
            outputBias: biases.1,
            residual: some
          )
          return Part(start: first * channels, expected: try expected.values())
        }
        return (result, parts)
      },
      operations: 24.0 * Double(rows) * Double(channels * channels)
    )
  }
}

extension Report {
  /// Operations at full size, with what they take.
  mutating func checkFullSize(_ engine: CUDAEngine, _ element: Element) {
    let backend = CUDABackend(engine, element)
    for test in FullSizeCase.all {
      let suite = "full size \(element)"
      check(suite, test.name) {
        var operands = DeviceOperands(backend)
        let (result, parts) = try test.run(&operands)
        var (actual, expected): ([Float], [Float]) = ([], [])
        for part in parts {
          let flat = try result.reshaped(Shape([result.shape.count]))
          actual += try flat.slice(part.start..<part.start + part.expected.count).values()
          expected += part.expected
        }
        let error = Difference(actual, expected).relative
        let limit = element.tolerance(needsFullPrecision: false)
        return Entry(
          suite: suite,
          name: test.name,
          holds: error <= limit,
          error: error,
          limit: limit,
          note: "\(engine.allocator.usedBytes >> 20) MiB in use"
        )
      }
    }
  }
}
