// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Decodes the first frame of a GIF, as indices, so that transparent pixels keep the colour that
/// Pillow gives them and a grey palette resizes the way Pillow's does.
package struct GIFDecoder {
  private struct Frame {
    var left = 0
    var top = 0
    var width = 0
    var height = 0
    var interlaced = false
    /// Red, green, blue of each colour; nil where there is no palette or it only says that an
    /// index is a grey.
    var palette: [UInt8]?
    var transparent: UInt8?
  }

  private var reader: ByteReader
  private var width = 0
  private var height = 0
  private var frame = Frame()

  /// Decodes a file.
  ///
  /// - Parameters:
  ///   - bytes: the whole file; what follows the first frame is not looked at.
  ///   - limits: checked before pixels are allocated.
  /// - Returns: the first frame on its canvas, of mode `palette` or `gray`.
  /// - Throws: ``MediaError`` with `pictureTooLarge` or `damagedPicture`.
  package static func decode(
    _ bytes: [UInt8],
    limits: PictureLimits
  ) throws(MediaError) -> Picture {
    var decoder = GIFDecoder(reader: ByteReader(bytes, format: .gif))
    try decoder.readHeader()
    try limits.check(width: decoder.width, height: decoder.height)
    try limits.check(width: decoder.frame.width, height: decoder.frame.height)
    return try decoder.readFrame()
  }

  private init(reader: ByteReader) {
    self.reader = reader
  }

  private mutating func readHeader() throws(MediaError) {
    try reader.seek(to: 6)
    width = try reader.uint16()
    height = try reader.uint16()
    let flags = try reader.byte()
    try reader.skip(2)
    if flags & 0x80 != 0 { frame.palette = try readPalette(flags) }
    while true {
      switch try reader.byte() {
      case 0x21:
        try readExtension()
      case 0x2C:
        frame.left = try reader.uint16()
        frame.top = try reader.uint16()
        frame.width = try reader.uint16()
        frame.height = try reader.uint16()
        let flags = try reader.byte()
        frame.interlaced = flags & 0x40 != 0
        if flags & 0x80 != 0 { frame.palette = try readPalette(flags) }
        // A frame that sticks out makes the canvas grow, as it does in Pillow.
        width = max(width, frame.left + frame.width)
        height = max(height, frame.top + frame.height)
        return
      case 0x3B:
        throw reader.damaged("it has no frame")
      default:
        continue
      }
    }
  }

  private mutating func readPalette(_ flags: UInt8) throws(MediaError) -> [UInt8]? {
    let count = 2 << Int(flags & 7)
    let palette = Array(try reader.slice(count * 3))
    let onlyGrays = (0..<count).allSatisfy { index in
      palette[index * 3..<index * 3 + 3].allSatisfy { Int($0) == index }
    }
    return onlyGrays ? nil : palette
  }

  private mutating func readExtension() throws(MediaError) {
    let label = try reader.byte()
    var isFirst = true
    while true {
      let block = Array(try reader.slice(Int(try reader.byte())))
      if block.isEmpty { return }
      if isFirst, label == 0xF9, block.count >= 4, block[0] & 1 != 0 {
        frame.transparent = block[3]
      }
      isFirst = false
    }
  }

  private mutating func readFrame() throws(MediaError) -> Picture {
    let indices = try readIndices()
    var canvas = [UInt8](repeating: frame.transparent ?? 0, count: width * height)
    var source = 0
    for row in rowOrder {
      let target = (frame.top + row) * width + frame.left
      canvas.replaceSubrange(
        target..<target + frame.width,
        with: indices[source..<source + frame.width]
      )
      source += frame.width
    }
    guard let palette = frame.palette else {
      return Picture(trusted: canvas, width: width, height: height, mode: .gray)
    }
    return Picture(
      trusted: PaletteLookup(rgb: palette).rgb(canvas),
      width: width,
      height: height,
      mode: .palette
    )
  }

  private var rowOrder: [Int] {
    guard frame.interlaced else { return Array(0..<frame.height) }
    return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { start, step in
      Array(stride(from: start, to: frame.height, by: step))
    }
  }

  /// Undoes the Lempel-Ziv-Welch code (GIF89a specification, appendix F).
  private mutating func readIndices() throws(MediaError) -> [UInt8] {
    let needed = frame.width * frame.height
    let rootBits = Int(try reader.byte())
    guard (1...8).contains(rootBits) else { throw reader.damaged("code size \(rootBits)") }
    let clear = 1 << rootBits
    let end = clear + 1
    var prefix = [UInt16](repeating: 0, count: 4096)
    var suffix = [UInt8](repeating: 0, count: 4096)
    for root in 0..<clear { suffix[root] = UInt8(root) }
    var next = end + 1
    var codeBits = rootBits + 1
    var previous: Int?
    var firstOfPrevious: UInt8 = 0
    var accumulator = 0
    var accumulated = 0
    var blockLeft = 0
    var run: [UInt8] = []
    var indices: [UInt8] = []
    indices.reserveCapacity(needed)

    while indices.count < needed {
      while accumulated < codeBits {
        if blockLeft == 0 {
          blockLeft = Int(try reader.byte())
          guard blockLeft > 0 else { throw reader.truncated }
        }
        accumulator |= Int(try reader.byte()) << accumulated
        accumulated += 8
        blockLeft -= 1
      }
      let code = accumulator & ((1 << codeBits) - 1)
      accumulator >>= codeBits
      accumulated -= codeBits

      if code == clear {
        next = end + 1
        codeBits = rootBits + 1
        previous = nil
        continue
      }
      guard code != end else { throw reader.truncated }
      guard let last = previous else {
        guard code < clear else { throw reader.damaged("a code before any colour") }
        firstOfPrevious = UInt8(code)
        indices.append(firstOfPrevious)
        previous = code
        continue
      }
      guard code <= next, code < 4096 else { throw reader.damaged("code \(code)") }
      run.removeAll(keepingCapacity: true)
      var link = code
      if code == next {
        run.append(firstOfPrevious)
        link = last
      }
      while link > end {
        run.append(suffix[link])
        link = Int(prefix[link])
      }
      firstOfPrevious = UInt8(link)
      indices.append(firstOfPrevious)
      indices.append(contentsOf: run.reversed())
      if next < 4096 {
        prefix[next] = UInt16(last)
        suffix[next] = firstOfPrevious
        if next == (1 << codeBits) - 1, codeBits < 12 { codeBits += 1 }
        next += 1
      }
      previous = code
    }
    return indices.count == needed ? indices : Array(indices.prefix(needed))
  }
}
