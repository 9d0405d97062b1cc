// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Media
import Serving

/// Answers with pictures of a clip; the same clip gives the same bytes.
enum ClipStills {
  /// The first frame as WebP, at most 320 pixels on a side.
  ///
  /// - Throws: ``ServingError``: `notFound` for a clip in a format that cannot be read back, else
  ///   `internalFault`; `CancellationError`.
  static func thumbnail(of clip: JobFile) async throws -> Reply {
    try await reply("image/webp") { try await FFmpeg().thumbnail(of: clip.path) }
  }

  /// All frames side by side as JPEG, row by row from the top.
  ///
  /// - Throws: As ``thumbnail(of:)``.
  static func spriteSheet(of clip: JobFile) async throws -> Reply {
    try await reply("image/jpeg") { try await FFmpeg().spriteSheet(of: clip.path) }
  }

  private static func reply(
    _ contentType: String,
    _ bytes: () async throws -> [UInt8]
  ) async throws -> Reply {
    do {
      // A clip never changes, and each picture costs a process.
      return Reply(
        bytes: try await bytes(),
        contentType: contentType,
        headers: ["cache-control": "private, max-age=86400, immutable"]
      )
    } catch let error as MediaError {
      switch error.code {
      case .unsupportedPicture, .damagedPicture:
        throw ServingError(.notFound, "there are no pictures of this format of clips")
      default: throw ServingError(.internalFault, error.message, cause: error)
      }
    }
  }
}
