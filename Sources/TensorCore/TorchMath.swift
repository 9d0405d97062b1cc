// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
private import Glibc
#elseif canImport(Musl)
private import Musl
#endif

/// Logarithm, sine and cosine with the last bits of torch's vectorised float32 code.
///
/// Cephes' polynomials, evaluated with fused multiply-adds in torch's order (its AVX2 and AVX-512
/// builds); its portable build differs in last bits.
enum TorchMath {
  static func logOnePlus(_ x: Double) -> Double { log1p(x) }
  static func sine(_ x: Double) -> Double { sin(x) }
  static func cosine(_ x: Double) -> Double { cos(x) }

  /// The natural logarithm of a positive number.
  static func log(_ x: Float) -> Float {
    let x = max(x, Float.leastNormalMagnitude)
    let bits = x.bitPattern
    var exponent = Float(Int32(bits >> 23) - 0x7f) + 1
    var m = Float(bitPattern: (bits & 0x807f_ffff) | 0x3f00_0000)
    let low = m < 0.707106781186547524
    let addend = low ? m : 0
    m -= 1
    if low { exponent -= 1 }
    m += addend
    let z = m * m
    var y: Float = 7.0376836292E-2
    for coefficient in logCoefficients { y = fma(y, m, coefficient) }
    y *= m
    y = fma(y, z, exponent * -2.12194440e-4)
    y = fma(-z, 0.5, y)
    m += y
    return fma(exponent, 0.693359375, m)
  }

  private static let logCoefficients: [Float] = [
    -1.1514610310E-1, 1.1676998740E-1, -1.2420140846E-1, 1.4249322787E-1, -1.6668057665E-1,
    2.0000714765E-1, -2.4999993993E-1, 3.3333331174E-1,
  ]

  /// Sine and cosine of an angle that is not huge.
  static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
    var x = abs(angle)
    let octant = (Int32(x * 1.27323954473516) + 1) & ~1
    let j = Float(octant)
    x = fma(j, -0.78515625, x)
    x = fma(j, -2.4187564849853515625e-4, x)
    x = fma(j, -3.77489497744594108e-8, x)
    let z = x * x
    var c: Float = 2.443315711809948E-5
    c = fma(c, z, -1.388731625493765E-3)
    c = fma(c, z, 4.166664568298827E-2)
    c *= z
    c = fma(c, z, -(z * 0.5)) + 1
    var s: Float = -1.9515295891E-4
    s = fma(s, z, 8.3321608736E-3)
    s = fma(s, z, -1.6666654611E-1)
    s *= z
    s = fma(s, x, x)
    let swapped = octant & 2 != 0
    let sineIsNegative = (octant & 4 != 0) != (angle.sign == .minus)
    let cosineIsNegative = ~(octant &- 2) & 4 != 0
    let sine = swapped ? c : s
    let cosine = swapped ? s : c
    return (sineIsNegative ? -sine : sine, cosineIsNegative ? -cosine : cosine)
  }

  private static func fma(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }
}
