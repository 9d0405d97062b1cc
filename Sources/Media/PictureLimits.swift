// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// How large a picture may be before it is refused, judged from its header alone.
public struct PictureLimits: Sendable, Hashable {
  /// The most pixels a picture may have: 64 million unless told otherwise.
  public var pixels: Int
  /// The most pixels along one side: 20,000 unless told otherwise.
  public var side: Int
  /// The most bytes a file may have: 128 MiB unless told otherwise.
  public var bytes: Int

  /// Sets the limits.
  ///
  /// - Parameters:
  ///   - pixels: the most pixels in all.
  ///   - side: the most pixels along one side.
  ///   - bytes: the most bytes in the file.
  public init(pixels: Int = 64_000_000, side: Int = 20_000, bytes: Int = 128 << 20) {
    self.pixels = pixels
    self.side = side
    self.bytes = bytes
  }

  /// Refuses a size before anything is allocated for it.
  ///
  /// - Parameters:
  ///   - width: pixels across, as the header has it.
  ///   - height: pixels down, as the header has it.
  /// - Throws: ``MediaError`` with `pictureTooLarge` over a limit, `damagedPicture` for a side
  ///   under 1.
  package func check(width: Int, height: Int) throws(MediaError) {
    guard width > 0, height > 0 else {
      throw MediaError(.damagedPicture, "the picture has no pixels (\(width)x\(height))")
    }
    guard width <= side, height <= side, width <= pixels / height else {
      throw MediaError(
        .pictureTooLarge,
        "the picture has \(width)x\(height) pixels; at most \(pixels) in all and \(side) a side"
          + " are accepted"
      )
    }
  }
}
