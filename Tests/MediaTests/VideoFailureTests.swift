// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Foundation
import Media
import Testing

/// Each failure leaves the directory as it was.
@Suite("Failing to write videos", .serialized)
struct VideoFailureTests {
  @Test("ffmpeg ending early is reported with its own words, not as a broken pipe")
  func earlyExit() async throws {
    try await Files.withDirectory { directory in
      let program = try script(directory, "echo 'Unknown encoder x264' >&2; exit 1")
      let out = try emptyDirectory(directory)
      let error = await mediaError {
        try await FFmpeg(executable: program).encode(
          try frames(40, width: 320, height: 240),
          width: 320,
          height: 240,
          framesPerSecond: 7,
          format: .mp4,
          to: out.appending(path: "a.mp4").path()
        )
      }
      #expect(error?.code == .toolFailed)
      #expect(error?.message.contains("Unknown encoder x264") == true)
      #expect(try Files.names(in: out).isEmpty)
    }
  }

  @Test("ffmpeg being killed half-way is reported")
  func killed() async throws {
    try await Files.withDirectory { directory in
      let program = try script(directory, "head -c 300000 >/dev/null; kill -KILL $$")
      let out = try emptyDirectory(directory)
      let error = await mediaError {
        try await FFmpeg(executable: program).encode(
          try frames(40, width: 320, height: 240),
          width: 320,
          height: 240,
          framesPerSecond: 7,
          format: .mp4,
          to: out.appending(path: "a.mp4").path()
        )
      }
      #expect(error?.code == .toolFailed)
      #expect(try Files.names(in: out).isEmpty)
    }
  }

  @Test(
    "a full disk has a code of its own",
    arguments: ["", "trap '' XFSZ; "],
    [VideoFormat.mp4, .png, .zip]
  )
  func diskFull(_ trap: String, _ format: VideoFormat) async throws {
    try await Files.withDirectory { directory in
      let program = try script(directory, "\(trap)ulimit -f 2; exec ffmpeg \"$@\"")
      let out = try emptyDirectory(directory)
      var generator = SeededGenerator(state: 1)
      let noise = try (0..<6).map { _ in
        try RGBImage(
          width: 128,
          height: 96,
          pixels: (0..<128 * 96 * 3).map { _ in UInt8.random(in: 0...255, using: &generator) }
        )
      }
      let error = await mediaError {
        try await FFmpeg(executable: program).encode(
          stream(noise),
          width: 128,
          height: 96,
          framesPerSecond: 7,
          format: format,
          to: out.appending(path: "a").path()
        )
      }
      #expect(error?.code == .diskFull, "\(error?.message ?? "")")
      #expect(try Files.names(in: out).isEmpty)
    }
  }

  @Test("ffmpeg missing is said with the command that installs it")
  func missing() async throws {
    try await Files.withDirectory { directory in
      let error = await mediaError {
        try await FFmpeg(executable: "/nowhere/ffmpeg").encode(
          try frames(1, width: 8, height: 8),
          width: 8,
          height: 8,
          framesPerSecond: 7,
          format: .mp4,
          to: directory.appending(path: "a.mp4").path()
        )
      }
      #expect(error?.code == .toolMissing)
      #expect(error?.message.contains("apt-get install ffmpeg") == true)
      let left = try Files.names(in: directory)
      #expect(left.isEmpty)
    }
  }

  @Test("cancelling while frames are awaited ends ffmpeg and leaves nothing")
  func cancelWaiting() async throws {
    try await Files.withDirectory { directory in
      let (endless, continuation) = AsyncThrowingStream<RGBImage, any Error>.makeStream()
      let path = directory.appending(path: "a.mp4").path()
      let task = Task {
        try await FFmpeg().encode(
          endless,
          width: 64,
          height: 48,
          framesPerSecond: 7,
          format: .mp4,
          to: path
        )
      }
      continuation.yield(try frame(0, width: 64, height: 48))
      while try Files.names(in: directory).isEmpty { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try Files.names(in: directory).isEmpty)
    }
  }

