// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import Subprocess

extension FFmpeg {
  /// The text that a clip carries.
  ///
  /// - Parameter path: what ``encode(_:width:height:framesPerSecond:format:comment:to:)`` wrote: a
  ///   file, or a directory of PNG frames.
  /// - Returns: its comment; nil where there is none.
  /// - Throws: ``MediaError``: `unreadableFile`; `damagedPicture` for a file that is no clip;
  ///   `toolMissing`, `toolFailed` or `timedOut`. `CancellationError` when cancelled.
  public func comment(of path: String) async throws -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw MediaError(.unreadableFile, "\(path) cannot be read: it does not exist")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      return ClipComment.found(in: try ClipFile.bytes(of: "\(path)/frame-0001.png"))
    }
    let head = try ClipFile.head(of: path)
    if head.isZip {
      // The frames are stored as they are, the first behind its name.
      let archive = try ClipFile.bytes(of: path)
      let name = archive.dropFirst(26).prefix(4)
      guard name.count == 4 else { return nil }
      let start =
        30 + Int(archive[26]) + Int(archive[27]) << 8 + Int(archive[28])
        + Int(archive[29]) << 8
      return ClipComment.found(in: Array(archive.dropFirst(start)))
    }
    if PictureFormat(signatureOf: head.bytes) != nil {
      return ClipComment.found(in: try ClipFile.bytes(of: path))
    }
    return try await tag("comment", of: path)
  }

  /// What a container says under a name, whatever its case.
  private func tag(_ name: String, of path: String) async throws -> String? {
    let program = try locate()
    let ended = try await withDeadline(.seconds(60)) {
      try await Program.reporting(program) {
        try await Subprocess.run(
          .path(program),
          arguments: [
            "-hide_banner", "-nostats", "-loglevel", "error", "-protocol_whitelist", "file",
            "-format_whitelist", "mov,matroska", "-i", "file:\(path)", "-f", "ffmetadata", "pipe:1",
          ],
          input: .none,
          output: .string(limit: 1 << 20),
          error: .string(limit: 1 << 16)
        )
      }
    }
    guard let ended else {
      throw MediaError(.timedOut, "reading \(path) took longer than a minute and was stopped")
    }
    guard ended.terminationStatus.isSuccess else {
      throw MediaError(.damagedPicture, "\(path) is not a clip that this program made")
    }
    return Self.value(of: name, in: ended.standardOutput)
  }

  /// Reads ffmpeg's own format: `name=value` lines, in which a backslash takes the meaning from
  /// what follows it.
  private static func value(of name: String, in text: String) -> String? {
    var (key, value): (String?, String) = (nil, "")
    var isEscaped = false
    for character in text {
      switch character {
      case _ where isEscaped:
        value.append(character)
        isEscaped = false
      case "\\": isEscaped = true
      case "=" where key == nil: (key, value) = (value, "")
      case "\n":
        if key?.lowercased() == name { return value }
        (key, value) = (nil, "")
      default: value.append(character)
      }
    }
    return nil
  }
}
