// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Subprocess
import SystemPackage
import Testing

@Suite("Writing videos", .serialized)
struct VideoEncoderTests {
  let ffmpeg = FFmpeg()

  @Test("every format comes back with its frames, size, rate and codec", arguments: Expected.all)
  func roundTrip(_ expected: Expected) async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "clip.\(expected.format.fileExtension)").path()
      try await ffmpeg.encode(
        frames(9, width: expected.width, height: expected.height),
        width: expected.width,
        height: expected.height,
        framesPerSecond: 7,
        format: expected.format,
        to: path
      )
      let found = try await probe(path)
      #expect(found["codec_name"] == expected.codec)
      #expect(found["pix_fmt"] == expected.pixelFormat)
      #expect(found["width"] == "\(expected.writtenWidth)")
      #expect(found["height"] == "\(expected.writtenHeight)")
      #expect(found["nb_read_frames"] == "9")
      if expected.format == .mp4 || expected.format == .webm {
        #expect(found["r_frame_rate"] == "7/1")
        #expect(found["color_space"] == "bt709")
        #expect(found["color_range"] == "tv")
      }
      #expect(try Files.names(in: directory) == ["clip.\(expected.format.fileExtension)"])
    }
  }

  @Test("an MP4 has its index before its data, so that it plays while it loads")
  func fastStart() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "clip.mp4")
      try await encode(to: path.path())
      let data = try Data(contentsOf: path)
      let index = try #require(data.firstRange(of: Data("moov".utf8)))
      let media = try #require(data.firstRange(of: Data("mdat".utf8)))
      #expect(index.lowerBound < media.lowerBound)
    }
  }

  @Test("colours survive an MP4 within a few levels")
  func colors() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "clip.mp4").path()
      let color: [UInt8] = [200, 60, 90]
      let frame = try RGBImage(
        width: 64,
        height: 48,
        pixels: Array(repeating: color, count: 64 * 48).flatMap { $0 }
      )
      try await ffmpeg.encode(
        stream([frame, frame]),
        width: 64,
        height: 48,
        framesPerSecond: 7,
        format: .mp4,
        to: path
      )
      let decoded = try await Subprocess.run(
        .name("ffmpeg"),
        arguments: [
          "-v", "error", "-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
        ],
        output: .bytes(limit: 1 << 20)
      ).standardOutput
      let middle = Array(decoded[(24 * 64 + 32) * 3..<(24 * 64 + 33) * 3])
      for (found, wanted) in zip(middle, color) { #expect(abs(Int(found) - Int(wanted)) <= 4) }
    }
  }

  @Test("frames as PNG are lossless and numbered from 1")
  func pngFrames() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "frames")
      try FileManager.default.createDirectory(at: path, withIntermediateDirectories: false)
      try await encode(.png, to: path.path())
      #expect(
        try Files.names(in: path) == ["frame-0001.png", "frame-0002.png", "frame-0003.png"]
      )
      let second = try await PictureReader().read(
        path: path.appending(path: "frame-0002.png").path()
      )
      #expect(second.rgb() == (try frame(1, width: 64, height: 48)))
      #expect(try Files.names(in: directory) == ["frames"])
    }
  }

  @Test("names that mean something to ffmpeg are only names", arguments: VideoFormat.allCases)
  func oddNames(_ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      let inner = directory.appending(path: "pipe:100%d é")
      try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: false)
      let name = "-i %03d:\(format).\(format.fileExtension)"
      try await encode(format, to: inner.path(percentEncoded: false) + "/" + name)
      #expect(try Files.names(in: inner) == [name])
    }
  }

  @Test("the version is a version")
  func version() async throws {
    #expect(try await ffmpeg.version().contains(/^n?[0-9]|^N-/))
  }

  @Test("types and extensions are those of the formats")
  func types() {
    #expect(
      VideoFormat.allCases.map(\.contentType) == [
        "video/mp4", "video/webm", "image/gif", "image/webp", "image/png", "application/zip",
      ]
    )
    #expect(
      VideoFormat.allCases.map(\.fileExtension) == ["mp4", "webm", "gif", "webp", "png", "zip"]
    )
  }

  private func encode(_ format: VideoFormat = .mp4, to path: String) async throws {
    try await ffmpeg.encode(
      frames(3, width: 64, height: 48),
      width: 64,
      height: 48,
      framesPerSecond: 7,
      format: format,
      to: path
    )
  }

  /// What ffprobe says of the first stream, all frames counted.
  private func probe(_ path: String) async throws -> [String: String] {
    // ffprobe 5 does not read animated WebP, so its frames are counted in the file.
    if path.hasSuffix(".webp") { return try webp(path) }
    let output = try await Subprocess.run(
      .name("ffprobe"),
      arguments: [
        "-v", "error", "-count_frames", "-show_streams", "-of", "default=noprint_wrappers=1",
        path.hasSuffix(".png") ? "\(path)/frame-%04d.png" : path,
      ],
      output: .string(limit: 1 << 16)
    ).standardOutput
    var found: [String: String] = [:]
    for line in output.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
    }
    return found
  }

  private func webp(_ path: String) throws -> [String: String] {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    func number(_ place: Int, _ count: Int) -> Int {
      bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    var frames = 0
    var place = 12
    while place + 8 <= bytes.count {
      if bytes[place..<place + 4].elementsEqual("ANMF".utf8) { frames += 1 }
      place += 8 + (number(place + 4, 4) + 1) / 2 * 2
    }
    return [
      "codec_name": "webp", "pix_fmt": "yuv420p", "nb_read_frames": "\(frames)",
      "width": "\(number(24, 3) + 1)", "height": "\(number(27, 3) + 1)",
    ]
  }
}

struct Expected: Sendable, CustomTestStringConvertible {
  let format: VideoFormat
  let codec: String
  let pixelFormat: String
  let width: Int
  let height: Int

  var isEvened: Bool { format == .mp4 || format == .webm }
  var writtenWidth: Int { isEvened ? width + width % 2 : width }
  var writtenHeight: Int { isEvened ? height + height % 2 : height }
  var testDescription: String { "\(format) \(width)x\(height)" }

  static let all = [(64, 48), (65, 47), (64, 47), (1, 1)].flatMap { width, height in
    [
      Expected(format: .mp4, codec: "h264", pixelFormat: "yuv420p", width: width, height: height),
      Expected(format: .webm, codec: "vp9", pixelFormat: "yuv420p", width: width, height: height),
      Expected(format: .gif, codec: "gif", pixelFormat: "bgra", width: width, height: height),
      Expected(format: .webp, codec: "webp", pixelFormat: "yuv420p", width: width, height: height),
      Expected(format: .png, codec: "png", pixelFormat: "rgb24", width: width, height: height),
    ]
  }
}

/// A frame that differs from its neighbours everywhere.
func frame(_ index: Int, width: Int, height: Int) throws -> RGBImage {
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      pixels += [
        UInt8((x * 3 + index * 11) % 256), UInt8((y * 5 + index * 7) % 256),
        UInt8(index * 20 % 256),
      ]
    }
  }
  return try RGBImage(width: width, height: height, pixels: pixels)
}

func stream(_ images: [RGBImage]) -> AsyncThrowingStream<RGBImage, any Error> {
  AsyncThrowingStream { continuation in
    for image in images { continuation.yield(image) }
    continuation.finish()
  }
}

func frames(
  _ count: Int,
  width: Int,
  height: Int
) throws
  -> AsyncThrowingStream<RGBImage, any Error>
{
  stream(try (0..<count).map { try frame($0, width: width, height: height) })
}
