// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// The size of a picture in pixels.
struct PictureSize: Sendable, Equatable {
  let width: Int
  let height: Int

  /// What the hosted service took; its videos had the size of their picture.
  private static let hosted = [
    PictureSize(width: 1024, height: 576), PictureSize(width: 576, height: 1024),
    PictureSize(width: 768, height: 768),
  ]

  /// The size of a PNG or JPEG file, if it is one of those that the hosted service took.
  ///
  /// - Returns: nil for any other size or file; what is wrong with a file is for others to say.
  static func hosted(of path: String) -> PictureSize? {
    guard let handle = try? Data(contentsOf: URL(filePath: path), options: .mappedIfSafe),
      let size = PictureSize(png: handle) ?? PictureSize(jpeg: handle)
    else { return nil }
    return hosted.contains(size) ? size : nil
  }

  private init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Reads the first chunk of a PNG.
  init?(png bytes: some RandomAccessCollection<UInt8>) {
    let head = Array(bytes.prefix(24))
    guard head.count == 24, head.starts(with: [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]) else {
      return nil
    }
    let number = { (start: Int) in head[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    self.init(width: number(16), height: number(20))
  }

  /// Reads the segments of a JPEG up to the frame's header (ITU T.81, B.2).
  init?(jpeg bytes: some RandomAccessCollection<UInt8>) {
    var rest = bytes.dropFirst(2)
    guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
    while true {
      let head = Array(rest.prefix(9))
      guard head.count == 9, head[0] == 0xFF else { return nil }
      let isFrame = (0xC0...0xCF).contains(head[1]) && ![0xC4, 0xC8, 0xCC].contains(head[1])
      if isFrame {
        self.init(
          width: Int(head[7]) << 8 | Int(head[8]),
          height: Int(head[5]) << 8 | Int(head[6])
        )
        return
      }
      let length = Int(head[2]) << 8 | Int(head[3])
      guard length >= 2, head[1] != 0xDA else { return nil }
      rest = rest.dropFirst(2 + length)
    }
  }
}
