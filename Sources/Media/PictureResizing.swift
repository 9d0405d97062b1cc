// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Which pass of a resize goes first; it shows in the pixels, as each pass rounds to bytes.
public enum ResamplingPassOrder: Sendable, Hashable, CaseIterable {
  /// Down first if the height shrinks by more than twice what the width shrinks by, else across
  /// first, as Pillow 13 does.
  case pillow13
  /// Across first, always, as Pillow did up to version 12.
  case pillow12
}

/// How a picture is brought to a size whose proportions are not its own.
public enum PictureFit: String, Sendable, Hashable, CaseIterable {
  /// Both sides are scaled on their own; nothing is lost, proportions change. Pillow's `resize`.
  case stretch
  /// The largest centred part with the new proportions is scaled; the rest is cut off. The part
  /// may begin and end inside a pixel. Pillow's `ImageOps.fit`.
  case crop
  /// The whole picture is scaled until it fits, sides rounded half to even, and centred on black.
  /// Pillow's `ImageOps.pad`.
  case pad
}

extension Picture {
  /// The largest side that a picture may be resized to, in pixels.
  public static let largestSide = 20_000

  /// The picture at another size, in the same mode: Pillow's `resize`, bit for bit.
  ///
  /// Palette and bilevel pictures are resized by nearest neighbour whatever the filter; colours
  /// with alpha are weighted by it. A picture that has the size already is returned as it is.
  ///
  /// - Parameters:
  ///   - width: pixels across, from 1 to ``largestSide``.
  ///   - height: pixels down, from 1 to ``largestSide``.
  ///   - filter: how pixels are mixed.
  ///   - passOrder: which Pillow to agree with.
  /// - Returns: a picture of the same mode.
  /// - Throws: ``MediaError`` with `invalidParameter` when the size is out of range.
  public func resized(
    width: Int,
    height: Int,
    filter: ResamplingFilter = .bicubic,
    passOrder: ResamplingPassOrder = .pillow13
  ) throws(MediaError) -> Picture {
    try resized(
      width: width,
      height: height,
      columns: AxisBox(start: 0, end: Float(self.width)),
      rows: AxisBox(start: 0, end: Float(self.height)),
      filter: filter,
      passOrder: passOrder
    )
  }

  /// The picture as RGB at exactly `width` by `height`.
  ///
  /// - Parameters:
  ///   - width: pixels across, from 1 to ``largestSide``.
  ///   - height: pixels down, from 1 to ``largestSide``.
  ///   - fit: what happens when the proportions differ.
  ///   - filter: how pixels are mixed.
  ///   - passOrder: which Pillow to agree with.
  /// - Returns: an image of that size.
  /// - Throws: ``MediaError`` with `invalidParameter` when the size is out of range.
  public func fitted(
    width: Int,
    height: Int,
    fit: PictureFit,
    filter: ResamplingFilter = .bicubic,
    passOrder: ResamplingPassOrder = .pillow13
  ) throws(MediaError) -> RGBImage {
    try Self.check(width: width, height: height)
    switch fit {
    case .stretch:
      return try resized(width: width, height: height, filter: filter, passOrder: passOrder).rgb()
    case .crop:
      let ratio = Double(width) / Double(height)
      let own = Double(self.width) / Double(self.height)
      let cropWidth = own > ratio ? ratio * Double(self.height) : Double(self.width)
      let cropHeight = own < ratio ? Double(self.width) / ratio : Double(self.height)
      let left = (Double(self.width) - cropWidth) * 0.5
      let top = (Double(self.height) - cropHeight) * 0.5
      return try resized(
        width: width,
        height: height,
        columns: AxisBox(
          start: Float(left),
          end: min(Float(left + cropWidth), Float(self.width))
        ),
        rows: AxisBox(start: Float(top), end: min(Float(top + cropHeight), Float(self.height))),
        filter: filter,
        passOrder: passOrder
      ).rgb()
    case .pad:
      let ratio = Double(width) / Double(height)
      let own = Double(self.width) / Double(self.height)
      var inner = (width: width, height: height)
      if own > ratio {
        let scaled = Double(self.height) / Double(self.width) * Double(width)
        inner.height = max(1, Int(scaled.rounded(.toNearestOrEven)))
      } else if own < ratio {
        let scaled = Double(self.width) / Double(self.height) * Double(height)
        inner.width = max(1, Int(scaled.rounded(.toNearestOrEven)))
      }
      return try resized(
        width: inner.width,
        height: inner.height,
        filter: filter,
        passOrder: passOrder
      ).rgb().centred(width: width, height: height)
    }
  }

  private static func check(width: Int, height: Int) throws(MediaError) {
    guard (1...largestSide).contains(width), (1...largestSide).contains(height) else {
      throw MediaError(
        .invalidParameter,
        "cannot resize to \(width)x\(height): each side must be from 1 to \(largestSide) pixels"
      )
    }
  }

