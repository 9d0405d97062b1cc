// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Subprocess
import SystemPackage
import Testing

@Suite("Files of clips", .serialized)
struct ClipFileTests {
  let ffmpeg = FFmpeg()
  /// Longer than one block of a GIF, with all that ffmpeg and XML take for their own.
  static let comment =
    #"{"a":"b=c;#d\\e \u00e9 <f> & 'g' %h","z":""# + String(repeating: "0123456789", count: 60)
    + #""}"#

  @Test(
    "every format carries its comment, and is the same each time",
    arguments: VideoFormat.allCases
  )
  func comments(_ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      var found: [[Data]] = []
      for name in ["a", "b"] {
        let path = directory.appending(path: "\(name).\(format.fileExtension)").path()
        try await encode(3, format, comment: Self.comment, to: path)
        #expect(try await ffmpeg.comment(of: path) == Self.comment)
        found.append(try contents(path))
      }
      #expect(found[0] == found[1])
      #expect(try Files.names(in: directory).count == 2)
    }
  }

  @Test("a clip without a comment has none", arguments: VideoFormat.allCases)
  func noComment(_ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.\(format.fileExtension)").path()
      try await encode(2, format, comment: nil, to: path)
      #expect(try await ffmpeg.comment(of: path) == nil)
    }
  }

  @Test("files with a comment are read as before", arguments: [VideoFormat.mp4, .webm, .gif, .png])
  func stillPlays(_ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.\(format.fileExtension)").path()
      try await encode(3, format, comment: Self.comment, to: path)
      #expect(try await ffmpeg.frames(of: path).count == 3)
    }
  }

  @Test("a WebP with a comment is still a picture, moving or not", arguments: [1, 3])
  func webp(_ count: Int) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.webp").path()
      try await encode(count, .webp, comment: Self.comment, to: path)
      #expect(try await ffmpeg.comment(of: path) == Self.comment)
      let picture = try await PictureReader().read(path: path)
      #expect(picture.width == 64 && picture.height == 48)
    }
  }

  @Test(
    "a comment of more than one line, or of other letters, is refused",
    arguments: ["a\nb", "é", "\u{7F}"]
  )
  func badComments(_ comment: String) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.mp4").path()
      let error = await mediaError { try await encode(1, .mp4, comment: comment, to: path) }
      #expect(error?.code == .invalidParameter)
      let left = try Files.names(in: directory)
      #expect(left.isEmpty)
    }
  }

  @Test("an archive's frames are lossless, stored, and read by another program")
  func zip() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "clip.zip").path()
      try await encode(3, .zip, comment: nil, to: path)
      #expect(try Files.names(in: directory) == ["clip.zip"])
      let python =
        ProcessInfo.processInfo.environment["ZOETROPE_TEST_PYTHON"] ?? "/usr/bin/python3"
      let program = """
        import sys, zipfile
        archive = zipfile.ZipFile(sys.argv[1])
        assert archive.testzip() is None
        for entry in archive.infolist():
            print(entry.filename, entry.date_time[0], entry.compress_type, oct(entry.external_attr >> 16))
        archive.extractall(sys.argv[2])
        """
      let result = try await Subprocess.run(
        .path(FilePath(python)),
        arguments: ["-c", program, path, directory.appending(path: "out").path()],
        output: .string(limit: 1 << 16),
        error: .string(limit: 1 << 16)
      )
      #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
      #expect(
        result.standardOutput
          == (1...3).map { "frame-000\($0).png 1980 0 0o100644\n" }.joined()
      )
      let second = try await PictureReader().read(
        path: directory.appending(path: "out/frame-0002.png").path()
      )
      #expect(second.rgb() == (try frame(1, width: 64, height: 48)))
    }
  }

  @Test("ping-pong goes back without showing an end twice", arguments: [1, 2, 3, 5])
  func pingPong(_ count: Int) throws {
    let frames = try (0..<count).map { try frame($0, width: 4, height: 4) }
    let shown = Playback.pingPong.arranged(frames)
    #expect(shown.count == Playback.pingPong.frameCount(count))
    let order = [[], [0], [0, 1], [0, 1, 2, 1], [], [0, 1, 2, 3, 4, 3, 2, 1]][count]
    #expect(shown == order.map { frames[$0] })
    #expect(Playback.forward.arranged(frames) == frames)
  }

  @Test("a loop fades its end into its beginning, so that each frame follows the one before")
  func loop() throws {
    // Frame i is a flat grey of 10 i: what follows what can be read off.
    let frames = try (0..<14).map { index in
      try RGBImage(width: 1, height: 1, pixels: [UInt8](repeating: UInt8(10 * index), count: 3))
    }
    let shown = Playback.loop.arranged(frames).map { $0.pixels[0] }
    // Three are faded: 110 with 0 by a quarter, 120 with 10 by half, 130 with 20 by three quarters.
    #expect(shown == [83, 65, 48, 30, 40, 50, 60, 70, 80, 90, 100])
    for count in 1...30 {
      let frames = [RGBImage](repeating: frames[0], count: count)
      #expect(Playback.loop.arranged(frames).count == Playback.loop.frameCount(count))
    }
    #expect(Playback.loop.frameCount(2) == 2 && Playback.loop.frameCount(25) == 19)
  }

  private func encode(
    _ count: Int,
    _ format: VideoFormat,
    comment: String?,
    to path: String
  ) async throws {
    try await ffmpeg.encode(
      frames(count, width: 64, height: 48),
      width: 64,
      height: 48,
      framesPerSecond: 7,
      format: format,
      comment: comment,
      to: path
    )
  }

  /// The bytes of a file, or of a folder's files in order.
  private func contents(_ path: String) throws -> [Data] {
    let url = URL(filePath: path)
    guard url.hasDirectoryPath || path.hasSuffix(".png") else { return [try Data(contentsOf: url)] }
    return try Files.names(in: url).map { try Data(contentsOf: url.appending(path: $0)) }
  }
}
