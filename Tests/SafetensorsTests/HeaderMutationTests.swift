// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Safetensors
import Testing

struct HeaderMutationTests {
  /// Steele, Lea and Flood's SplitMix64, so that every run makes the same files.
  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }
  }

  private static let fragments: [[UInt8]] = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "-", "0", "1",
    "9223372036854775807",
    "18446744073709551616", "1e9", ".5", "null", "true", "\"a\":", "__metadata__", "dtype", "F64",
    "BF16", "shape", "data_offsets", " ", "\n", "\0", "é",
  ].map { [UInt8]($0.utf8) }

  @Test(arguments: 0..<8)
  func `a mutated file is either read or refused`(_ seed: UInt64) throws {
    let folder = try TestFolder()
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    try writer.add("b", elementType: .float32, shape: [2, 2], bytes: Array(0..<16))
    try writer.add("a.weight", elementType: .float16, shape: [3], bytes: Array(0..<6))
    try writer.add("empty", elementType: .int64, shape: [0, 4], bytes: [])
    try writer.write(toFile: folder.path("valid.safetensors"))
    let valid = try [UInt8](Data(contentsOf: URL(filePath: folder.path("valid.safetensors"))))
    var generator = SplitMix(state: seed)
    var (read, refused) = (0, 0)
    for _ in 0..<750 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        mutate(&bytes, &generator)
      }
      // Mutations of the header's text get past its length only if that is put right.
      if bytes.count >= 30, Bool.random(using: &generator) {
        let length = UInt64(bytes.count - 30)
        bytes.replaceSubrange(
          0..<8,
          with: (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        )
      }
      let path = try folder.write(bytes, to: "mutated.safetensors")
      do {
        let file = try SafetensorsFile(path: path)
        read += 1
        for (name, entry) in file.entries {
          #expect(file.bytes(of: name)?.count == entry.byteRange.count)
          #expect(entry.byteRange.count == entry.elementCount * entry.elementType.byteCount)
          #expect(entry.byteRange.upperBound <= bytes.count)
        }
      } catch {
        refused += 1
        #expect(error.path == path)
        #expect(!error.message.isEmpty)
      }
    }
    #expect(read > 0)
    #expect(refused > 0)
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SplitMix) {
    guard let position = bytes.indices.randomElement(using: &generator) else { return }
    let end = min(bytes.count, position + Int.random(in: 1...12, using: &generator))
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes[position] = UInt8.random(in: .min ... .max, using: &generator)
    case 2: bytes.removeSubrange(position..<end)
    case 3: bytes.insert(contentsOf: bytes[position..<end], at: position)
    case 4:
      let fragment = Self.fragments[Int.random(in: 0..<Self.fragments.count, using: &generator)]
      bytes.insert(contentsOf: fragment, at: position)
    default: bytes.removeSubrange(position...)
    }
  }
}
