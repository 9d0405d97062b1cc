// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What a video is written as.
public enum VideoFormat: String, CaseIterable, Sendable, Hashable {
  /// H.264 in MP4, which everything plays.
  case mp4
  /// VP9 in WebM.
  case webm
  /// An animated GIF with a palette made for it.
  case gif
  /// An animated WebP.
  case webp
  /// A directory of lossless pictures, `frame-0001.png` and so on.
  case png
  /// A ZIP archive of the pictures that `png` makes.
  case zip

  /// The media type, as in an HTTP header; of `png`, that of one frame.
  public var contentType: String {
    switch self {
    case .mp4: "video/mp4"
    case .webm: "video/webm"
    case .gif: "image/gif"
    case .webp: "image/webp"
    case .png: "image/png"
    case .zip: "application/zip"
    }
  }

  /// What a file's name ends in, without the dot; of `png`, that of one frame.
  public var fileExtension: String { rawValue }

  /// Whether the result is a directory rather than a file.
  public var isDirectory: Bool { self == .png }

  /// What ffmpeg is told to write to: a URL, lest it take a colon for the end of a protocol.
  func output(_ path: String) -> String {
    isDirectory ? "file:\(path.replacing("%", with: "%%"))/frame-%04d.png" : "file:\(path)"
  }

  /// Whether ffmpeg writes a comment into the file itself.
  var hasContainerTags: Bool { self == .mp4 || self == .webm }

  /// What ffmpeg is told between its input and its output.
  func arguments(width: Int, height: Int) -> [String] {
    switch self {
    case .mp4:
      ["-vf", Self.videoFilter(width, height), "-c:v", "libx264", "-crf", "18"]
        + Self.colorTags + ["-movflags", "+faststart", "-f", "mp4"]
    case .webm:
      ["-vf", Self.videoFilter(width, height), "-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0"]
        + ["-deadline", "good", "-cpu-used", "4", "-row-mt", "1"] + Self.colorTags
        // Without it the identifiers of file and track are drawn at random.
        + ["-fflags", "+bitexact", "-f", "webm"]
    case .gif:
      ["-filter_complex", "split[a][b];[a]palettegen=stats_mode=full[p];[b][p]paletteuse"]
        + ["-loop", "0", "-f", "gif"]
    case .webp:
      ["-c:v", "libwebp_anim", "-quality", "90", "-loop", "0", "-f", "webp"]
    case .png, .zip:
      ["-c:v", "png", "-start_number", "1", "-f", "image2"]
    }
  }

  /// Turns RGB into the limited-range BT.709 that players expect.
  ///
  /// Its colour planes have half the
  /// size, so an odd side gets one more row or column, a copy of the last.
  private static func videoFilter(_ width: Int, _ height: Int) -> String {
    let right = width % 2
    let bottom = height % 2
    let evened =
      right + bottom == 0
      ? ""
      : "pad=\(width + right):\(height + bottom),"
        + "fillborders=right=\(right):bottom=\(bottom):mode=smear,"
    return evened
      + "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,"
      + "format=yuv420p"
  }

  private static let colorTags = [
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
    "-color_range", "tv",
  ]
}
