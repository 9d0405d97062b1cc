// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What `zoetrope-picture` answers on its standard output: 24 bytes, then the pixels.
///
/// The bytes are the characters `ZPIC`, then 32-bit numbers, the low byte first: version, mode,
/// orientation, width, height.
package struct PictureMessage: Sendable, Hashable {
  /// How many bytes come before the pixels.
  package static let headerSize = 24
  private static let magic = Array("ZPIC".utf8)
  private static let version: UInt32 = 1

  package let mode: Picture.Mode
  /// As EXIF counts, from 1 to 8; how the pixels are still to be turned.
  package let orientation: Int
  package let width: Int
  package let height: Int

  package init(mode: Picture.Mode, orientation: Int, width: Int, height: Int) {
    self.mode = mode
    self.orientation = orientation
    self.width = width
    self.height = height
  }

  /// How many bytes of pixels follow.
  package var pixelBytes: Int { width * height * mode.bytesPerPixel }

  /// The header as bytes.
  package var bytes: [UInt8] {
    let fields = [
      Self.version, UInt32(mode.rawValue), UInt32(orientation), UInt32(width), UInt32(height),
    ]
    return Self.magic
      + fields.flatMap { field in
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: field >> $0) }
      }
  }

  /// Reads a header; nil when it is none or names a size over the limits.
  package init?(_ bytes: some Collection<UInt8>, limits: PictureLimits) {
    let bytes = Array(bytes)
    guard bytes.count == Self.headerSize, bytes.starts(with: Self.magic) else { return nil }
    let fields = (1...5).map { index in
      bytes[index * 4..<index * 4 + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard fields[0] == Self.version,
      let mode = UInt8(exactly: fields[1]).flatMap(
        Picture.Mode.init(rawValue:)
      ), (1...8).contains(fields[2]),
      (try? limits.check(width: fields[3], height: fields[4])) != nil
    else { return nil }
    self.init(mode: mode, orientation: fields[2], width: fields[3], height: fields[4])
  }
}

/// How `zoetrope-picture` ends when there is no picture to answer with.
package enum PictureExit: Int32, CaseIterable, Sendable {
  case notAPicture = 10
  case tooLarge, damaged, unsupported, outOfResources, unreadable, usage

  /// The end that stands for an error.
  package init(_ code: MediaError.Code) {
    self = Self.allCases.first { $0.code == code } ?? .usage
  }

  /// The error that the end stands for.
  package var code: MediaError.Code {
    switch self {
    case .notAPicture: .notAPicture
    case .tooLarge: .pictureTooLarge
    case .damaged: .damagedPicture
    case .unsupported: .unsupportedPicture
    case .outOfResources: .outOfResources
    case .unreadable: .unreadableFile
    case .usage: .toolFailed
    }
  }
}
