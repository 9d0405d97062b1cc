// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Subprocess

/// What a single picture is written as.
public enum StillFormat: String, CaseIterable, Sendable, Hashable {
  /// Lossy WebP: the smallest.
  case webp
  /// JPEG with whole colour planes.
  case jpeg
  /// PNG, which loses nothing.
  case png

  /// The media type, as in an HTTP header.
  public var contentType: String { "image/\(rawValue)" }

  /// What a file's name ends in, without the dot.
  public var fileExtension: String { self == .jpeg ? "jpg" : rawValue }

  /// The longest side that the format has room for, in pixels.
  var largestSide: Int { self == .webp ? 16_383 : 65_500 }

  /// What ffmpeg is told between its input and its output.
  var arguments: [String] {
    switch self {
    case .webp: ["-c:v", "libwebp", "-quality", "85"]
    case .jpeg:
      // JPEG's colours are those of BT.601 in the full range.
      ["-vf", "scale=out_color_matrix=bt601:out_range=pc,format=yuvj444p"]
        + ["-c:v", "mjpeg", "-q:v", "3"]
    case .png: ["-c:v", "png"]
    }
  }
}

extension FFmpeg {
  /// An image as the bytes of a file; the same image gives the same bytes.
  ///
  /// - Parameters:
  ///   - image: up to 16,383 pixels a side as WebP, up to 65,500 otherwise.
  ///   - format: what is made.
  /// - Returns: the bytes of the file.
  /// - Throws: ``MediaError``: `invalidParameter` for a side that is too long, `toolMissing`,
  ///   `toolFailed` or `timedOut` after 60 seconds. `CancellationError` when cancelled.
  public func still(_ image: RGBImage, as format: StillFormat) async throws -> [UInt8] {
    guard max(image.width, image.height) <= format.largestSide else {
      throw MediaError(
        .invalidParameter,
        "an image of \(image.width)x\(image.height) cannot be written as \(format): each side may"
          + " have \(format.largestSide) pixels at most"
      )
    }
    let program = try locate()
    let arguments =
      Self.input(width: image.width, height: image.height, framesPerSecond: 1)
      + ["-frames:v", "1"] + format.arguments
      + ["-fflags", "+bitexact", "-flags", "+bitexact", "-f", "image2pipe", "pipe:1"]
    // Filters and headers can make a PNG of noise larger than its pixels, but not by this much.
    let limit = image.pixels.count * 2 + 65_536
    let ended = try await withDeadline(.seconds(60)) {
      try await Program.reporting(program) {
        try await Subprocess.run(
          .path(program),
          arguments: Arguments(arguments),
          input: .inputWriter,
          output: .bytes(limit: limit),
          error: .sequence
        ) { execution in
          async let complaint = tail(of: execution.standardError, limit: 1_000)
          try await feed(image.pixels, to: execution.standardInputWriter)
          return await complaint
        }
      }
    }
    guard let ended else {
      throw MediaError(.timedOut, "encoding a picture took longer than a minute and was stopped")
    }
    guard ended.terminationStatus.isSuccess, !ended.standardOutput.isEmpty else {
      throw Self.failure(ended.terminationStatus, complaint: ended.closureResult)
    }
    return ended.standardOutput
  }
}
