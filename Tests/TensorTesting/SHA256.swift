// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The SHA-256 hash (FIPS 180-4) of some bytes, in hexadecimal: the fixtures keep hashes of arrays that
/// are too large to keep.
package func sha256(_ bytes: [UInt8]) -> String {
  var state = roots(primes.prefix(8), fraction: { $0.squareRoot() })
  let constants = roots(primes[...], fraction: cubeRoot)
  let bitCount = UInt64(bytes.count) * 8
  var tail = Array(bytes[(bytes.count / 64 * 64)...]) + [0x80]
  tail += [UInt8](repeating: 0, count: (120 - tail.count % 64) % 64)
  tail += (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> (56 - 8 * $0)) }
  var words = [UInt32](repeating: 0, count: 64)
  func compress(_ source: [UInt8], at start: Int) {
    for index in 0..<16 {
      let at = start + 4 * index
      words[index] =
        UInt32(source[at]) << 24 | UInt32(source[at + 1]) << 16 | UInt32(source[at + 2]) << 8
        | UInt32(source[at + 3])
    }
    for index in 16..<64 {
      let (a, b) = (words[index - 15], words[index - 2])
      words[index] =
        words[index - 16] &+ words[index - 7]
        &+ (turned(a, 7) ^ turned(a, 18) ^ a >> 3) &+ (turned(b, 17) ^ turned(b, 19) ^ b >> 10)
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let first =
        h &+ (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) &+ ((e & f) ^ (~e & g))
        &+ constants[index] &+ words[index]
      let second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ ((a & b) ^ (a & c) ^ (b & c))
      (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
  }
  for start in stride(from: 0, to: bytes.count / 64 * 64, by: 64) { compress(bytes, at: start) }
  for start in stride(from: 0, to: tail.count, by: 64) { compress(tail, at: start) }
  return state.map { word in
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }.joined()
}

private let primes = (2...311).filter { number in !(2..<number).contains { number % $0 == 0 } }

private func turned(_ word: UInt32, _ count: UInt32) -> UInt32 {
  word >> count | word << (32 - count)
}

/// The first 32 bits behind the point of a root of each number.
private func roots(_ numbers: ArraySlice<Int>, fraction root: (Double) -> Double) -> [UInt32] {
  numbers.map { number in
    let value = root(Double(number))
    return UInt32((value - value.rounded(.down)) * 0x1p32)
  }
}

/// Newton's iteration from above, which settles on the nearest double or its neighbour.
private func cubeRoot(_ x: Double) -> Double {
  var y = x
  for _ in 0..<64 { y -= (y * y * y - x) / (3 * y * y) }
  return y
}
