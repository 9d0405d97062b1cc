// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The frames of a clip side by side in one image, row by row from the top.
public struct SpriteSheet: Sendable, Hashable {
  /// The sheet: ``columns`` by ``rows`` cells, black where no frames are left.
  public let image: RGBImage
  /// Cells across: as few as make the sheet no taller than wide, counted in cells.
  public let columns: Int
  /// Cells down.
  public let rows: Int
  /// Pixels across one cell.
  public let cellWidth: Int
  /// Pixels down one cell.
  public let cellHeight: Int
  /// How many cells hold frames.
  public let frameCount: Int

  /// The longest side of a sheet in pixels, so that every ``StillFormat`` holds it.
  private static let largestSide = 16_383

  /// Lays frames out.
  ///
  /// - Parameters:
  ///   - frames: at least one, all of one size.
  ///   - cellSide: the longest side of a cell, from 1 pixel. Frames are made smaller to fit, never
  ///     larger; of many frames the cells become smaller, so that the sheet has 16,383 pixels a
  ///     side at most.
  /// - Throws: ``MediaError``: `invalidFrame` for no frames, or frames of different sizes;
  ///   `invalidParameter` for a cell without pixels.
  public init(frames: [RGBImage], cellSide: Int = 256) throws(MediaError) {
    guard let first = frames.first else {
      throw MediaError(.invalidFrame, "a sprite sheet needs at least one frame")
    }
    var columns = 1
    while columns * columns < frames.count { columns += 1 }
    let rows = (frames.count + columns - 1) / columns
    let side = min(cellSide, Self.largestSide / columns)
    let cells = try frames.map { frame throws(MediaError) in
      guard frame.width == first.width, frame.height == first.height else {
        throw MediaError(
          .invalidFrame,
          "a sprite sheet's frames must have one size, not \(first.width)x\(first.height) and"
            + " \(frame.width)x\(frame.height)"
        )
      }
      return try frame.reduced(toSide: side)
    }
    let (cellWidth, cellHeight) = (cells[0].width, cells[0].height)
    let stride = columns * cellWidth * 3
    var pixels = [UInt8](repeating: 0, count: stride * rows * cellHeight)
    for (index, cell) in cells.enumerated() {
      let corner = index / columns * cellHeight * stride + index % columns * cellWidth * 3
      for row in 0..<cellHeight {
        let line = cell.pixels[row * cellWidth * 3..<(row + 1) * cellWidth * 3]
        let start = corner + row * stride
        pixels.replaceSubrange(start..<start + line.count, with: line)
      }
    }
    image = RGBImage(trusted: pixels, width: columns * cellWidth, height: rows * cellHeight)
    (self.columns, self.rows) = (columns, rows)
    (self.cellWidth, self.cellHeight) = (cellWidth, cellHeight)
    frameCount = frames.count
  }
}

extension RGBImage {
  /// The image made small enough for a square, proportions kept; one that fits already as it is.
  ///
  /// - Parameter side: the longest side of the result, from 1 pixel.
  /// - Returns: an image of at least one pixel.
  /// - Throws: ``MediaError`` with `invalidParameter` for a side below 1.
  public func reduced(toSide side: Int) throws(MediaError) -> RGBImage {
    guard side >= 1 else {
      throw MediaError(.invalidParameter, "an image cannot be reduced to \(side) pixels a side")
    }
    let longest = max(width, height)
    guard longest > side else { return self }
    func scaled(_ length: Int) -> Int { max(1, (length * side + longest / 2) / longest) }
    return try picture.resized(width: scaled(width), height: scaled(height), filter: .lanczos).rgb()
  }
}

extension FFmpeg {
  /// One frame of a clip as a small picture.
  ///
  /// - Parameters:
  ///   - path: an MP4, WebM or GIF file, or a directory of PNG frames; of WebP only the first frame
  ///     can be had.
  ///   - frame: which, from zero.
  ///   - side: the longest side of the thumbnail in pixels; a smaller frame stays as it is.
  ///   - format: what is made.
  /// - Returns: the bytes of the file; the same clip gives the same bytes.
  /// - Throws: ``MediaError``: `invalidParameter` when there is no such frame or `side` is below 1,
  ///   else as ``frames(of:)`` and ``still(_:as:)``. `CancellationError` when cancelled.
  public func thumbnail(
    of path: String,
    frame: Int = 0,
    side: Int = 320,
    as format: StillFormat = .webp
  ) async throws -> [UInt8] {
    if frame == 0, (try? ClipFile.head(of: path))?.isWebP == true {
      let picture = try await PictureReader().read(path: path, orientation: .ignored)
      return try await still(picture.rgb().reduced(toSide: side), as: format)
    }
    let found = try await collect(from: path, only: frame) { try $0.reduced(toSide: side) }
    guard let image = found.first else {
      throw MediaError(.invalidParameter, "\(path) has no frame \(frame), counted from zero")
    }
    return try await still(image, as: format)
  }

  /// All frames of a clip side by side in one picture; see ``SpriteSheet`` for how they lie.
  ///
  /// - Parameters:
  ///   - path: an MP4, WebM or GIF file, or a directory of PNG frames.
  ///   - cellSide: the longest side of one frame in the sheet, in pixels.
  ///   - format: what is made.
  /// - Returns: the bytes of the file; the same clip gives the same bytes.
  /// - Throws: ``MediaError``, as ``frames(of:)``, ``SpriteSheet/init(frames:cellSide:)`` and
  ///   ``still(_:as:)``. `CancellationError` when cancelled.
  public func spriteSheet(
    of path: String,
    cellSide: Int = 256,
    as format: StillFormat = .jpeg
  ) async throws -> [UInt8] {
    let frames = try await collect(from: path) { try $0.reduced(toSide: cellSide) }
    return try await still(SpriteSheet(frames: frames, cellSide: cellSide).image, as: format)
  }
}
