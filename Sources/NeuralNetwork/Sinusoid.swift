// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Position embeddings of "Attention Is All You Need" (section 3.5) as diffusers makes them with
/// `flip_sin_to_cos` and no shift: cosines first, then sines.
public enum Sinusoid {
  /// Embeds positions.
  ///
  /// - Parameters:
  ///   - positions: Times, frame numbers or other numbers.
  ///   - size: How many numbers each becomes; even.
  /// - Returns: `[positions, size]`, row-major.
  public static func embed(_ positions: [Float], size: Int) -> [Float] {
    let half = size / 2
    let frequencies = (0..<half).map { index in
      exp(-Float(log(10000.0)) * Float(index) / Float(half))
    }
    return positions.flatMap { position in
      frequencies.map { cos(position * $0) } + frequencies.map { sin(position * $0) }
    }
  }
}
