// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Testing

@Suite("Resizing as Pillow does", .serialized)
struct ResizeTests {
  @Test("noise resized with both filters has the bytes of the shared vectors")
  func sharedVectors() throws {
    let vectors = try Vectors()
    let sizes = [(37, 91, 64, 48), (101, 75, 64, 40), (64, 130, 48, 48), (30, 20, 64, 40)]
    for (width, height, newWidth, newHeight) in sizes {
      let name = "pil.c.\(width)x\(height)"
      let image = try RGBImage(
        width: width,
        height: height,
        pixels: try vectors.bytes("\(name).in")
      )
      for (filter, word) in [(ResamplingFilter.bicubic, "bicubic"), (.lanczos, "lanczos")] {
        let resized = try image.resized(width: newWidth, height: newHeight, filter: filter)
        #expect(
          resized.pixels == (try vectors.bytes("\(name).\(newWidth)x\(newHeight).\(word)")),
          "\(name) \(word)"
        )
      }
    }
  }

  @Test("colours with alpha are weighted by it before they are mixed")
  func alpha() throws {
    let vectors = try Vectors()
    let picture = try Picture(
      width: 40,
      height: 30,
      mode: .rgba,
      pixels: try vectors.bytes("pil.rgba.in")
    )
    let resized = try picture.fitted(width: 48, height: 24, fit: .stretch)
    #expect(resized.pixels == (try vectors.bytes("pil.rgba.48x24.to_rgb")))
  }

  @Test(
    "large pictures have Pillow's bytes",
    arguments: [(1920, 1080), (640, 480), (1080, 1920), (1024, 1536)]
  )
  func large(_ width: Int, _ height: Int) throws {
    let name = "pil.a.\(width)x\(height).1024x576.bicubic.sha256"
    let resized = try testImage(width, height).resized(width: 1024, height: 576)
    #expect(sha256(resized.pixels) == (try Vectors.hash(name)))
  }

  @Test("the order of passes shows in the pixels, where Pillow 13 changed it and only there")
  func passOrder() throws {
    let tall = try testImage(108, 192)
    let new = try tall.resized(width: 102, height: 57, passOrder: .pillow13)
    let old = try tall.resized(width: 102, height: 57, passOrder: .pillow12)
    #expect(new != old)
    let wide = try testImage(192, 108)
    #expect(
      try wide.resized(width: 102, height: 57, passOrder: .pillow13)
        == wide.resized(width: 102, height: 57, passOrder: .pillow12)
    )
  }

  @Test("a picture of the right size is returned as it is", arguments: Picture.Mode.allCases)
  func unchanged(_ mode: Picture.Mode) throws {
    let pixels = (0..<7 * 5 * mode.bytesPerPixel).map { UInt8($0 * 37 % 256) }
    let picture = try Picture(width: 7, height: 5, mode: mode, pixels: pixels)
    #expect(try picture.resized(width: 7, height: 5) == picture)
  }

  @Test("one pixel becomes a plain picture and back", arguments: ResamplingFilter.allCases)
  func onePixel(_ filter: ResamplingFilter) throws {
    let pixel = try RGBImage(width: 1, height: 1, pixels: [9, 200, 31])
    let large = try pixel.resized(width: 33, height: 17, filter: filter)
    #expect(large.pixels == Array(repeating: [9, 200, 31], count: 33 * 17).flatMap { $0 })
    #expect(try large.resized(width: 1, height: 1, filter: filter) == pixel)
  }

  @Test("sizes out of range are refused", arguments: [(0, 5), (5, 0), (-1, 5), (20_001, 5)])
  func badSizes(_ width: Int, _ height: Int) async throws {
    let image = try testImage(8, 8)
    let error = await mediaError { try image.resized(width: width, height: height) }
    #expect(error?.code == .invalidParameter)
  }

  @Test("pixels that do not fit the size are refused")
  func badPixels() async {
    let error = await mediaError { try RGBImage(width: 2, height: 2, pixels: [1, 2, 3]) }
    #expect(error?.code == .invalidParameter)
    let other = await mediaError {
      try Picture(width: 2, height: 2, mode: .cmyk, pixels: [1, 2, 3])
    }
    #expect(other?.code == .invalidParameter)
  }

  @Test("padding is black and centred, cropping is centred")
  func fit() throws {
    let white = try Picture(
      width: 4,
      height: 2,
      mode: .gray,
      pixels: [UInt8](repeating: 255, count: 8)
    )
    let padded = try white.fitted(width: 4, height: 4, fit: .pad)
    let rows = stride(from: 0, to: 48, by: 12).map { Array(padded.pixels[$0..<$0 + 12]) }
    let black = [UInt8](repeating: 0, count: 12)
    let full = [UInt8](repeating: 255, count: 12)
    #expect(rows == [black, full, full, black])

    let halves = try Picture(width: 4, height: 1, mode: .gray, pixels: [10, 20, 30, 40])
    #expect(try halves.fitted(width: 2, height: 1, fit: .crop).pixels == [20, 20, 20, 30, 30, 30])
  }

  /// Picture "a" of the reference vectors.
  private func testImage(_ width: Int, _ height: Int) throws -> RGBImage {
    var pixels: [UInt8] = []
    pixels.reserveCapacity(width * height * 3)
    let reach = min(width, height) / 3
    for y in 0..<height {
      for x in 0..<width {
        var red = 255 * x / max(width - 1, 1)
        var green = 255 * y / max(height - 1, 1)
        var blue = (x * 7 + y * 3) % 256
        let (dx, dy) = (x - width / 2, y - height / 2)
        if dx * dx + dy * dy < reach * reach {
          red = 230 - red / 3
          green = 40 + green / 4
          blue = x * y % 251
        }
        pixels += [UInt8(red), UInt8(green), UInt8(blue)]
      }
    }
    return try RGBImage(width: width, height: height, pixels: pixels)
  }
}

