// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Safetensors
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Against numbers that torch drew.
@Suite struct TorchGeneratorTests {
  private static let seeds: [UInt64] = [0, 42, 1_234_567_890_123]
  private let vectors: SafetensorsFile

  init() throws {
    vectors = try SafetensorsFile(path: Fixtures.folder + "/vectors/vectors.safetensors")
  }

  @Test(arguments: seeds)
  func `one sequence of draws is torch's to the bit`(_ seed: UInt64) throws {
    var generator = TorchGenerator(seed: seed)
    let draws: [(name: String, count: Int, precision: Precision)] = [
      ("f32.n100", 100, .float32), ("f32.n5_after", 5, .float32), ("f16.n40_after", 40, .float16),
      ("f32.n17_after", 17, .float32), ("f32.n2_after", 2, .float32), ("f16.n7_after", 7, .float16),
    ]
    for draw in draws {
      let expected = try floats("randn.\(seed).\(draw.name)", of: vectors)
      let actual = generator.normal(draw.count, draw.precision)
      #expect(actual.map(\.bitPattern) == expected.map(\.bitPattern), "\(draw.name)")
    }
    var fresh = TorchGenerator(seed: seed)
    #expect(fresh.uniform(20) == (try floats("rand.\(seed).f32.n20", of: vectors)))
  }

  @Test(arguments: seeds)
  func `large arrays are torch's to the bit`(_ seed: UInt64) throws {
    let data = try Data(contentsOf: URL(filePath: Fixtures.folder + "/vectors/vectors.json"))
    let hashes = try JSONDecoder().decode(Hashes.self, from: data).values
    for (count, precision) in [
      (921_600, Precision.float32), (921_600, .float16), (1_769_473, .float32),
    ] {
      let name = "randn.\(seed).\(precision == .float32 ? "f32" : "f16").n\(count).sha256"
      var generator = TorchGenerator(seed: seed)
      let values = generator.normal(count, precision)
      let bytes =
        switch precision {
        case .float32: unsafe values.withUnsafeBytes { unsafe [UInt8]($0) }
        case .float16: unsafe values.map { Float16($0) }.withUnsafeBytes { unsafe [UInt8]($0) }
        }
      #expect(sha256(bytes) == hashes[name], "\(name)")
    }
  }

  /// The members of `vectors.json` that are text.
  private struct Hashes: Decodable {
    let values: [String: String]

    struct Text: Decodable {
      let value: String?
      init(from decoder: any Decoder) throws {
        value = try? decoder.singleValueContainer().decode(String.self)
      }
    }

    init(from decoder: any Decoder) throws {
      values = try decoder.singleValueContainer().decode([String: Text].self)
        .compactMapValues(\.value)
    }
  }

  @Test func `only the low 32 bits of a seed count`() {
    var first = TorchGenerator(seed: 42)
    var second = TorchGenerator(seed: 42 + (5 << 32))
    #expect(first.normal(40) == second.normal(40))
    var third = TorchGenerator(seed: 43)
    #expect(first.normal(40) != third.normal(40))
  }

  @Test func `the first words are the Mersenne Twister's own`() {
    // The 10,000th output for the seed 5489 is part of C++'s definition of std::mt19937.
    var generator = TorchGenerator(seed: 5489)
    var word: UInt32 = 0
    for _ in 0..<10_000 { word = generator.nextWord() }
    #expect(word == 4_123_659_995)
  }

  @Test func `drawing nothing changes nothing`() {
    var first = TorchGenerator(seed: 1)
    var second = TorchGenerator(seed: 1)
    #expect(first.normal(0).isEmpty && first.uniform(0).isEmpty)
    #expect(first.normal(20) == second.normal(20))
  }

  @Test func `the hash is SHA-256`() {
    #expect(
      sha256([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    #expect(
      sha256([UInt8]("abc".utf8))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    #expect(
      sha256([UInt8](repeating: 0x61, count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    )
  }
}
