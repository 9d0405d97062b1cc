// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import StableVideoDiffusion
internal import Synchronization
internal import TensorCore
import Testing

/// When chunks are asked for and waited for; what numbers come of it, the pretend GPU's tests tell.
@Suite struct DecodingTests {
  private final class Log: Sendable {
    let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  /// What happens while five frames are decoded two at a time.
  private func log(runsAhead: Bool, cancelAtFrame: Int? = nil) async throws -> [String] {
    let log = Log()
    let backend = CountingBackend(runsAhead: runsAhead) { operation in
      if ["begin download", "wait"].contains(operation) { log.add(operation) }
    }
    let pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(folder: Tiny.folder, variant: "fp16", backend: backend)
    )
    let task = Task {
      var observer = GenerationObserver()
      observer.frame = { _, frame, _ in
        log.add("frame \(frame)")
        if frame == cancelAtFrame { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
      }
      let latents = backend.upload([], shape: [1, 5, 3, 4, 4])
      do { try pipeline.decode(latents, chunk: 2, observer: observer) } catch is CancellationError {
        log.add("cancelled")
      }
    }
    try await task.value
    return log.lines.withLock(\.self)
  }

  @Test func `a backend that runs ahead is asked for a chunk before the last is waited for`()
    async throws
  {
    #expect(
      try await log(runsAhead: true) == [
        "begin download", "begin download", "wait", "frame 0", "frame 1", "begin download", "wait",
        "frame 2", "frame 3", "wait", "frame 4",
      ]
    )
  }

  @Test func `a backend that does not is asked for one chunk at a time`() async throws {
    #expect(
      try await log(runsAhead: false) == [
        "begin download", "frame 0", "frame 1", "begin download", "frame 2", "frame 3",
        "begin download", "frame 4",
      ]
    )
  }

  @Test func `a chunk that was asked for before its task was cancelled is not waited for`()
    async throws
  {
    #expect(
      try await log(runsAhead: true, cancelAtFrame: 0) == [
        "begin download", "begin download", "wait", "frame 0", "frame 1", "cancelled",
      ]
    )
  }
}
