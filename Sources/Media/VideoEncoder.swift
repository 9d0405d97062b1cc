// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
private import Subprocess
private import SystemPackage

extension FFmpeg {
  /// Writes a video, frame by frame as they come.
  ///
  /// The video is made under a temporary name in the same directory, flushed to the disk, and only
  /// then given its name. When anything fails, or the task is cancelled, nothing of it is left and
  /// a file that had the name before is untouched.
  ///
  /// An odd width or height is no obstacle: `mp4` and `webm`, which need even ones, come out one
  /// pixel larger, with the last column or row repeated.
  ///
  /// - Parameters:
  ///   - frames: images of exactly `width` by `height`; at least one. An error it throws is passed
  ///     on as it is.
  ///   - width: pixels across, from 1 to 16,383.
  ///   - height: pixels down, from 1 to 16,383.
  ///   - framesPerSecond: over 0, up to 240.
  ///   - format: what is written.
  ///   - comment: a text in printable ASCII that the file carries: as the comment of MP4, WebM, GIF
  ///     and every PNG frame, as the description in WebP's XMP. ``comment(of:)`` reads it.
  ///   - path: the file to write or replace. Of `png`, a directory that does not exist yet or is
  ///     empty.
  /// - Throws: ``MediaError``: `invalidParameter`, `invalidFrame`, `destinationUnusable`,
  ///   `diskFull`, `toolMissing`, `toolFailed`. `CancellationError` when cancelled.
  public func encode<Frames: AsyncSequence<RGBImage, any Error> & Sendable>(
    _ frames: Frames,
    width: Int,
    height: Int,
    framesPerSecond: Double,
    format: VideoFormat,
    comment: String? = nil,
    to path: String
  ) async throws {
    try Self.check(width: width, height: height, framesPerSecond: framesPerSecond)
    if let comment, !comment.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
      throw MediaError(.invalidParameter, "a comment must be printable ASCII on one line")
    }
    let program = try locate()
    let partial = try PartialOutput(path: path, isDirectory: format.isDirectory)
    do {
      // The archive's frames, until they are in it.
      let pictures =
        format == .zip ? try PartialOutput(path: partial.path + ".d", isDirectory: true) : nil
      defer { pictures?.discard() }
      let tag = comment.map { ["-metadata", "comment=\($0)"] } ?? []
      let arguments =
        Self.input(width: width, height: height, framesPerSecond: framesPerSecond)
        + format.arguments(width: width, height: height) + (format.hasContainerTags ? tag : [])
        + [pictures.map { VideoFormat.png.output($0.path) } ?? format.output(partial.path)]
      try await Program.reporting(program) {
        try await run(program, arguments, frames, width: width, height: height)
      }
      try Task.checkCancellation()
      if let comment, !format.hasContainerTags {
        for file in (pictures ?? partial).files() {
          try ClipFile.insert(comment, into: file, width: width, height: height)
        }
      }
      if let pictures { try Self.archive(pictures, to: partial.path) }
      try Task.checkCancellation()
      try partial.commit()
    } catch {
      partial.discard()
      // Ending ffmpeg makes other errors; the reason is that nobody wants the video any more.
      try Task.checkCancellation()
      throw error
    }
  }

  private static func archive(_ pictures: PartialOutput, to path: String) throws(MediaError) {
    var archive = try ZipWriter(path: path)
    for file in pictures.files() {
      let name = file.lastIndex(of: "/").map { file[file.index(after: $0)...] } ?? file[...]
      try archive.add(String(name), ClipFile.bytes(of: file))
    }
    try archive.finish()
  }

  private static func check(
    width: Int,
    height: Int,
    framesPerSecond: Double
  ) throws(MediaError) {
    guard (1...16_383).contains(width), (1...16_383).contains(height) else {
      throw MediaError(
        .invalidParameter,
        "a video of \(width)x\(height) cannot be written: each side must be from 1 to 16383 pixels"
      )
    }
    guard framesPerSecond > 0, framesPerSecond <= 240 else {
      throw MediaError(
        .invalidParameter,
        "\(framesPerSecond) frames per second cannot be written: it must be over 0 and up to 240"
      )
    }
  }

  private func run<Frames: AsyncSequence<RGBImage, any Error> & Sendable>(
    _ program: FilePath,
    _ arguments: [String],
    _ frames: Frames,
    width: Int,
    height: Int
  ) async throws {
    var options = PlatformOptions()
    options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .milliseconds(100))]
    let ended = try await Subprocess.run(
      .path(program),
      arguments: Arguments(arguments),
      platformOptions: options,
      input: .inputWriter,
      output: .discarded,
      error: .sequence
    ) { execution in
      async let complaint = tail(of: execution.standardError, limit: 1_000)
      let count = try await write(
        frames,
        width: width,
        height: height,
        to: execution.standardInputWriter
      )
      return (count, await complaint)
    }
    let (count, complaint) = ended.closureResult
    guard count > 0 else { throw MediaError(.invalidFrame, "a video needs at least one frame") }
    // ffmpeg may end with status 0 although its last write failed; it says so all the same.
    guard ended.terminationStatus.isSuccess, complaint.isEmpty else {
      throw Self.failure(ended.terminationStatus, complaint: complaint)
    }
  }

  /// Hands over the frames until they end or ffmpeg does, and returns how many there were.
  private func write<Frames: AsyncSequence<RGBImage, any Error> & Sendable>(
    _ frames: Frames,
    width: Int,
    height: Int,
    to writer: StandardInputWriter
  ) async throws -> Int {
    var count = 0
    for try await frame in frames {
      guard frame.width == width, frame.height == height else {
        throw MediaError(
          .invalidFrame,
          "frame \(count + 1) has \(frame.width)x\(frame.height) pixels; the video has"
            + " \(width)x\(height)"
        )
      }
      count += 1
      do {
        _ = try await writer.write(frame.pixels)
      } catch {
        // The pipe breaks when ffmpeg ends early; why it did is in its status and its messages.
        break
      }
    }
    try await writer.finish()
    return count
  }
}