  @Test("cancelling while ffmpeg does not read ends it and leaves nothing")
  func cancelBlocked() async throws {
    try await Files.withDirectory { directory in
      // It ignores the polite signal as well.
      let program = try script(
        directory,
        "trap '' TERM; echo $$ > \"$0.pid\"; sleep 600 & wait; wait"
      )
      let pidFile = directory.appending(path: "program.pid")
      let out = try emptyDirectory(directory)
      let task = Task {
        try await FFmpeg(executable: program).encode(
          try frames(40, width: 320, height: 240),
          width: 320,
          height: 240,
          framesPerSecond: 7,
          format: .mp4,
          to: out.appending(path: "a.mp4").path()
        )
      }
      while !FileManager.default.fileExists(atPath: pidFile.path()) {
        try await Task.sleep(for: .milliseconds(5))
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try Files.names(in: out).isEmpty)
      let pid = try String(contentsOf: pidFile, encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)"))
    }
  }

  @Test("an error of the frames is passed on, and an older file is left alone")
  func sourceFails() async throws {
    struct OutOfIdeas: Error {}
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.mp4")
      try Data("older".utf8).write(to: path)
      let failing = AsyncThrowingStream<RGBImage, any Error> { continuation in
        if let image = try? frame(0, width: 64, height: 48) { continuation.yield(image) }
        continuation.finish(throwing: OutOfIdeas())
      }
      await #expect(throws: OutOfIdeas.self) {
        try await FFmpeg().encode(
          failing,
          width: 64,
          height: 48,
          framesPerSecond: 7,
          format: .mp4,
          to: path.path()
        )
      }
      #expect(try Files.names(in: directory) == ["a.mp4"])
      #expect(try String(contentsOf: path, encoding: .utf8) == "older")
    }
  }

  @Test("a frame of another size, or none at all, is refused")
  func badFrames() async throws {
    try await Files.withDirectory { directory in
      let path = directory.appending(path: "a.mp4").path()
      for images in [
        [try frame(0, width: 64, height: 48), try frame(1, width: 48, height: 64)], [],
      ] {
        let error = await mediaError {
          try await FFmpeg().encode(
            stream(images),
            width: 64,
            height: 48,
            framesPerSecond: 7,
            format: .mp4,
            to: path
          )
        }
        #expect(error?.code == .invalidFrame)
        #expect(try Files.names(in: directory).isEmpty)
      }
    }
  }

  @Test(
    "sizes and rates out of range are refused",
    arguments: [
      (0, 8, 7.0), (8, -1, 7.0), (16_384, 8, 7.0), (8, 8, 0.0), (8, 8, -1.0), (8, 8, .nan),
      (8, 8, .infinity),
    ]
  )
  func badParameters(_ width: Int, _ height: Int, _ rate: Double) async throws {
    try await Files.withDirectory { directory in
      let error = await mediaError {
        try await FFmpeg().encode(
          try frames(1, width: 8, height: 8),
          width: width,
          height: height,
          framesPerSecond: rate,
          format: .mp4,
          to: directory.appending(path: "a.mp4").path()
        )
      }
      #expect(error?.code == .invalidParameter)
    }
  }

  @Test("a destination that cannot be written is refused, and what is there stays")
  func badDestinations() async throws {
    try await Files.withDirectory { directory in
      let full = directory.appending(path: "full")
      try FileManager.default.createDirectory(at: full, withIntermediateDirectories: false)
      try Data().write(to: full.appending(path: "holiday.png"))
      let cases: [(VideoFormat, String)] = [
        (.mp4, directory.appending(path: "nowhere/a.mp4").path()), (.mp4, full.path()),
        (.png, full.path()), (.png, full.appending(path: "holiday.png").path()), (.mp4, ""),
        (.mp4, "/"),
      ]
      for (format, path) in cases {
        let error = await mediaError {
          try await FFmpeg().encode(
            try frames(1, width: 8, height: 8),
            width: 8,
            height: 8,
            framesPerSecond: 7,
            format: format,
            to: path
          )
        }
        #expect(error?.code == .destinationUnusable, "\(path)")
      }
      #expect(try Files.names(in: full) == ["holiday.png"])
    }
  }

  /// Writes a program that stands in for ffmpeg, and returns its path.
  private func script(_ directory: URL, _ body: String) throws -> String {
    let path = directory.appending(path: "program")
    try Data("#!/bin/sh\n\(body)\n".utf8).write(to: path)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path.path())
    return path.path()
  }

  private func emptyDirectory(_ directory: URL) throws -> URL {
    let out = directory.appending(path: "out")
    try FileManager.default.createDirectory(at: out, withIntermediateDirectories: false)
    return out
  }
}
