// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension Picture {
  /// The picture as RGB, without resizing: Pillow's `convert("RGB")`.
  ///
  /// Grey is repeated, alpha is dropped, CMYK is mixed as Pillow mixes it. Of 16-bit grey every
  /// value over 255 becomes white: Pillow cuts off there rather than scale.
  public func rgb() -> RGBImage {
    let count = width * height
    let converted: [UInt8]
    switch mode {
    case .rgb, .palette:
      converted = pixels
    case .bilevel, .gray:
      converted = unsafe Self.eachPixel(of: pixels, count: count, from: 1, to: 3) {
        source,
        target in
        unsafe target[0] = source[0]
        unsafe target[1] = source[0]
        unsafe target[2] = source[0]
      }
    case .grayAlpha:
      converted = unsafe Self.eachPixel(of: pixels, count: count, from: 2, to: 3) {
        source,
        target in
        unsafe target[0] = source[0]
        unsafe target[1] = source[0]
        unsafe target[2] = source[0]
      }
    case .gray16:
      converted = unsafe Self.eachPixel(of: pixels, count: count, from: 2, to: 3) {
        source,
        target in
        let value: UInt8 = unsafe source[1] == 0 ? source[0] : 255
        unsafe target[0] = value
        unsafe target[1] = value
        unsafe target[2] = value
      }
    case .rgba:
      converted = unsafe Self.eachPixel(of: pixels, count: count, from: 4, to: 3) {
        source,
        target in
        unsafe target[0] = source[0]
        unsafe target[1] = source[1]
        unsafe target[2] = source[2]
      }
    case .cmyk:
      converted = unsafe Self.eachPixel(of: pixels, count: count, from: 4, to: 3) {
        source,
        target in
        let light = unsafe 255 - Int32(source[3])
        for channel in 0..<3 {
          let ink = unsafe Self.multiply(Int32(source[channel]), light)
          unsafe target[channel] = UInt8(truncatingIfNeeded: max(0, light - ink))
        }
      }
    }
    return RGBImage(trusted: converted, width: width, height: height)
  }

  /// The colours multiplied by alpha, which resizing needs so that hidden colours do not bleed.
  func premultiplied() -> [UInt8] {
    let channels = mode.bytesPerPixel
    return unsafe Self.eachPixel(of: pixels, count: width * height, from: channels, to: channels) {
      source,
      target in
      let alpha = unsafe Int32(source[channels - 1])
      for channel in 0..<channels - 1 {
        let value = unsafe Self.multiply(Int32(source[channel]), alpha)
        unsafe target[channel] = UInt8(truncatingIfNeeded: value)
      }
      unsafe target[channels - 1] = source[channels - 1]
    }
  }

  /// Undoes ``premultiplied()`` on the `pixels` of a picture of `count` pixels.
  static func unpremultiplied(_ pixels: [UInt8], count: Int, channels: Int) -> [UInt8] {
    unsafe eachPixel(of: pixels, count: count, from: channels, to: channels) { source, target in
      let alpha = unsafe Int32(source[channels - 1])
      for channel in 0..<channels - 1 {
        let value = unsafe Int32(source[channel])
        let plain = alpha == 0 || alpha == 255 ? value : min(255, 255 * value / alpha)
        unsafe target[channel] = UInt8(truncatingIfNeeded: plain)
      }
      unsafe target[channels - 1] = source[channels - 1]
    }
  }

  /// `a * b / 255`, rounded, by Pillow's shifts.
  @inline(__always)
  private static func multiply(_ a: Int32, _ b: Int32) -> Int32 {
    let product = a &* b &+ 128
    return ((product &>> 8) &+ product) &>> 8
  }

  /// Makes `count` pixels of `to` bytes out of as many of `from` bytes.
  ///
  /// `body` may touch only those bytes of the two pixels it is handed.
  @inline(__always)
  private static func eachPixel(
    of source: [UInt8],
    count: Int,
    from: Int,
    to: Int,
    _ body: (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
  ) -> [UInt8] {
    precondition(source.count == count * from)
    return unsafe [UInt8](unsafeUninitializedCapacity: count * to) { target, initialized in
      unsafe source.withUnsafeBufferPointer { source in
        guard var input = source.baseAddress, var output = target.baseAddress else { return }
        for _ in 0..<count {
          unsafe body(input, output)
          unsafe input += from
          unsafe output += to
        }
      }
      initialized = count * to
    }
  }
}
