// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A picture format that can be read.
public enum PictureFormat: UInt8, CaseIterable, Sendable {
  case png = 1
  case jpeg, webp, gif, bmp, tiff, avif, heic

  /// The format whose signature `bytes` begin with, whatever the file is called.
  ///
  /// Only the signature is looked at: a known format is no promise that the rest can be decoded.
  public init?(signatureOf bytes: some Collection<UInt8>) {
    let head = Array(bytes.prefix(64))
    func has(_ signature: [UInt8], at offset: Int = 0) -> Bool {
      head.dropFirst(offset).starts(with: signature)
    }
    func has(_ signature: String, at offset: Int = 0) -> Bool {
      has(Array(signature.utf8), at: offset)
    }
    if has([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if has([0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if has("RIFF"), has("WEBP", at: 8) {
      self = .webp
    } else if has("GIF87a") || has("GIF89a") {
      self = .gif
    } else if has("BM") {
      self = .bmp
    } else if has([0x49, 0x49, 42, 0]) || has([0x4D, 0x4D, 0, 42]) {
      self = .tiff
    } else if has("ftyp", at: 4), let format = PictureFormat(fileTypeBox: head) {
      self = format
    } else {
      return nil
    }
  }

  /// Tells AVIF from HEIC by the brands of an ISO base media file, the major one first.
  private init?(fileTypeBox head: [UInt8]) {
    let length = head.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    let end = min(length, head.count)
    for start in [8] + stride(from: 16, to: max(end - 3, 16), by: 4) where start + 4 <= end {
      switch String(decoding: head[start..<start + 4], as: UTF8.self) {
      case "avif", "avis":
        self = .avif
        return
      case "heic", "heix", "hevc", "hevx":
        self = .heic
        return
      default:
        continue
      }
    }
    return nil
  }

  /// The name people use for the format, as in an error message.
  public var name: String {
    switch self {
    case .png: "PNG"
    case .jpeg: "JPEG"
    case .webp: "WebP"
    case .gif: "GIF"
    case .bmp: "BMP"
    case .tiff: "TIFF"
    case .avif: "AVIF"
    case .heic: "HEIC"
    }
  }

  /// The names of every format, for a message that says what may be sent.
  package static var names: String {
    allCases.map(\.name).joined(separator: ", ")
  }
}
