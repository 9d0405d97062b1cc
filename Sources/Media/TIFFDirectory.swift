// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The tags of a TIFF's first page that say how its pixels are meant, which libvips does not tell
/// in full.
package struct TIFFDirectory {
  private var tags: [Int: [Int]] = [:]

  /// Reads the first directory of a file.
  ///
  /// - Parameter bytes: the whole file, classic TIFF of either byte order.
  /// - Throws: ``MediaError`` with `damagedPicture` when the directory does not lie in the file.
  package init(_ bytes: [UInt8]) throws(MediaError) {
    let order: ByteReader.Order = bytes.first == 0x4D ? .big : .little
    var reader = ByteReader(bytes, at: 0, order: order, format: .tiff)
    try reader.seek(to: 4)
    try reader.seek(to: try reader.uint32())
    for _ in 0..<(try reader.uint16()) {
      let tag = try reader.uint16()
      let type = try reader.uint16()
      let count = try reader.uint32()
      let next = reader.position + 4
      let size = [1: 1, 3: 2, 4: 4][type]
      // Nothing that matters here has more than a few values.
      if let size, count <= 16 {
        if size * count > 4 { try reader.seek(to: try reader.uint32()) }
        var values: [Int] = []
        for _ in 0..<count {
          switch size {
          case 1: values.append(Int(try reader.byte()))
          case 2: values.append(try reader.uint16())
          default: values.append(try reader.uint32())
          }
        }
        tags[tag] = values
      }
      try reader.seek(to: next)
    }
  }

  /// How Pillow would open the page.
  ///
  /// - Returns: the mode, and how many of the bands of the file belong to it.
  /// - Throws: ``MediaError`` with `unsupportedPicture` for pixels that are not whole numbers of
  ///   up to 16 bits, or in a colour space that Pillow does not turn into RGB.
  package func mode() throws(MediaError) -> (mode: Picture.Mode, bands: Int) {
    let bits = tags[258] ?? [1]
    let depth = bits.max() ?? 1
    let extra = tags[338] ?? []
    let hasAlpha = extra.first == 1 || extra.first == 2
    let samples = tags[277]?.first ?? bits.count
    guard [1, 2, 4, 8, 16].contains(depth), (tags[339] ?? [1]).allSatisfy({ $0 == 1 }) else {
      throw unsupported("\(depth)-bit or fractional samples")
    }
    switch tags[262]?.first ?? 0 {
    case 0, 1:
      if depth == 1 { return (.bilevel, 1) }
      if hasAlpha, samples >= 2 { return (.grayAlpha, 2) }
      return (depth == 16 ? .gray16 : .gray, 1)
    case 2:
      return hasAlpha || (extra.isEmpty && samples == 4) ? (.rgba, 4) : (.rgb, 3)
    case 3:
      return (.palette, 3)
    case 5:
      return (.cmyk, 4)
    case 6:
      return samples == 1 ? (.gray, 1) : (.rgb, 3)
    case let other:
      throw unsupported("colour space \(other)")
    }
  }

  private func unsupported(_ what: String) -> MediaError {
    MediaError(
      .unsupportedPicture,
      "TIFF with \(what) is not supported; save it as PNG or JPEG"
    )
  }
}
