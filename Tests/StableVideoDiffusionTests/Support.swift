// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
internal import Media
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorReference
internal import TensorTesting
import Testing

/// The pictures of the reference's test vectors, by formula.
enum TestPicture {
  static func make(_ kind: String, _ width: Int, _ height: Int) throws -> RGBImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * 3)
    for y in 0..<height {
      for x in 0..<width {
        pixels += pixel(kind, x, y, width, height).map { UInt8(min(max($0, 0), 255)) }
      }
    }
    return try RGBImage(width: width, height: height, pixels: pixels)
  }

  private static func pixel(
    _ kind: String,
    _ x: Int,
    _ y: Int,
    _ width: Int,
    _ height: Int
  )
    -> [Int]
  {
    switch kind {
    case "a":
      let red = 255 * x / max(width - 1, 1)
      let green = 255 * y / max(height - 1, 1)
      let (across, down, radius) = (x - width / 2, y - height / 2, min(width, height) / 3)
      let isInside = across * across + down * down < radius * radius
      return isInside
        ? [230 - red / 3, 40 + green / 4, x * y % 251] : [red, green, (x * 7 + y * 3) % 256]
    case "b":
      return [
        (x / 5 + y / 7) % 2 * 200 + 20, (x * x / 9 + y * 11) % 256,
        255 - 255 * (x + y) / (width + height),
      ]
    default:
      var z = (x * 2_654_435_761 + y * 40503 + 12345) & 0xFFFF_FFFF
      z ^= z >> 13
      z = (z * 1_274_126_177) & 0xFFFF_FFFF
      z ^= z >> 16
      return [
        (z & 63) + 128 * x / width, (z >> 8 & 63) + 128 * y / height,
        (z >> 16 & 127) + 64 * (x / 9 % 2),
      ]
    }
  }
}

/// The tiny checkpoint of the fixtures, loaded once.
enum Tiny {
  static let folder = Fixtures.folder + "/tiny/model"

  static let pipeline = Result {
    StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(folder: folder, variant: "fp16", backend: CPUBackend())
    )
  }

  /// The smallest request that goes through every stage.
  static var request: GenerationRequest {
    var request = GenerationRequest()
    request.width = 32
    request.height = 24
    request.frames = 3
    request.steps = 3
    request.seeds = [7]
    return request
  }

  static func picture() throws -> RGBImage { try TestPicture.make("b", 40, 30) }
}

/// Makes a file longer, by zeros that take no place on the disk.
func extend(_ path: String, to byteCount: Int) throws {
  try #require(unsafe truncate(path, byteCount) == 0)
}
