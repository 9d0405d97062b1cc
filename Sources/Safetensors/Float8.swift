// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The 8-bit numbers that torch calls `float8_e4m3fn`: a sign, four bits of exponent, three of fraction,
/// no infinities, and 448 at most (Micikevicius and others 2022).
package enum Float8 {
  /// The number that eight bits stand for; every one is exact in 16 bits.
  package static func number(_ bits: UInt8) -> Float16 {
    let (exponent, fraction) = (Int(bits >> 3 & 15), Int(bits & 7))
    if bits & 0x7F == 0x7F { return .nan }
    let magnitude =
      exponent == 0
      ? Float16(fraction) / 512
      : Float16(sign: .plus, exponent: exponent - 10, significand: Float16(8 + fraction))
    return bits & 0x80 == 0 ? magnitude : -magnitude
  }

  /// All of them, by their bits.
  package static let numbers = (UInt8.min...UInt8.max).map(number)

  /// The bits of the nearest number, ties to even; nil for infinities and for what is nearer to 480 than
  /// to 448.
  package static func bits(_ value: Float) -> UInt8? {
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    guard !value.isNaN else { return sign | 0x7F }
    let magnitude = value.magnitude
    guard magnitude <= 464 else { return nil }
    // Below the least exponent the steps are as they are at it.
    let exponent = max(magnitude == 0 ? -6 : Int(magnitude.exponent), -6)
    let step = Float(sign: .plus, exponent: exponent - 3, significand: 1)
    let steps = Int((magnitude / step).rounded(.toNearestOrEven))
    // With eight steps or more the first is the exponent's own; sixteen are the next exponent.
    return sign | UInt8(min((exponent + 6) << 3 + steps, 0x7E))
  }
}
