// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOHTTP1

/// A clip that a server makes while nobody holds a connection open.
public struct ClipTask: Sendable {
  /// What the server knows the task by; who has it may read the clip.
  public let id: String
  /// Whether only Zoetrope's own API of jobs knows it, not that of BentoML.
  let isJob: Bool
  let client: ZoetropeClient

  init(id: String, isJob: Bool, client: ZoetropeClient) {
    self.id = id
    self.isJob = isJob
    self.client = client
  }

  /// How the task is.
  ///
  /// - Throws: ``ClientError``; `CancellationError`.
  public func status() async throws -> ClipTaskStatus {
    guard !isJob else { return try await job().progress.status }
    return try await ask(.GET, "status").status
  }

  /// Waits for the clip.
  ///
  /// - Parameter interval: The time between two questions to a server that does not tell by itself.
  /// - Returns: The clip.
  /// - Throws: ``ClientError``, with the server's reason if the task failed; `CancellationError`, which
  ///   leaves the task alone.
  public func clip(askingEvery interval: Duration = .milliseconds(500)) async throws -> Clip {
    var last: ClipTaskStatus?
    for try await progress in progress(askingEvery: interval) { last = progress.status }
    try Task.checkCancellation()
    if last == .canceled { throw ClientError(.cancelled, "the task was cancelled") }
    if isJob {
      if last == .failed { throw try await job().failure }
      return Clip(try await client.send(.GET, "/jobs/\(id)/clip"), seed: try await job().seed)
    }
    return Clip(try await client.send(.GET, "/generate/get?task_id=\(id)"))
  }

  /// Stops the task.
  ///
  /// - Throws: ``ClientError`` with status 400 if it has ended already, but for those of
  ///   ``ZoetropeClient/job(_:)``, which then stay as they are; `CancellationError`.
  public func cancel() async throws {
    if isJob {
      _ = try await client.send(.POST, "/jobs/\(id)/cancel")
    } else {
      _ = try await ask(.PUT, "cancel")
    }
  }

  /// Begins a task that does the same.
  ///
  /// - Returns: The new task.
  /// - Throws: ``ClientError`` with status 400 if this one has not ended, but for those of
  ///   ``ZoetropeClient/job(_:)``; `CancellationError`.
  public func retry() async throws -> ClipTask {
    guard !isJob else {
      return client.job(try JobAnswer(await client.send(.POST, "/jobs/\(id)/retry")).id)
    }
    return client.task(try await ask(.POST, "retry").task_id)
  }

  /// Begins a task that makes a longer clip: it has the frames of this one and goes on from the last.
  ///
  /// - Parameters:
  ///   - frameCount: Frames to make, from 2 to 256, the shared one included; nil for as many as were
  ///     made.
  ///   - seed: Repeats the new part exactly; nil draws one.
  /// - Returns: The new task.
  /// - Throws: ``ClientError`` with status 409 if this one has no clip that can be gone on from;
  ///   `CancellationError`.
  public func extend(frameCount: Int? = nil, seed: UInt64? = nil) async throws -> ClipTask {
    var parameters = ClipParameters()
    parameters.frameCount = frameCount
    parameters.seed = seed
    let answer = try await client.send(
      .POST,
      "/jobs/\(id)/extend",
      form: ZoetropeClient.Form(nil, parameters)
    )
    return client.job(try JobAnswer(answer).id)
  }

  private func job() async throws -> JobAnswer {
    try JobAnswer(await client.send(.GET, "/jobs/\(id)"))
  }

  private func ask(
    _ method: HTTPMethod,
    _ action: String
  ) async throws -> ZoetropeClient.TaskAnswer {
    try ZoetropeClient.TaskAnswer(
      await client.send(method, "/generate/\(action)?task_id=\(id)")
    )
  }
}
