// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOHTTP1

/// A clip that a server makes while nobody holds a connection open.
public struct ClipTask: Sendable {
  /// What the server knows the task by; who has it may read the clip.
  public let id: String
  let client: ZoetropeClient

  init(id: String, client: ZoetropeClient) {
    self.id = id
    self.client = client
  }

  /// How the task is.
  ///
  /// - Throws: ``ClientError``; `CancellationError`.
  public func status() async throws -> ClipTaskStatus {
    try await ask(.GET, "status").status
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
    return Clip(try await client.send(.GET, "/generate/get?task_id=\(id)"))
  }

  /// Stops the task.
  ///
  /// - Throws: ``ClientError`` with status 400 if it has ended already; `CancellationError`.
  public func cancel() async throws { _ = try await ask(.PUT, "cancel") }

  /// Begins a task that does the same.
  ///
  /// - Returns: The new task.
  /// - Throws: ``ClientError`` with status 400 if this one has not ended; `CancellationError`.
  public func retry() async throws -> ClipTask {
    client.task(try await ask(.POST, "retry").task_id)
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
