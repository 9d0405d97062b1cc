// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Decodes Windows bitmaps, which libvips leaves to ImageMagick.
///
/// Reads headers of 12, 40, 52, 56, 64, 108 and 124 bytes; 1, 4, 8, 16, 24 and 32 bits a pixel;
/// plain, run-length coded and with bit fields, as Pillow does.
package struct BitmapDecoder {
  private enum Compression: Int {
    case plain = 0
    case runs8, runs4, bitFields
  }

  private var reader: ByteReader
  private var width = 0
  private var height = 0
  private var topDown = false
  private var bits = 0
  private var compression = Compression.plain
  private var colorCount = 0
  private var masks = [0, 0, 0, 0]
  private var bytesPerColor = 4
  private var dataOffset = 0

  /// Decodes a file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - limits: checked before pixels are allocated.
  /// - Returns: a picture of the mode that Pillow would open it in.
  /// - Throws: ``MediaError`` with `pictureTooLarge`, `damagedPicture` or `unsupportedPicture`.
  package static func decode(
    _ bytes: [UInt8],
    limits: PictureLimits
  ) throws(MediaError) -> Picture {
    var decoder = BitmapDecoder(reader: ByteReader(bytes, format: .bmp))
    try decoder.readHeader()
    try limits.check(width: decoder.width, height: decoder.height)
    return try decoder.readPixels()
  }

  private init(reader: ByteReader) {
    self.reader = reader
  }

  private mutating func readHeader() throws(MediaError) {
    try reader.seek(to: 10)
    dataOffset = try reader.uint32()
    let headerSize = try reader.uint32()
    guard headerSize != 12 else {
      width = try reader.uint16()
      height = try reader.uint16()
      try reader.skip(2)
      bits = try reader.uint16()
      colorCount = 1 << min(bits, 8)
      bytesPerColor = 3
      return
    }
    guard [40, 52, 56, 64, 108, 124].contains(headerSize) else {
      throw reader.unsupported("a header of \(headerSize) bytes")
    }
    width = try reader.uint32()
    let signedHeight = Int(Int32(truncatingIfNeeded: try reader.uint32()))
    topDown = signedHeight < 0
    height = abs(signedHeight)
    try reader.skip(2)
    bits = try reader.uint16()
    let declared = try reader.uint32()
    guard let known = Compression(rawValue: declared) else {
      throw reader.unsupported("compression \(declared)")
    }
    compression = known
    try reader.skip(12)
    colorCount = try reader.uint32()
    if colorCount == 0 { colorCount = 1 << min(bits, 8) }
    try reader.skip(4)
    if compression == .bitFields {
      for index in 0..<(headerSize >= 56 ? 4 : 3) { masks[index] = try reader.uint32() }
    }
    if headerSize > 40 { try reader.seek(to: 14 + headerSize) }
  }

  private mutating func readPixels() throws(MediaError) -> Picture {
    switch (bits, compression) {
    case (1, .plain), (4, .plain), (8, .plain), (8, .runs8), (4, .runs4):
      return try readIndexed()
    case (16, .plain), (16, .bitFields), (24, .plain), (24, .bitFields), (32, .plain),
      (32, .bitFields):
      return try readDirect()
    default:
      throw reader.unsupported("\(bits) bits a pixel and compression \(compression.rawValue)")
    }
  }

  private mutating func readIndexed() throws(MediaError) -> Picture {
    guard (1...256).contains(colorCount) else {
      throw reader.damaged("\(colorCount) colours in its palette")
    }
    var palette: [UInt8] = []
    for _ in 0..<colorCount {
      let color = Array(try reader.slice(bytesPerColor))
      palette += [color[2], color[1], color[0]]
    }
    try reader.seek(to: dataOffset)
    let indices = compression == .plain ? try plainIndices() : try runLengthIndices()

    // Pillow forgets a palette that only repeats the index as grey, which changes how it resizes.
    let grays = colorCount == 2 ? [0, 255] : (0..<colorCount).map { UInt8($0) }
    guard palette.elementsEqual(grays.flatMap { [$0, $0, $0] }) else {
      return Picture(
        trusted: PaletteLookup(rgb: palette).rgb(indices),
        width: width,
        height: height,
        mode: .palette
      )
    }
    return colorCount <= 2
      ? Picture(
        trusted: indices.map { $0 == 0 ? 0 : 255 },
        width: width,
        height: height,
        mode: .bilevel
      )
      : Picture(trusted: indices, width: width, height: height, mode: .gray)
  }

  private mutating func plainIndices() throws(MediaError) -> [UInt8] {
    let rowBytes = (width * bits + 31) / 32 * 4
    try requireBytes(rowBytes * height)
    var indices = [UInt8](repeating: 0, count: width * height)
    let perByte = 8 / bits
    let mask = UInt8((1 << bits) - 1)
    for row in 0..<height {
      let line = try reader.slice(rowBytes)
      let target = (topDown ? row : height - 1 - row) * width
      for column in 0..<width {
        let packed = line[line.startIndex + column / perByte]
        let shift = 8 - bits * (column % perByte + 1)
        indices[target + column] = (packed >> UInt8(shift)) & mask
      }
    }
    return indices
  }

  /// Undoes the two run-length codes; pixels that are jumped over keep index 0.
  private mutating func runLengthIndices() throws(MediaError) -> [UInt8] {
    var indices = [UInt8](repeating: 0, count: width * height)
    var x = 0
    var y = 0
    func put(_ index: UInt8) {
      guard x < width, y < height else { return }
      indices[(topDown ? y : height - 1 - y) * width + x] = index
      x += 1
    }
    while y < height {
      let count = Int(try reader.byte())
      let value = try reader.byte()
      if count > 0 {
        for step in 0..<count {
          put(bits == 8 ? value : step % 2 == 0 ? value >> 4 : value & 15)
        }
        continue
      }
      switch value {
      case 0:
        x = 0
        y += 1
      case 1:
        return indices
      case 2:
        x += Int(try reader.byte())
        y += Int(try reader.byte())
        guard x <= width else { throw reader.damaged("a jump leaves the picture") }
      default:
        let literal = bits == 8 ? Int(value) : (Int(value) + 1) / 2
        let run = Array(try reader.slice(literal))
        for step in 0..<Int(value) {
          put(bits == 8 ? run[step] : step % 2 == 0 ? run[step / 2] >> 4 : run[step / 2] & 15)
        }
        // Runs of literals end on an even byte; the last one may end with the file.
        if literal % 2 == 1, reader.position < reader.bytes.count { try reader.skip(1) }
      }
    }
    return indices
  }

  private mutating func readDirect() throws(MediaError) -> Picture {
    let layout = try directLayout()
    try reader.seek(to: dataOffset)
    let rowBytes = (width * bits + 31) / 32 * 4
    try requireBytes(rowBytes * height)
    let channels = layout.mode.bytesPerPixel
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    let step = bits / 8
    for row in 0..<height {
      let line = try reader.slice(rowBytes)
      var target = (topDown ? row : height - 1 - row) * width * channels
      for source in stride(from: line.startIndex, to: line.startIndex + width * step, by: step) {
        if bits == 16 {
          let packed = Int(line[source]) | Int(line[source + 1]) << 8
          for channel in 0..<3 {
            let field = (packed >> layout.shifts[channel]) & layout.maxima[channel]
            pixels[target + channel] = UInt8(field * 255 / layout.maxima[channel])
          }
        } else {
          for channel in 0..<channels {
            pixels[target + channel] = line[source + layout.shifts[channel] / 8]
          }
        }
        target += channels
      }
    }
    return Picture(trusted: pixels, width: width, height: height, mode: layout.mode)
  }

  private struct DirectLayout {
    var mode = Picture.Mode.rgb
    /// Where red, green, blue and alpha begin, in bits from the lowest.
    var shifts = [16, 8, 0, 24]
    /// The largest value of red, green and blue where they are not bytes.
    var maxima = [255, 255, 255]
  }

  private func directLayout() throws(MediaError) -> DirectLayout {
    let fives = DirectLayout(shifts: [10, 5, 0], maxima: [31, 31, 31])
    guard compression == .bitFields else { return bits == 16 ? fives : DirectLayout() }
    switch (bits, masks[0], masks[1], masks[2], masks[3]) {
    case (16, 0x7C00, 0x3E0, 0x1F, _):
      return fives
    case (16, 0xF800, 0x7E0, 0x1F, _):
      return DirectLayout(shifts: [11, 5, 0], maxima: [31, 63, 31])
    case (24, 0xFF0000, 0xFF00, 0xFF, _), (32, 0xFF0000, 0xFF00, 0xFF, 0):
      return DirectLayout()
    case (32, 0xFF00_0000, 0xFF0000, 0xFF00, 0):
      return DirectLayout(shifts: [24, 16, 8])
    case (32, 0xFF00_0000, 0xFF00, 0xFF, 0):
      return DirectLayout(shifts: [24, 8, 0])
    case (32, 0xFF00_0000, 0xFF0000, 0xFF00, 0xFF):
      return DirectLayout(mode: .rgba, shifts: [24, 16, 8, 0])
    case (32, 0xFF, 0xFF00, 0xFF0000, 0xFF00_0000):
      return DirectLayout(mode: .rgba, shifts: [0, 8, 16, 24])
    case (32, 0xFF0000, 0xFF00, 0xFF, 0xFF00_0000), (32, 0, 0, 0, 0):
      return DirectLayout(mode: .rgba)
    case (32, 0xFF00_0000, 0xFF00, 0xFF, 0xFF0000):
      return DirectLayout(mode: .rgba, shifts: [24, 8, 0, 16])
    default:
      throw reader.unsupported("these bit fields")
    }
  }

  private func requireBytes(_ count: Int) throws(MediaError) {
    guard count <= reader.bytes.count - reader.position else { throw reader.truncated }
  }
}
