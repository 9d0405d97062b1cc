// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Testing

enum Files {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent()
  static let goldens = tests.appending(path: "Goldens")
  static let vectors = tests.deletingLastPathComponent().appending(path: "Fixtures/vectors")

  static func golden(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: goldens.appending(path: name)))
  }

  /// Hands out a new directory and removes it afterwards.
  static func withDirectory<Result>(
    _ body: (URL) async throws -> Result
  ) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "MediaTests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory)
  }

  static func names(in directory: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))
      .sorted()
  }
}

/// What Pillow made of a picture in Goldens.
struct Golden: Sendable, CustomTestStringConvertible {
  let file: String
  let kind: String
  let width: Int
  let height: Int
  let mode: String
  let tolerance: Int
  let rgb: [UInt8]

  var testDescription: String { "\(file) \(kind)" }

  static let all: [Golden] = {
    do {
      let expected = try Files.golden("expected.bin")
      let list = String(decoding: try Files.golden("goldens.txt"), as: UTF8.self)
      return list.split(separator: "\n").map { line in
        let fields = line.split(separator: " ").map(String.init)
        let numbers = fields.map { Int($0) ?? 0 }
        let size = numbers[2] * numbers[3] * 3
        return Golden(
          file: fields[0],
          kind: fields[1],
          width: numbers[2],
          height: numbers[3],
          mode: fields[4],
          tolerance: numbers[5],
          rgb: Array(expected[numbers[6]..<numbers[6] + size])
        )
      }
    } catch {
      return []
    }
  }()
}

/// Compares bytes, and says where they are furthest apart.
func expectClose(
  _ image: RGBImage,
  _ golden: Golden,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(image.width == golden.width, sourceLocation: sourceLocation)
  #expect(image.height == golden.height, sourceLocation: sourceLocation)
  guard image.pixels.count == golden.rgb.count else { return }
  let differences = zip(image.pixels, golden.rgb).map { abs(Int($0) - Int($1)) }
  let worst = differences.max() ?? 0
  let place = differences.firstIndex(of: worst) ?? 0
  #expect(
    worst <= golden.tolerance,
    """
    \(golden.file) \(golden.kind): byte \(place) is \(image.pixels[place]), Pillow has \
    \(golden.rgb[place]); \(differences.count { $0 > golden.tolerance }) of \
    \(differences.count) bytes are off
    """,
    sourceLocation: sourceLocation
  )
}

/// The error of a call that must fail with one.
func mediaError(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> some Any
) async -> MediaError? {
  do {
    _ = try await body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
  } catch let error as MediaError {
    #expect(!error.message.contains("\n"), sourceLocation: sourceLocation)
    #expect(!error.message.isEmpty, sourceLocation: sourceLocation)
    return error
  } catch {
    Issue.record(error, sourceLocation: sourceLocation)
  }
  return nil
}

/// A repeatable stream of numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A real PNG of zeros, one bit a pixel, that is a thousandth of the size of its pixels.
enum PNGBomb {
  static func bytes(width: Int, height: Int) -> [UInt8] {
    let size = height * (1 + (width + 7) / 8)
    // Fixed Huffman codes: a literal 0, then copies of 258 bytes from one byte back.
    var bits = BitWriter()
    bits.write(0b1, 1)
    bits.write(0b01, 2)
    bits.writeCode(0b0011_0000, 8)
    for _ in 0..<(size - 1) / 258 {
      bits.writeCode(0b1100_0101, 8)
      bits.writeCode(0, 5)
    }
    for _ in 0..<(size - 1) % 258 { bits.writeCode(0b0011_0000, 8) }
    bits.writeCode(0, 7)
    let adler = UInt32(size % 65_521) << 16 | 1
    let header = big(UInt32(width)) + big(UInt32(height)) + [1, 0, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("IDAT", [0x78, 0x01] + bits.finished() + big(adler)) + chunk("IEND", [])
  }

  private struct BitWriter {
    private var bytes: [UInt8] = []
    private var accumulator: UInt32 = 0
    private var count = 0

    mutating func write(_ value: UInt32, _ bits: Int) {
      accumulator |= value << UInt32(count)
      count += bits
      while count >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: accumulator))
        accumulator >>= 8
        count -= 8
      }
    }

    /// Huffman codes go in from their highest bit.
    mutating func writeCode(_ code: UInt32, _ bits: Int) {
      for bit in (0..<bits).reversed() { write((code >> UInt32(bit)) & 1, 1) }
    }

    func finished() -> [UInt8] {
      count > 0 ? bytes + [UInt8(truncatingIfNeeded: accumulator)] : bytes
    }
  }

  private static func big(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(kind.utf8) + data
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in body {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
    }
    return big(UInt32(data.count)) + body + big(~crc)
  }
}
