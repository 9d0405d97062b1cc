// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A decoded picture, as it lies in its file: not yet resized, not yet made RGB.
///
/// The modes and what is done with them follow Pillow 13, so that a picture prepared here has the
/// same bytes as one prepared by a Python service.
public struct Picture: Sendable, Hashable {
  /// How the samples of a pixel are to be read.
  public enum Mode: UInt8, Sendable, CaseIterable {
    /// One byte, 0 or 255. Resized by nearest neighbour, as Pillow does with mode `1`.
    case bilevel = 1
    /// One byte.
    case gray
    /// Two bytes, the low one first.
    case gray16
    /// Grey, alpha; not premultiplied.
    case grayAlpha
    /// Red, green, blue, looked up in a palette already. Resized by nearest neighbour, as Pillow
    /// does with mode `P`.
    case palette
    /// Red, green, blue.
    case rgb
    /// Red, green, blue, alpha; not premultiplied.
    case rgba
    /// Cyan, magenta, yellow, black; 255 is full ink.
    case cmyk

    /// How many bytes one pixel takes.
    public var bytesPerPixel: Int {
      switch self {
      case .bilevel, .gray: 1
      case .gray16, .grayAlpha: 2
      case .palette, .rgb: 3
      case .rgba, .cmyk: 4
      }
    }
  }

  /// Pixels across.
  public let width: Int
  /// Pixels down.
  public let height: Int
  /// How ``pixels`` are to be read.
  public let mode: Mode
  /// Rows from the top, samples interleaved: `width * height * mode.bytesPerPixel` bytes.
  public let pixels: [UInt8]

  /// Makes a picture of pixels in memory.
  ///
  /// - Parameters:
  ///   - width: pixels across, from 1.
  ///   - height: pixels down, from 1.
  ///   - mode: how the bytes are to be read.
  ///   - pixels: exactly `width * height * mode.bytesPerPixel` bytes.
  /// - Throws: ``MediaError`` with `invalidParameter` when the bytes do not fit the size.
  public init(width: Int, height: Int, mode: Mode, pixels: [UInt8]) throws(MediaError) {
    guard width > 0, height > 0, width <= Int32.max, height <= Int32.max,
      pixels.count == width * height * mode.bytesPerPixel
    else {
      throw MediaError(
        .invalidParameter,
        "a picture of \(width)x\(height) pixels and \(mode.bytesPerPixel) bytes each cannot have"
          + " \(pixels.count) bytes"
      )
    }
    self.init(trusted: pixels, width: width, height: height, mode: mode)
  }

  /// For pixels that were just made to the size given.
  init(trusted pixels: [UInt8], width: Int, height: Int, mode: Mode) {
    self.width = width
    self.height = height
    self.mode = mode
    self.pixels = pixels
  }
}

/// A picture of interleaved red, green and blue bytes: a conditioning picture or a frame.
public struct RGBImage: Sendable, Hashable {
  /// Pixels across.
  public let width: Int
  /// Pixels down.
  public let height: Int
  /// Rows from the top: `width * height * 3` bytes.
  public let pixels: [UInt8]

  /// Makes an image of pixels in memory.
  ///
  /// - Parameters:
  ///   - width: pixels across, from 1.
  ///   - height: pixels down, from 1.
  ///   - pixels: exactly `width * height * 3` bytes.
  /// - Throws: ``MediaError`` with `invalidParameter` when the bytes do not fit the size.
  public init(width: Int, height: Int, pixels: [UInt8]) throws(MediaError) {
    guard width > 0, height > 0, width <= Int32.max, height <= Int32.max,
      pixels.count == width * height * 3
    else {
      throw MediaError(
        .invalidParameter,
        "an image of \(width)x\(height) RGB pixels cannot have \(pixels.count) bytes"
      )
    }
    self.init(trusted: pixels, width: width, height: height)
  }

  /// For pixels that were just made to the size given.
  init(trusted pixels: [UInt8], width: Int, height: Int) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The same pixels as a ``Picture``.
  var picture: Picture {
    Picture(trusted: pixels, width: width, height: height, mode: .rgb)
  }
}
