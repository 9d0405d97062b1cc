// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What is done with a camera's note of which way up a picture is (EXIF orientation).
public enum PictureOrientation: String, Sendable, Hashable, CaseIterable {
  /// The picture is turned upright, as every viewer shows it.
  case honoured
  /// The note is ignored, as a Python service that calls `Image.open` alone ignores it. TIFF is
  /// turned all the same because Pillow turns TIFF, and so are HEIC and AVIF, whose turn is part
  /// of decoding.
  case ignored
}

extension Picture {
  /// The picture turned upright.
  ///
  /// - Parameter orientation: as EXIF counts: 1 is upright, 2 to 8 name the seven other ways of
  ///   laying a picture on its back or side. Anything else is taken for 1.
  /// - Returns: a picture whose sides are swapped for 5 to 8.
  package func upright(from orientation: Int) -> Picture {
    guard (2...8).contains(orientation) else { return self }
    let swapsSides = orientation >= 5
    let newWidth = swapsSides ? height : width
    let newHeight = swapsSides ? width : height
    // Where the first pixel of the turned picture comes from, and the steps from there.
    let fromRight = [2, 3, 7, 8].contains(orientation)
    let fromBottom = [3, 4, 6, 7].contains(orientation)
    let start = (fromBottom ? (height - 1) * width : 0) + (fromRight ? width - 1 : 0)
    let columnStep = fromRight ? -1 : 1
    let rowStep = fromBottom ? -width : width
    let across = swapsSides ? rowStep : columnStep
    let down = swapsSides ? columnStep : rowStep

    let size = mode.bytesPerPixel
    var turned: [UInt8] = []
    turned.reserveCapacity(pixels.count)
    for y in 0..<newHeight {
      var source = start + y * down
      for _ in 0..<newWidth {
        for byte in source * size..<(source + 1) * size { turned.append(pixels[byte]) }
        source += across
      }
    }
    return Picture(trusted: turned, width: newWidth, height: newHeight, mode: mode)
  }
}
