// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import Media
import Serving
import Synchronization

/// What a job's clip is coming to, in memory only.
struct JobPreview: Sendable {
  /// The longest side of its picture, in pixels.
  private static let side = 256

  /// Counts those of one job.
  let number: Int
  let picture: ClipPreview
  /// Makes the file, once for all who want it; nil as long as nobody does.
  private var work: Task<[UInt8], any Error>?

  init(number: Int, picture: ClipPreview) {
    self.number = number
    self.picture = picture
  }

  /// The picture as WebP, of a few kB.
  mutating func file() -> Task<[UInt8], any Error> {
    if let work { return work }
    let task = Task { [picture] in
      let image = try RGBImage(
        width: picture.width,
        height: picture.height,
        pixels: picture.pixels
      )
      let longest = max(image.width, image.height)
      func scaled(_ length: Int) -> Int { max(1, (length * Self.side + longest / 2) / longest) }
      let enlarged = try image.resized(width: scaled(image.width), height: scaled(image.height))
      return try await FFmpeg().still(enlarged, as: .webp)
    }
    work = task
    return task
  }
}

extension VideoJobs {
  /// What the clip of a job is coming to.
  ///
  /// - Parameters:
  ///   - id: The job's.
  ///   - owner: Whose it must be; nil for anyone's.
  /// - Returns: A WebP of at most 256 pixels a side.
  /// - Throws: ``ServingError`` with code `notFound` if there is no such job, or nothing to see of it;
  ///   what the database throws.
  package func preview(of id: String, owner: String?) async throws -> [UInt8] {
    guard let job = try await job(id, owner: owner) else { throw Self.notFound(id) }
    guard let file = state.withLock({ $0.live[id]?.preview?.file() }), !job.state.isFinal else {
      let reason =
        switch job.state {
        case .queued: "it waits: there is a preview after its first step"
        case .running: "there is a preview after its first step"
        case .succeeded: "its clip is there, and the preview is gone"
        case .failed, .cancelled: "it is \(job.state.rawValue), and the preview is gone"
        }
      throw ServingError(.notFound, "job \(job.id) has no preview: \(reason)")
    }
    do { return try await file.value } catch let error as MediaError {
      throw ServingError(.internalFault, error.message, cause: error)
    }
  }

  /// Keeps what a clip is coming to, in place of the one before.
  func take(_ picture: ClipPreview, of id: String) {
    let previewing = state.withLock { state in
      let number = (state.live[id]?.preview?.number ?? 0) + 1
      state.live[id]?.preview = JobPreview(number: number, picture: picture)
      return state.live[id]?.previewing.continuation
    }
    previewing?.yield()
  }

  /// Shows those who watch a job what it is coming to, at most once a second, until it ended.
  ///
  /// - Parameters:
  ///   - id: The job's.
  ///   - changes: Told when something may be new.
  func showPreviews(of id: String, _ changes: AsyncStream<Void>) async {
    var shown = 0
    for await _ in changes where hub.isWatched(id) {
      let next = state.withLock { state -> (Int, Task<[UInt8], any Error>)? in
        guard let number = state.live[id]?.preview?.number, number > shown else { return nil }
        return (state.live[id]?.preview?.file()).map { (number, $0) }
      }
      guard let (number, file) = next else { continue }
      shown = number
      do {
        let bytes = try await file.value
        if let job = state.withLock({ $0.shown(id) }), job.state == .running {
          hub.publish(.preview, job, preview: bytes)
        }
        try await Task.sleep(for: .seconds(1))
      } catch is CancellationError {
        return
      } catch {
        logger.warning("a preview of job \(id) could not be made: \(error)")
        return
      }
    }
  }
}

extension JobEvent {
  /// What clients hear of it: a preview's picture, else the job.
  var json: JSON {
    guard let preview else { return job.json }
    let text = Data(preview).base64EncodedString()
    return [
      "number": .integer(Int128(number)), "url": .string("data:image/webp;base64,\(text)"),
    ]
  }
}
