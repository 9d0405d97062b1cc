// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A line of text inside the files that ffmpeg writes no text into.
enum ClipComment {
  /// Puts a text into a file.
  ///
  /// - Parameters:
  ///   - text: in ASCII, on one line.
  ///   - bytes: a whole GIF, WebP or PNG file.
  ///   - width: pixels across.
  ///   - height: pixels down.
  /// - Returns: the file with the text, or nil where the bytes are none of these.
  static func inserted(_ text: String, in bytes: [UInt8], width: Int, height: Int) -> [UInt8]? {
    switch PictureFormat(signatureOf: bytes) {
    case .gif: gif(text, bytes)
    case .webp: webp(text, bytes, width: width, height: height)
    case .png: png(text, bytes)
    default: nil
    }
  }

  /// Finds such a text.
  ///
  /// - Parameter bytes: a GIF, WebP or PNG file, of GIF and PNG at least up to the first pixels.
  /// - Returns: nil where there is none.
  static func found(in bytes: [UInt8]) -> String? {
    switch PictureFormat(signatureOf: bytes) {
    case .gif: gif(bytes)
    case .webp: webp(bytes)
    case .png: png(bytes)
    default: nil
    }
  }

  // MARK: GIF: a comment extension

  private static func gif(_ text: String, _ bytes: [UInt8]) -> [UInt8]? {
    guard var place = afterPalette(bytes) else { return nil }
    // Some players look for the extension that repeats the clip at the very beginning.
    while let block = GIFExtension(bytes, at: place), block.label == 0xFF { place = block.end }
    var comment: [UInt8] = [0x21, 0xFE]
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let piece = rest.prefix(255)
      comment += [UInt8(piece.count)] + piece
      rest = rest.dropFirst(255)
    }
    return bytes[..<place] + comment + [0] + bytes[place...]
  }

  private static func gif(_ bytes: [UInt8]) -> String? {
    guard var place = afterPalette(bytes) else { return nil }
    while let block = GIFExtension(bytes, at: place) {
      if block.label == 0xFE { return String(decoding: block.data, as: UTF8.self) }
      place = block.end
    }
    return nil
  }

  private static func afterPalette(_ bytes: [UInt8]) -> Int? {
    guard bytes.count > 13 else { return nil }
    let place = 13 + (bytes[10] & 0x80 == 0 ? 0 : 6 << Int(bytes[10] & 7))
    return place < bytes.count ? place : nil
  }

  private struct GIFExtension {
    let label: UInt8
    var data: [UInt8] = []
    var end: Int

    init?(_ bytes: [UInt8], at start: Int) {
      guard start + 2 < bytes.count, bytes[start] == 0x21 else { return nil }
      label = bytes[start + 1]
      end = start + 2
      while end < bytes.count, bytes[end] != 0 {
        let next = end + 1 + Int(bytes[end])
        guard next < bytes.count else { return nil }
        data += bytes[end + 1..<next]
        end = next
      }
      end += 1
    }
  }

  // MARK: WebP: a description in XMP

  private static let xmp = (
    start: """
    <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">\
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
    xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>\
    <rdf:li xml:lang="x-default">
    """,
    end: """
    </rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>\
    <?xpacket end="r"?>
    """
  )
  private static let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")]

  private static func webp(
    _ text: String,
    _ bytes: [UInt8],
    width: Int,
    height: Int
  ) -> [UInt8]? {
    guard bytes.count >= 30 else { return nil }
    var chunks = Array(bytes[12...])
    if chunks.starts(with: "VP8X".utf8) {
      chunks[8] |= 4
    } else {
      // A clip of one frame is a plain picture, which has no place for XMP before it has this chunk.
      let size = [width - 1, height - 1].flatMap { side in
        [0, 8, 16].map { UInt8(truncatingIfNeeded: side >> $0) }
      }
      chunks = Array("VP8X".utf8) + [10, 0, 0, 0, 4, 0, 0, 0] + size + chunks
    }
    let escaped = escapes.reduce(text) { $0.replacing($1.0, with: $1.1) }
    let packet = Array((xmp.start + escaped + xmp.end).utf8)
    chunks += Array("XMP ".utf8) + little(packet.count) + packet
    if packet.count % 2 == 1 { chunks.append(0) }
    return Array("RIFF".utf8) + little(chunks.count + 4) + Array("WEBP".utf8) + chunks
  }

  private static func webp(_ bytes: [UInt8]) -> String? {
    var place = 12
    while place + 8 <= bytes.count {
      let size = bytes[place + 4..<place + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
      let end = place + 8 + size
      guard end <= bytes.count else { return nil }
      if bytes[place..<place + 4].elementsEqual("XMP ".utf8) {
        let packet = String(decoding: bytes[place + 8..<end], as: UTF8.self)
        guard let start = packet.firstRange(of: "<rdf:li xml:lang=\"x-default\">"),
          let end = packet.firstRange(of: "</rdf:li>"), start.upperBound <= end.lowerBound
        else { return nil }
        return escapes.reversed().reduce(String(packet[start.upperBound..<end.lowerBound])) {
          $0.replacing($1.1, with: $1.0)
        }
      }
      place = end + size % 2
    }
    return nil
  }

  private static func little(_ value: Int) -> [UInt8] {
    [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: PNG: a tEXt chunk

  private static let keyword = Array("Comment".utf8) + [0]

  private static func png(_ text: String, _ bytes: [UInt8]) -> [UInt8]? {
    // The signature and the header's chunk.
    guard bytes.count > 33 else { return nil }
    let chunk = Array("tEXt".utf8) + keyword + Array(text.utf8)
    let comment =
      Array(little(chunk.count - 4).reversed()) + chunk + little(Int(CRC32.of(chunk))).reversed()
    return bytes[..<33] + comment + bytes[33...]
  }

  private static func png(_ bytes: [UInt8]) -> String? {
    var place = 8
    while place + 12 <= bytes.count {
      let size = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      let data = place + 8
      guard data + size + 4 <= bytes.count else { return nil }
      if bytes[place + 4..<data].elementsEqual("tEXt".utf8),
        bytes[data..<data + size].starts(with: keyword)
      {
        return String(decoding: bytes[data + keyword.count..<data + size], as: UTF8.self)
      }
      place = data + size + 4
    }
    return nil
  }
}
