// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// PyTorch's random source on the processor, bit for bit: `torch.Generator().manual_seed(seed)`.
///
/// The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), seeded with the low 32 bits of the
/// seed; normal numbers by the Box-Muller transform in the two ways that torch has. The same seed so
/// gives the same noise, and the same clip, as the Python reference.
public struct TorchGenerator: Sendable {
  private var state: [UInt32]
  private var position = Self.length
  private var cachedNormal: Double?

  private static let length = 624
  private static let middle = 397

  /// Seeds a generator.
  ///
  /// - Parameter seed: Any 64-bit number; torch uses its low 32 bits.
  public init(seed: UInt64) {
    var word = UInt32(truncatingIfNeeded: seed)
    state = [word]
    state.reserveCapacity(Self.length)
    for index in 1..<UInt32(Self.length) {
      word = 1_812_433_253 &* (word ^ (word >> 30)) &+ index
      state.append(word)
    }
  }

  /// The next 32 random bits.
  public mutating func nextWord() -> UInt32 {
    if position == Self.length { twist() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9d2c_5680
    word ^= (word << 15) & 0xefc6_0000
    word ^= word >> 18
    return word
  }

  private mutating func twist() {
    for index in 0..<Self.length {
      let following = state[(index + 1) % Self.length]
      let mixed = (state[index] & 0x8000_0000) | (following & 0x7fff_ffff)
      var word = state[(index + Self.middle) % Self.length] ^ (mixed >> 1)
      if mixed & 1 == 1 { word ^= 0x9908_b0df }
      state[index] = word
    }
    position = 0
  }

  /// Uniform numbers in `0..<1`, as `torch.rand`.
  ///
  /// - Parameter count: How many, not negative.
  /// - Returns: The numbers.
  public mutating func uniform(_ count: Int) -> [Float] {
    (0..<count).map { _ in nextUniform() }
  }

  /// Standard normal numbers, as `torch.randn`.
  ///
  /// - Parameters:
  ///   - count: How many, not negative. From 16 on torch fills the array in blocks; below, one by one.
  ///   - precision: The type of torch's tensor; it decides how many words are drawn.
  /// - Returns: The numbers.
  public mutating func normal(_ count: Int, _ precision: Precision = .float32) -> [Float] {
    guard count >= 16 else { return (0..<count).map { _ in precision.round(nextNormal()) } }
    let whole = count / 16 * 16
    // For float32 torch first draws a uniform for every element, then transforms; for 16-bit types it
    // draws block by block, so an incomplete last block draws nothing of its own.
    var result = uniform(precision == .float32 ? count : whole)
    result.append(contentsOf: repeatElement(0, count: count - result.count))
    for start in stride(from: 0, to: whole, by: 16) { Self.transform(&result, from: start) }
    if whole != count {
      // The last sixteen are drawn anew, over numbers that were finished already.
      for index in count - 16..<count { result[index] = nextUniform() }
      Self.transform(&result, from: count - 16)
    }
    return precision == .float32 ? result : result.map(precision.round)
  }

  private mutating func nextUniform() -> Float {
    Float(nextWord() & 0xff_ffff) * 0x1p-24
  }

  private mutating func nextDouble() -> Double {
    let high = UInt64(nextWord())
    let low = UInt64(nextWord())
    return Double((high << 32 | low) & ((1 << 53) - 1)) * 0x1p-53
  }

  private mutating func nextNormal() -> Float {
    if let cached = cachedNormal {
      cachedNormal = nil
      return Float(cached)
    }
    let u1 = nextDouble()
    let u2 = nextDouble()
    let radius = (-2 * TorchMath.logOnePlus(-u2)).squareRoot()
    let angle = 2 * Double.pi * u1
    cachedNormal = radius * TorchMath.sine(angle)
    return Float(radius * TorchMath.cosine(angle))
  }

  /// The float32 nearest to 2π.
  ///
  /// `Float.pi` is rounded towards zero, and twice that is one unit less.
  private static let fullTurn: Float = 6.283185307179586

  private static func transform(_ values: inout [Float], from start: Int) {
    for index in start..<start + 8 {
      let radius = (-2 * TorchMath.log(1 - values[index])).squareRoot()
      let (sine, cosine) = TorchMath.sineAndCosine(fullTurn * values[index + 8])
      values[index] = radius * cosine
      values[index + 8] = radius * sine
    }
  }
}
