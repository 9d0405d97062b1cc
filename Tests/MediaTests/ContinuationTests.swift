// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Media
import Testing

@Suite("Joining clips")
struct ContinuationTests {
  /// A picture in another tone: darker, with less contrast, and with a tint.
  private func shifted(_ image: RGBImage) throws -> RGBImage {
    try RGBImage(
      width: image.width,
      height: image.height,
      pixels: image.pixels.enumerated().map { index, value in
        UInt8(0.8 * Double(value) + [0, 4, 8][index % 3])
      }
    )
  }

  private func average(_ image: RGBImage) -> Double {
    Double(image.pixels.reduce(0) { $0 + Int($1) }) / Double(image.pixels.count)
  }

  @Test("the frame that both share is there once, and nothing jumps behind it")
  func seam() throws {
    let clip = try (0..<3).map { try frame($0, width: 48, height: 32) }
    let next = try [RGBImage](repeating: shifted(clip[2]), count: 15)
    let joined = try Continuation.joined(clip, next)
    try #require(joined.count == 17)
    #expect(Array(joined[..<3]) == clip)
    // What was made anew in another tone comes out as it was, then goes over into its own.
    for (one, other) in zip(joined[3].pixels, clip[2].pixels) {
      #expect(abs(Int(one) - Int(other)) <= 2)
    }
    #expect(joined[16] == next[14])
    let steps = zip(joined[2...], joined[3...]).map { abs(average($0) - average($1)) }
    let whole = abs(average(clip[2]) - average(next[0]))
    #expect(steps.allSatisfy { $0 < whole / 4 }, "\(steps) of \(whole)")
  }

  @Test("clips without frames, or of another size, are refused")
  func refusals() throws {
    let small = try [frame(0, width: 8, height: 8)]
    let other = try [frame(0, width: 8, height: 16)]
    let pairs: [([RGBImage], [RGBImage])] = [([], small), (small, []), (small, other)]
    for (one, other) in pairs {
      let error = #expect(throws: MediaError.self) { try Continuation.joined(one, other) }
      #expect(error?.code == .invalidFrame)
    }
    #expect(try Continuation.joined(small, small) == small)
  }
}
