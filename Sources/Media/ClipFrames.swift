// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import Subprocess

extension FFmpeg {
  /// The frames of a clip, decoded, in order.
  ///
  /// Reads what ``encode(_:width:height:framesPerSecond:format:comment:to:)`` writes, but for animated WebP,
  /// which ffmpeg has no decoder for. Takes memory for all frames at once.
  ///
  /// - Parameter path: an MP4, WebM or GIF file, or a directory of PNG frames.
  /// - Returns: at least one frame, all of one size.
  /// - Throws: ``MediaError``: `unreadableFile`, `unsupportedPicture` for WebP, `damagedPicture` for
  ///   a file that is no clip, `toolMissing`, `toolFailed`, or `timedOut` after 10 minutes.
  ///   `CancellationError` when cancelled.
  public func frames(of path: String) async throws -> [RGBImage] {
    try await collect(from: path) { $0 }
  }

  /// Decodes a clip and keeps of each frame what `keep` makes of it.
  ///
  /// - Parameters:
  ///   - path: as for ``frames(of:)``.
  ///   - only: the one frame to decode, from zero; nil for all.
  ///   - keep: called for each frame, in order.
  /// - Returns: what `keep` returned; not empty, unless there is no such frame.
  /// - Throws: as ``frames(of:)``; what `keep` throws.
  func collect<Kept: Sendable>(
    from path: String,
    only: Int? = nil,
    _ keep: @Sendable @escaping (RGBImage) throws -> Kept
  ) async throws -> [Kept] {
    let program = try locate()
    let input = try Self.clipInput(path)
    // Only what we write: a file that names others, such as a playlist, is none of it.
    let arguments =
      ["-hide_banner", "-nostats", "-loglevel", "error", "-protocol_whitelist", "file"]
      + ["-format_whitelist", "mov,matroska,gif,image2"] + input
      + ["-map", "0:v:0", "-fps_mode", "passthrough", "-vf"]
      + [
        (only.map { "select=eq(n\\,\($0))," } ?? "")
          + "scale=flags=accurate_rnd+full_chroma_int,format=rgb24"
      ] + (only == nil ? [] : ["-frames:v", "1"])
      + ["-c:v", "ppm", "-f", "image2pipe", "pipe:1"]
    let ended = try await withDeadline(.seconds(600)) {
      try await Program.reporting(program) {
        try await Subprocess.run(
          .path(program),
          arguments: Arguments(arguments),
          input: .none,
          output: .sequence,
          error: .sequence
        ) { execution in
          async let complaint = tail(of: execution.standardError, limit: 1_000)
          var reader = PixmapReader()
          var kept: [Kept] = []
          for try await buffer in execution.standardOutput {
            try unsafe buffer.withUnsafeBytes { bytes in
              try unsafe reader.read(bytes) { kept.append(try keep($0)) }
            }
          }
          return (kept, await complaint)
        }
      }
    }
    guard let ended else {
      throw MediaError(.timedOut, "decoding \(path) took longer than 10 minutes and was stopped")
    }
    let (kept, complaint) = ended.closureResult
    guard ended.terminationStatus.isSuccess, !kept.isEmpty || only != nil else {
      throw MediaError(
        .damagedPicture,
        "\(path) cannot be decoded as a clip: "
          + (complaint.isEmpty ? "it has no frames" : complaint)
      )
    }
    return kept
  }

  /// What names a clip to ffmpeg.
  private static func clipInput(_ path: String) throws(MediaError) -> [String] {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw MediaError(.unreadableFile, "\(path) cannot be read: it does not exist")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      return ["-f", "image2", "-start_number", "1", "-i", VideoFormat.png.output(path)]
    }
    if (try? ClipFile.head(of: path))?.isWebP == true {
      throw MediaError(
        .unsupportedPicture,
        "\(path) is WebP, whose frames cannot be decoded; make the clip as mp4, webm, gif or png"
      )
    }
    return ["-i", "file:\(path)"]
  }
}

/// Takes portable pixmaps apart that come one after another in pieces of any size.
private struct PixmapReader {
  private var header: [UInt8] = []
  private var size: (width: Int, height: Int)?
  private var pixels: [UInt8] = []

  /// - Parameters:
  ///   - bytes: the next piece.
  ///   - body: given each image that is whole.
  /// - Throws: ``MediaError`` with `toolFailed` for other bytes; what `body` throws.
  mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (RGBImage) throws -> Void) throws {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      guard let (width, height) = size else {
        unsafe header.append(rest.removeFirst())
        if header.count(where: { $0 == 0x0A }) == 3 { try begin() }
        continue
      }
      let missing = width * height * 3 - pixels.count
      unsafe pixels.append(contentsOf: rest.prefix(missing))
      unsafe rest = rest.dropFirst(missing)
      if pixels.count == width * height * 3 {
        let image = RGBImage(trusted: pixels, width: width, height: height)
        (header, size, pixels) = ([], nil, [])
        try body(image)
      }
    }
  }

  /// As in "P6", "640 480", "255", each ended by a line feed.
  private mutating func begin() throws(MediaError) {
    let words = String(decoding: header, as: UTF8.self)
      .split { $0 == " " || $0 == "\n" }
    guard words.count == 4, words[0] == "P6", words[3] == "255",
      let width = Int(words[1]), let height = Int(words[2]),
      (1...16_384).contains(width), (1...16_384).contains(height)
    else { throw MediaError(.toolFailed, "ffmpeg answered with something other than frames") }
    size = (width, height)
    pixels.reserveCapacity(width * height * 3)
  }
}