  /// Resizes a box of the picture, which lies within it.
  private func resized(
    width: Int,
    height: Int,
    columns: AxisBox,
    rows: AxisBox,
    filter: ResamplingFilter,
    passOrder: ResamplingPassOrder
  ) throws(MediaError) -> Picture {
    try Self.check(width: width, height: height)
    if width == self.width, height == self.height, columns.covers(width), rows.covers(height) {
      return self
    }
    if filter == .nearest || mode == .bilevel || mode == .palette {
      let picked = Resampling.nearest(
        pixels,
        width: self.width,
        height: self.height,
        bytesPerPixel: mode.bytesPerPixel,
        columns: columns,
        rows: rows,
        newWidth: width,
        newHeight: height
      )
      return Picture(trusted: picked, width: width, height: height, mode: mode)
    }

    let hasAlpha = mode == .grayAlpha || mode == .rgba
    let source = hasAlpha ? premultiplied() : pixels
    let downFirst =
      passOrder == .pillow13 && self.height > height
      && self.height - height > 2 * (self.width - width)
    let across =
      width == self.width && columns.covers(width)
      ? nil
      : ResamplingWeights(inputs: self.width, box: columns, outputs: width, filter: filter)
    let down =
      height == self.height && rows.covers(height)
      ? nil
      : ResamplingWeights(inputs: self.height, box: rows, outputs: height, filter: filter)

    let mixed =
      mode == .gray16
      ? mixed16(source, across: across, down: down, downFirst: downFirst)
      : mixed8(source, across: across, down: down, downFirst: downFirst)
    let result =
      hasAlpha
      ? Self.unpremultiplied(mixed, count: width * height, channels: mode.bytesPerPixel) : mixed
    return Picture(trusted: result, width: width, height: height, mode: mode)
  }

  private func mixed8(
    _ source: [UInt8],
    across: ResamplingWeights?,
    down: ResamplingWeights?,
    downFirst: Bool
  ) -> [UInt8] {
    let channels = mode.bytesPerPixel
    var pixels = source
    var size = (width: width, height: height)
    for isDown in downFirst ? [true, false] : [false, true] {
      if isDown, let down {
        pixels = Resampling.down(
          pixels,
          rowBytes: size.width * channels,
          height: size.height,
          weights: down
        )
        size.height = down.first.count
      } else if !isDown, let across {
        pixels = Resampling.across(
          pixels,
          width: size.width,
          height: size.height,
          channels: channels,
          weights: across
        )
        size.width = across.first.count
      }
    }
    return pixels
  }

  private func mixed16(
    _ source: [UInt8],
    across: ResamplingWeights?,
    down: ResamplingWeights?,
    downFirst: Bool
  ) -> [UInt8] {
    var samples = (0..<width * height).map {
      UInt16(source[2 * $0]) | UInt16(source[2 * $0 + 1]) << 8
    }
    var size = (width: width, height: height)
    for isDown in downFirst ? [true, false] : [false, true] {
      if isDown, let down {
        samples = Resampling.down16(
          samples,
          width: size.width,
          height: size.height,
          weights: down
        )
        size.height = down.first.count
      } else if !isDown, let across {
        samples = Resampling.across16(
          samples,
          width: size.width,
          height: size.height,
          weights: across
        )
        size.width = across.first.count
      }
    }
    return samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
  }
}

extension RGBImage {
  /// The image at another size: Pillow's `resize`, bit for bit.
  ///
  /// - Parameters:
  ///   - width: pixels across, from 1 to ``Picture/largestSide``.
  ///   - height: pixels down, from 1 to ``Picture/largestSide``.
  ///   - filter: how pixels are mixed.
  ///   - passOrder: which Pillow to agree with.
  /// - Returns: an image of that size.
  /// - Throws: ``MediaError`` with `invalidParameter` when the size is out of range.
  public func resized(
    width: Int,
    height: Int,
    filter: ResamplingFilter = .bicubic,
    passOrder: ResamplingPassOrder = .pillow13
  ) throws(MediaError) -> RGBImage {
    try picture.resized(width: width, height: height, filter: filter, passOrder: passOrder).rgb()
  }

  /// The image in the middle of a black one that is at least as large, offsets rounded half to
  /// even as Python's `round` does.
  func centred(width: Int, height: Int) -> RGBImage {
    guard width != self.width || height != self.height else { return self }
    let left = Int((Double(width - self.width) * 0.5).rounded(.toNearestOrEven))
    let top = Int((Double(height - self.height) * 0.5).rounded(.toNearestOrEven))
    var canvas = [UInt8](repeating: 0, count: width * height * 3)
    let rowBytes = self.width * 3
    for row in 0..<self.height {
      let target = ((top + row) * width + left) * 3
      canvas.replaceSubrange(
        target..<target + rowBytes,
        with: pixels[row * rowBytes..<(row + 1) * rowBytes]
      )
    }
    return RGBImage(trusted: canvas, width: width, height: height)
  }
}
