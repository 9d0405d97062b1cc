// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import SystemPackage

/// Has ffmpeg make pictures of a clip; the same clip gives the same bytes.
enum ClipStills {
  /// The first frame as WebP.
  ///
  /// - Parameters:
  ///   - clip: The path of the clip.
  ///   - side: The longest side in pixels; a smaller frame stays as it is.
  /// - Returns: The bytes of the file.
  /// - Throws: ``ServingError`` with code `internalFault`; `CancellationError`.
  static func thumbnail(of clip: String, side: Int = 320) async throws -> [UInt8] {
    try await picture(of: clip, fitting(side), ["-c:v", "libwebp", "-quality", "85"])
  }

  /// All frames side by side as JPEG, row by row from the top.
  ///
  /// - Parameters:
  ///   - clip: The path of the clip.
  ///   - frameCount: How many frames it has.
  ///   - side: The longest side of one frame in pixels.
  /// - Returns: The bytes of the file: as many columns as rows, or one more; black where no frames
  ///   are left.
  /// - Throws: ``ServingError`` with code `internalFault`; `CancellationError`.
  static func spriteSheet(
    of clip: String,
    frameCount: Int,
    side: Int = 256
  ) async throws -> [UInt8] {
    var columns = 1
    while columns * columns < frameCount { columns += 1 }
    let rows = max(1, (frameCount + columns - 1) / columns)
    return try await picture(
      of: clip,
      "\(fitting(side)),tile=\(columns)x\(rows)",
      ["-c:v", "mjpeg", "-q:v", "3"]
    )
  }

  private static func fitting(_ side: Int) -> String {
    "scale='min(\(side),iw)':'min(\(side),ih)':force_original_aspect_ratio=decrease"
  }

  private static func picture(
    of clip: String,
    _ filter: String,
    _ encoder: [String]
  ) async throws -> [UInt8] {
    let named = ProcessInfo.processInfo.environment["ZOETROPE_FFMPEG"]
    let arguments =
      ["-hide_banner", "-nostats", "-loglevel", "error", "-i", "file:\(clip)"]
      + ["-frames:v", "1", "-vf", filter] + encoder
      + ["-fflags", "+bitexact", "-flags", "+bitexact", "-f", "image2pipe", "pipe:1"]
    do {
      let ended = try await Subprocess.run(
        named.map { .path(FilePath($0)) } ?? .name("ffmpeg"),
        arguments: Arguments(arguments),
        output: .bytes(limit: 64 << 20),
        error: .string(limit: 4096)
      )
      guard ended.terminationStatus.isSuccess, !ended.standardOutput.isEmpty else {
        let words = ended.standardError
        throw ServingError(.internalFault, "ffmpeg made no picture of \(clip): \(words)")
      }
      return ended.standardOutput
    } catch let error as SubprocessError {
      try Task.checkCancellation()
      throw ServingError(.internalFault, "ffmpeg cannot be run", cause: error)
    }
  }
}
