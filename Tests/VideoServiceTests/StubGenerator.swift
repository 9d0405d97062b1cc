// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Synchronization
import VideoService

/// Stands in for the engine: writes known bytes, can be held up, and remembers what it was asked.
final class StubGenerator: ClipGenerating {
  struct Seen {
    var requests: [ClipRequest] = []
    var pictures: [Data] = []
    var running = 0
    var mostAtOnce = 0
    var cancelled = 0
  }

  /// What a clip consists of unless a test says otherwise.
  static let clip = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) })

  private let seen = Mutex(Seen())
  private let release: Occurrence?
  private let heldSeed: UInt64?
  private let failure: (any Error)?
  private let clip: Data
  private let preview: ClipPreview?

  /// - Parameters:
  ///   - release: What each call waits for before it goes on.
  ///   - heldSeed: The seed of the only calls that wait; nil if all do.
  ///   - failure: What each call then throws.
  ///   - clip: What each call writes.
  ///   - preview: What each call shows after its only step.
  init(
    heldUntil release: Occurrence? = nil,
    onlyFor heldSeed: UInt64? = nil,
    failure: (any Error)? = nil,
    clip: Data = StubGenerator.clip,
    preview: ClipPreview? = nil
  ) {
    self.clip = clip
    self.preview = preview
    self.release = release
    self.heldSeed = heldSeed
    self.failure = failure
  }

  var state: Seen { seen.withLock { $0 } }

  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    let data = try Data(contentsOf: URL(filePath: picture))
    seen.withLock { seen in
      seen.requests.append(request)
      seen.pictures.append(data)
      seen.running += 1
      seen.mostAtOnce = max(seen.mostAtOnce, seen.running)
    }
    defer {
      seen.withLock { seen in
        seen.running -= 1
        if Task.isCancelled { seen.cancelled += 1 }
      }
    }
    var step = ClipProgress(stage: "denoise", done: 1, total: 1)
    step.preview = preview
    progress(step)
    if heldSeed == nil || heldSeed == request.seed { await release?.wait() }
    try Task.checkCancellation()
    if let failure { throw failure }
    try clip.write(to: URL(filePath: output))
    return GeneratedClip(
      seed: request.seed ?? 1234,
      frameCount: 25,
      framesPerSecond: 7,
      stages: [.init(name: "denoise", seconds: 1.5)]
    )
  }
}
