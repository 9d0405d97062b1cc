// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
internal import Subprocess
internal import SystemPackage

/// The `ffmpeg` program, which encodes videos and pictures.
///
/// Its standard input is a pipe, so a program that uses this must ignore SIGPIPE, or it dies when
/// ffmpeg ends early; every function here sees to that for the whole process.
public struct FFmpeg: Sendable {
  private let executable: String?

  /// Names the program; it is not started yet.
  ///
  /// - Parameter executable: its path. By default the environment variable `ZOETROPE_FFMPEG` says
  ///   where it is; else it is looked for on `PATH`.
  public init(executable: String? = nil) {
    self.executable = executable
  }

  /// Where the program is.
  ///
  /// - Throws: ``MediaError`` with `toolMissing` when it is nowhere.
  package func path() throws(MediaError) -> String { try locate().string }

  /// The version, as in `5.1.9-0+deb12u1`.
  ///
  /// - Returns: the word after `ffmpeg version`.
  /// - Throws: ``MediaError``: `toolMissing` when there is no ffmpeg, `toolFailed` when it does
  ///   not answer within 10 seconds as ffmpeg does.
  public func version() async throws -> String {
    let program = try locate()
    let output = try await withDeadline(.seconds(10)) {
      try await Program.reporting(program) {
        try await Subprocess.run(
          .path(program),
          arguments: ["-hide_banner", "-version"],
          output: .string(limit: 1 << 16),
          error: .discarded
        ).standardOutput
      }
    }
    let words = (output ?? "").split(separator: " ", maxSplits: 3)
    guard words.count > 2, words[0] == "ffmpeg", words[1] == "version" else {
      throw MediaError(.toolFailed, "\(program) does not answer as ffmpeg does")
    }
    return String(words[2])
  }

  /// Where the program is.
  func locate() throws(MediaError) -> FilePath {
    surviveFailedWrites()
    let found =
      executable.map { Program.runnable(FilePath($0)) }
      ?? Program.installed("ffmpeg", variable: "ZOETROPE_FFMPEG")
    guard let found else {
      throw MediaError(
        .toolMissing,
        "ffmpeg, which writes videos, was not found; install it (apt-get install ffmpeg) or set"
          + " ZOETROPE_FFMPEG to its path"
      )
    }
    return found
  }

  /// The arguments up to the output, for raw frames on standard input.
  static func input(width: Int, height: Int, framesPerSecond: Double) -> [String] {
    [
      "-hide_banner", "-nostats", "-loglevel", "error", "-y",
      "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "\(width)x\(height)",
      "-framerate", "\(framesPerSecond)", "-i", "pipe:0",
    ]
  }

  /// Why it failed, in its own words if it left any.
  static func failure(_ status: TerminationStatus, complaint: String) -> MediaError {
    let full = ["No space left on device", "Disk quota exceeded", "File too large"]
    if full.contains(where: complaint.contains) || status == .signaled(SIGXFSZ) {
      return MediaError(
        .diskFull,
        "the disk is full, or a limit on the size of files was reached: \(complaint)"
      )
    }
    let reason = complaint.isEmpty ? "it left no message" : complaint
    return MediaError(.toolFailed, "ffmpeg failed (\(status)): \(reason)")
  }
}
