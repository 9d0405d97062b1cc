// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Testing

@Suite("Pictures of clips", .serialized)
struct StillTests {
  let ffmpeg = FFmpeg()

  @Test("an image becomes a PNG and comes back the same", arguments: [(1, 1), (33, 17), (640, 3)])
  func png(_ width: Int, _ height: Int) async throws {
    let image = try frame(3, width: width, height: height)
    let bytes = try await ffmpeg.still(image, as: .png)
    #expect(PictureFormat(signatureOf: bytes) == .png)
    #expect(try await PictureReader().read(bytes: bytes).rgb() == image)
  }

  @Test("JPEG and WebP keep size and colours", arguments: [StillFormat.jpeg, .webp])
  func lossy(_ format: StillFormat) async throws {
    let color: [UInt8] = [200, 60, 90]
    let image = try RGBImage(
      width: 33,
      height: 17,
      pixels: Array(repeating: color, count: 33 * 17).flatMap { $0 }
    )
    let bytes = try await ffmpeg.still(image, as: format)
    #expect(try await ffmpeg.still(image, as: format) == bytes)
    let found = try await PictureReader().read(bytes: bytes).rgb()
    #expect(found.width == 33 && found.height == 17)
    let differences = zip(found.pixels, image.pixels).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 255 <= 4)
  }

  @Test("a side that a format has no room for is refused")
  func tooLong() async throws {
    let image = try RGBImage(
      width: 16_384,
      height: 1,
      pixels: [UInt8](repeating: 0, count: 16_384 * 3)
    )
    let error = await mediaError { try await ffmpeg.still(image, as: .webp) }
    #expect(error?.code == .invalidParameter)
  }

  @Test(
    "frames come back from files as they were written",
    arguments: [VideoFormat.png, .mp4, .webm, .gif]
  )
  func decoding(_ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      let path = try await clip(5, format, in: directory)
      let found = try await ffmpeg.frames(of: path)
      try #require(found.count == 5)
      for (index, image) in found.enumerated() {
        let original = try frame(index, width: 96, height: 64)
        #expect(image.width == 96 && image.height == 64)
        if format == .png { #expect(image == original) }
        let sum = zip(image.pixels, original.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(sum < 12 * image.pixels.count, "frame \(index): \(sum)")
      }
    }
  }

  @Test("a thumbnail is the frame that was asked for, smaller, in each format")
  func thumbnails() async throws {
    try await Files.withDirectory { directory in
      let path = try await clip(5, .png, in: directory)
      for format in StillFormat.allCases {
        let bytes = try await ffmpeg.thumbnail(of: path, frame: 2, side: 48, as: format)
        let image = try await PictureReader().read(bytes: bytes).rgb()
        #expect(image.width == 48 && image.height == 32)
      }
      let whole = try await ffmpeg.thumbnail(of: path, frame: 4, as: .png)
      #expect(
        try await PictureReader().read(bytes: whole).rgb() == (try frame(4, width: 96, height: 64))
      )
      let error = await mediaError { try await ffmpeg.thumbnail(of: path, frame: 5) }
      #expect(error?.code == .invalidParameter)
      #expect(error?.message.contains("frame 5") == true)
      let small = await mediaError { try await ffmpeg.thumbnail(of: path, side: 0) }
      #expect(small?.code == .invalidParameter)
    }
  }

  @Test("an animated WebP has a thumbnail of its first frame, and says that the rest cannot be had")
  func webp() async throws {
    try await Files.withDirectory { directory in
      let path = try await clip(3, .webp, in: directory)
      let bytes = try await ffmpeg.thumbnail(of: path, side: 48)
      #expect(try await PictureReader().read(bytes: bytes).rgb().width == 48)
      let error = await mediaError { try await ffmpeg.spriteSheet(of: path) }
      #expect(error?.code == .unsupportedPicture)
    }
  }

  @Test("a sprite sheet has every frame in its cell")
  func sheet() async throws {
    let frames = try (0..<5).map { try frame($0, width: 96, height: 64) }
    let sheet = try SpriteSheet(frames: frames, cellSide: 96)
    #expect(sheet.columns == 3 && sheet.rows == 2 && sheet.frameCount == 5)
    #expect(sheet.image.width == 288 && sheet.image.height == 128)
    for cell in 0..<6 {
      var pixels: [UInt8] = []
      for row in 0..<64 {
        let start = ((cell / 3 * 64 + row) * 288 + cell % 3 * 96) * 3
        pixels += sheet.image.pixels[start..<start + 96 * 3]
      }
      #expect(
        pixels == (cell < 5 ? frames[cell].pixels : [UInt8](repeating: 0, count: 64 * 96 * 3))
      )
    }
  }

  @Test("a sprite sheet of a file is one picture, the same each time")
  func sheetOfFile() async throws {
    try await Files.withDirectory { directory in
      let path = try await clip(5, .mp4, in: directory)
      let bytes = try await ffmpeg.spriteSheet(of: path, cellSide: 48)
      #expect(PictureFormat(signatureOf: bytes) == .jpeg)
      #expect(try await ffmpeg.spriteSheet(of: path, cellSide: 48) == bytes)
      let image = try await PictureReader().read(bytes: bytes).rgb()
      #expect(image.width == 144 && image.height == 64)
    }
  }

  @Test("many frames make smaller cells, and frames that cannot be laid out are refused")
  func sheetLimits() async throws {
    let frames = [RGBImage](repeating: try frame(0, width: 300, height: 2), count: 3_300)
    let sheet = try SpriteSheet(frames: frames, cellSide: 300)
    #expect(sheet.columns == 58 && sheet.cellWidth == 282 && sheet.cellHeight == 2)
    let other = try frame(0, width: 2, height: 300)
    for (frames, side) in [([], 256), ([frames[0], other], 256), ([other], 0)] {
      let error = await mediaError { try SpriteSheet(frames: frames, cellSide: side) }
      #expect(error?.code == (side == 0 ? .invalidParameter : .invalidFrame))
    }
  }

  @Test("what is no clip is refused", arguments: ["text", "playlist", "missing", "picture"])
  func notAClip(_ kind: String) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "clip.mp4")
      let other = try await clip(1, .mp4, in: directory)
      switch kind {
      case "text": try Data("not a clip".utf8).write(to: path)
      case "playlist":
        try Data("#EXTM3U\n#EXTINF:1,\n\(other)\n#EXT-X-ENDLIST\n".utf8).write(to: path)
      case "picture":
        try Data(await ffmpeg.still(frame(0, width: 8, height: 8), as: .jpeg)).write(to: path)
      default: break
      }
      let error = await mediaError { try await ffmpeg.frames(of: path.path()) }
      #expect(error?.code == (kind == "missing" ? .unreadableFile : .damagedPicture))
    }
  }

  /// Writes a clip of frames of 96 by 64 pixels and returns its path.
  private func clip(_ count: Int, _ format: VideoFormat, in directory: URL) async throws -> String {
    let path = directory.appending(path: "frames-\(count).\(format.fileExtension)").path()
    try await ffmpeg.encode(
      frames(count, width: 96, height: 64),
      width: 96,
      height: 64,
      framesPerSecond: 7,
      format: format,
      to: path
    )
    return path
  }
}
