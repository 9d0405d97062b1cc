// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving

// Jobs that are made from other jobs.

extension VideoJobs {
  /// Accepts a job that does once more what another did.
  ///
  /// - Returns: The new job; nil if there is no other.
  /// - Throws: As ``submit(_:picture:as:)``.
  package func retry(_ id: String, as origin: JobOrigin) async throws -> VideoJob? {
    guard let job = try await job(id, owner: origin.owner) else { return nil }
    return try await submit(job.request, picture: job.picture.path, as: origin)
  }

  /// Accepts a job that makes a longer clip of a job's clip.
  ///
  /// - Parameters:
  ///   - id: The job's.
  ///   - frameCount: Frames to make, the shared one included; nil for as many as were made.
  ///   - seed: The seed of the new part; nil draws one.
  ///   - origin: Who asks, and how.
  /// - Returns: The new job; nil if there is no other.
  /// - Throws: As ``retry(_:as:)``; ``ServingError`` with code `conflict` if the job has no clip that
  ///   can be gone on from.
  package func extend(
    _ id: String,
    frameCount: Int?,
    seed: UInt64?,
    as origin: JobOrigin
  ) async throws -> VideoJob? {
    guard let job = try await job(id, owner: origin.owner) else { return nil }
    guard let clip = job.clip, let count = clip.frameCount else {
      throw ServingError(.conflict, "job \(job.id) is \(job.state.rawValue): it has no clip")
    }
    guard job.request.playback == .forward, [.mp4, .webm, .gif].contains(job.request.format) else {
      throw ServingError(.conflict, "only mp4, webm and gif that play forward can be extended")
    }
    var request = job.request
    request.continuedFrames = count
    request.frameCount = frameCount ?? request.frameCount
    request.seed = seed
    return try await submit(request, picture: clip.path, as: origin)
  }
}
