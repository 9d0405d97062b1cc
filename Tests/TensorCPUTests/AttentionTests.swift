// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct AttentionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let images, tokens, heads, size: Int
    var testDescription: String { "\(images) x \(tokens) tokens, \(heads) heads of \(size)" }
  }

  // Around the blocks of 64 queries and 512 keys.
  static let tokens: [Case] = [1, 63, 64, 65, 511, 512, 513, 600].flatMap { tokens in
    [8, 40, 64, 80].map { size in
      Case(images: tokens < 100 ? 2 : 1, tokens: tokens, heads: tokens < 100 ? 3 : 1, size: size)
    }
  }

  static let odd: [Case] = [
    Case(images: 1, tokens: 1, heads: 1, size: 1), Case(images: 3, tokens: 5, heads: 5, size: 3),
    Case(images: 1, tokens: 1100, heads: 2, size: 8), Case(images: 0, tokens: 5, heads: 2, size: 8),
    Case(images: 2, tokens: 0, heads: 2, size: 8), Case(images: 1, tokens: 70, heads: 1, size: 512),
  ]

  @Test(arguments: tokens + odd)
  func `attention among tokens is its definition`(_ test: Case) throws {
    try expectAgreement(of: cpu, within: Tolerance.attention, test.testDescription) { operands in
      try operands.tensor([test.images, test.tokens, 3 * test.heads * test.size])
        .tokenAttention(heads: test.heads)
    }
  }

  struct Clip: Sendable, CustomTestStringConvertible {
    let clips, frames, tokens, heads, size: Int
    var testDescription: String {
      "\(clips) x \(frames) frames of \(tokens) tokens, \(heads) heads of \(size)"
    }
  }

  static let clips: [Clip] =
    [1, 2, 7, 8, 9, 25].flatMap { frames in
      [1, 8, 40, 64, 80].map { size in
        Clip(clips: frames % 2 + 1, frames: frames, tokens: 5, heads: 3, size: size)
      }
    } + [
      Clip(clips: 2, frames: 3, tokens: 300, heads: 1, size: 8),
      Clip(clips: 0, frames: 3, tokens: 4, heads: 1, size: 8),
      Clip(clips: 1, frames: 3, tokens: 0, heads: 1, size: 8),
      Clip(clips: 1, frames: 40, tokens: 2, heads: 2, size: 5),
    ]

  @Test(arguments: clips)
  func `attention among frames is its definition`(_ test: Clip) throws {
    try expectAgreement(of: cpu, within: Tolerance.attention, test.testDescription) { operands in
      try operands.tensor([test.clips, test.frames, test.tokens, 3 * test.heads * test.size])
        .frameAttention(heads: test.heads)
    }
  }

  // Queries and keys of this size have scores of thousands, all of one sign or mixed: their powers
  // overflow unless the largest is taken away first. Float32 scores of that size are known to a few
  // thousandths, and so are the weights.
  @Test(arguments: [(Float(0), Float(60)), (200, 1), (-150, 3)])
  func `large scores neither overflow nor vanish`(_ mean: Float, _ deviation: Float) throws {
    for tokens in [5, 600] {
      try expectAgreement(of: cpu, within: 2e-2, "\(tokens) tokens") { operands in
        try operands.tensor([1, tokens, 3 * 16], mean: mean, deviation: deviation)
          .tokenAttention(heads: 1)
      }
    }
    try expectAgreement(of: cpu, within: 2e-2, "frames") { operands in
      try operands.tensor([1, 25, 3, 3 * 16], mean: mean, deviation: deviation)
        .frameAttention(heads: 1)
    }
  }

  // The first block's largest score must be replaced by the second's, and the sums so far fade.
  @Test func `a key behind the first block that outweighs all others takes over`() throws {
    let (tokens, size) = (530, 4)
    var values = [Float](repeating: 0, count: tokens * 3 * size)
    for token in 0..<tokens {
      values[token * 3 * size] = 10
      values[token * 3 * size + size] = token == 520 ? 30 : -30
      values[token * 3 * size + 2 * size] = Float(token)
    }
    let result = try cpu.upload(values, shape: [1, tokens, 3 * size]).tokenAttention(heads: 1)
    let first = try result.values().enumerated().filter { $0.offset % size == 0 }.map(\.element)
    #expect(first.allSatisfy { $0 == 520 })
  }

  @Test func `a number that is not one makes its own image's rows not numbers and no others`()
    throws
  {
    var values = TorchGenerator.normals(2 * 70 * 24, seed: 1)
    values[70 * 24 + 8] = .nan
    let result = try cpu.upload(values, shape: [2, 70, 24]).tokenAttention(heads: 1).values()
    #expect(result[..<(70 * 8)].allSatisfy { $0.isFinite })
    #expect(result[(70 * 8)...].allSatisfy { $0.isNaN })
  }
}