/// The parts of Fixtures/vectors that concern pictures.
private struct Vectors {
  private let data: Data
  private let header: [String: Any]

  init() throws {
    data = try Data(contentsOf: Files.vectors.appending(path: "vectors.safetensors"))
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let json = try JSONSerialization.jsonObject(with: data[8..<8 + length])
    header = try #require(json as? [String: Any])
    start = 8 + length
  }

  private let start: Int

  func bytes(_ name: String) throws -> [UInt8] {
    let entry = try #require(header[name] as? [String: Any], "\(name) is missing")
    let offsets = try #require(entry["data_offsets"] as? [Int])
    return Array(data[start + offsets[0]..<start + offsets[1]])
  }

  static func hash(_ name: String) throws -> String {
    let data = try Data(contentsOf: Files.vectors.appending(path: "vectors.json"))
    let json = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(json[name] as? String, "\(name) is missing")
  }
}

/// SHA-256 (FIPS 180-4), in hexadecimal.
private func sha256(_ message: [UInt8]) -> String {
  func fraction(_ root: Double) -> UInt32 {
    UInt32((root - root.rounded(.down)) * 4_294_967_296)
  }
  let primes = (2...311).filter { n in !(2..<n).contains { n % $0 == 0 } }
  let constants = primes.map { fraction(cbrt(Double($0))) }
  var hash = primes.prefix(8).map { fraction(Double($0).squareRoot()) }
  var padded = message + [0x80]
  padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
  padded += (0..<8).reversed().map { UInt8(truncatingIfNeeded: (message.count * 8) >> ($0 * 8)) }
  func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
  var w = [UInt32](repeating: 0, count: 64)
  for block in stride(from: 0, to: padded.count, by: 64) {
    for i in 0..<16 {
      w[i] = (0..<4).reduce(0) { $0 << 8 | UInt32(padded[block + i * 4 + $1]) }
    }
    for i in 16..<64 {
      let s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3
      let s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10
      w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
    }
    var v = hash
    for i in 0..<64 {
      let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)
      let choice = v[4] & v[5] ^ ~v[4] & v[6]
      let first = v[7] &+ s1 &+ choice &+ constants[i] &+ w[i]
      let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)
      let second = s0 &+ (v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2])
      v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
    }
    for i in 0..<8 { hash[i] &+= v[i] }
  }
  return hash.map { word in
    String(repeating: "0", count: 8 - String(word, radix: 16).count) + String(word, radix: 16)
  }.joined()
}
