// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Media
import StableVideoDiffusion

/// From picture files to video files: reads, generates and writes, frames being written while later
/// ones are still decoded.
struct ClipMaker: Sendable {
  let engine: Engine
  let reader = PictureReader()
  let writer = FFmpeg()

  /// How the files around a generation are read and written.
  struct Files: Sendable {
    var pictures: [String]
    /// None leaves a picture as it is, and its resizing to the pipeline.
    var fit: PictureFit? = .stretch
    var format = VideoFormat.mp4
    var playback = Playback.forward
    var framesPerSecond: Double
    /// One for each clip.
    var outputs: [String]
    /// Whether the one picture is a clip, whose last frame the new one goes on from.
    var isContinuation = false
  }

  /// Makes clips, each of which carries a ``ClipRecord``.
  ///
  /// - Parameters:
  ///   - files: What is read and written.
  ///   - request: What to make.
  ///   - preview: As `Engine.generate`'s.
  ///   - progress: Told how far the work is, from the engine's thread.
  /// - Returns: What the stages took.
  /// - Throws: `MediaError` for a picture or a video, what the pipeline throws, `CancellationError`.
  ///   Nothing is left of clips that were not finished.
  func make(
    _ files: Files,
    _ request: GenerationRequest,
    preview: (@Sendable (Int, Int, RGBImage) -> Void)? = nil,
    progress: @escaping @Sendable (GenerationProgress) -> Void
  ) async throws -> GenerationTimings {
    var pictures: [RGBImage] = []
    var digests: [String] = []
    var earlier: [RGBImage] = []
    for path in files.pictures where files.isContinuation {
      earlier = try await writer.frames(of: path)
      pictures.append(contentsOf: earlier.suffix(1))
      digests.append(try FileHash.sha256(path))
    }
    for path in files.pictures where !files.isContinuation {
      let picture = try await reader.read(path: path)
      digests.append(try FileHash.sha256(path))
      // As the reference service does: first to the size of the clip, then to RGB.
      let fitted = try files.fit.map { fit in
        try picture.fitted(width: request.width, height: request.height, fit: fit)
      }
      pictures.append(fitted ?? picture.rgb())
    }
    let (images, clip) = (pictures, earlier)
    let record = ClipRecord(files, request, pictures: digests, engine)
    let streams = files.outputs.map { _ in
      AsyncThrowingStream.makeStream(of: RGBImage.self, throwing: (any Error).self)
    }
    return try await withThrowingTaskGroup(of: GenerationTimings?.self) { group in
      group.addTask {
        do {
          let timings = try await engine.generate(
            images,
            request,
            progress: progress,
            preview: preview
          ) { frame in streams[frame.video].continuation.yield(frame.image) }
          for stream in streams { stream.continuation.finish() }
          return timings
        } catch {
          for stream in streams { stream.continuation.finish(throwing: error) }
          throw error
        }
      }
      group.addTask {
        var record = record
        for (index, (stream, output)) in zip(streams, files.outputs).enumerated() {
          record.clip = index + 1
          // The writer is started when the first frame is there, so that it does not idle through
          // the denoising, and nothing is started for a request that fails before.
          var frames = stream.stream.makeAsyncIterator()
          guard let first = try await frames.next() else { continue }
          var shown = ShownFrames(first: first, rest: stream.stream)
          if files.isContinuation {
            shown = try await shown.arranged { try Continuation.joined(clip, $0) }
          } else if files.playback != .forward {
            shown = try await shown.arranged { files.playback.arranged($0) }
          }
          try await writer.encode(
            shown,
            width: first.width,
            height: first.height,
            framesPerSecond: files.framesPerSecond,
            format: files.format,
            comment: try record.comment(),
            to: output
          )
        }
        return nil
      }
      var timings = GenerationTimings()
      // The first failure is the cause: the other task is cancelled and its error let go.
      while let finished = try await group.next() {
        if let finished { timings = finished }
      }
      return timings
    }
  }
}

/// A stream whose first element was taken already.
private struct ShownFrames: AsyncSequence, Sendable {
  typealias Failure = any Error

  let first: RGBImage
  let rest: AsyncThrowingStream<RGBImage, any Error>

  /// What is made of all frames; waits for the last.
  func arranged(_ arrange: ([RGBImage]) throws -> [RGBImage]) async throws -> ShownFrames {
    var frames: [RGBImage] = []
    for try await frame in self { frames.append(frame) }
    frames = try arrange(frames)
    let rest = frames.dropFirst()
    return ShownFrames(
      first: frames.first ?? first,
      rest: AsyncThrowingStream { continuation in
        for frame in rest { continuation.yield(frame) }
        continuation.finish()
      }
    )
  }

  struct Iterator: AsyncIteratorProtocol {
    var first: RGBImage?
    var rest: AsyncThrowingStream<RGBImage, any Error>.Iterator

    mutating func next() async throws -> RGBImage? {
      try await next(isolation: nil)
    }

    mutating func next(isolation actor: isolated (any Actor)?) async throws -> RGBImage? {
      if let image = first {
        first = nil
        return image
      }
      return try await rest.next(isolation: actor)
    }
  }

  func makeAsyncIterator() -> Iterator {
    Iterator(first: first, rest: rest.makeAsyncIterator())
  }
}
