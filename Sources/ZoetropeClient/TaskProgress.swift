// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// How far a task is.
public struct TaskProgress: Sendable, Equatable {
  /// How the task is.
  public var status: ClipTaskStatus
  /// What is being done: `load`, `encode`, `denoise`, `decode` or `write`; nil while it waits, and where the
  /// server does not say.
  public var stage: String?
  /// Parts of this stage that are done.
  public var done = 0
  /// Parts of this stage in all.
  public var total = 0
  /// The part of the whole that is done, from 0 to 1.
  public var fraction = 0.0
  /// How long it probably still takes, in seconds; nil where nobody knows.
  public var secondsLeft: Double?
  /// How many tasks come before it; nil if it does not wait, and where the server does not say.
  public var queuePosition: Int?

  init(status: ClipTaskStatus) {
    self.status = status
    fraction = status == .completed ? 1 : 0
  }
}

extension ClipTask {
  /// How far the task is, until it has ended.
  ///
  /// A Zoetrope server tells of each step as it is done; where a connection breaks, the next one goes on
  /// behind the last that was heard of. A server that tells of nothing, such as BentoML's, is asked again
  /// and again. Who does not keep up misses steps, but never the last.
  ///
  /// - Parameter interval: The time between two questions to a server that does not tell by itself.
  /// - Returns: What is known at first, and each change. The last one has a status other than
  ///   `inProgress`, and nothing comes after it. Iterating throws ``ClientError``.
  public func progress(
    askingEvery interval: Duration = .milliseconds(500)
  ) -> AsyncThrowingStream<TaskProgress, any Error> {
    AsyncThrowingStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
      let work = Task {
        do {
          if try await !listen({ continuation.yield($0) }) {
            try await ask(every: interval) { continuation.yield($0) }
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in work.cancel() }
    }
  }

  /// Hears the server's events up to the last.
  ///
  /// - Returns: Whether the server has any.
  private func listen(_ tell: (TaskProgress) -> Void) async throws -> Bool {
    var reader = EventReader()
    var failures = 0
    while true {
      let problem: ClientError
      do {
        var isOver = false
        let hasEvents = try await client.listen("/jobs/\(id)/events", &reader) { event in
          failures = 0
          // A server may have more to tell, such as what the clip is coming to.
          guard ["state", "progress", "end"].contains(event.name) else { return true }
          let job = try JobAnswer(event.data)
          tell(try job.progress)
          isOver = event.name == "end"
          return !isOver
        }
        if isOver || !hasEvents { return hasEvents }
        problem = ClientError(.unreachable, "the server ends its answers before the task has ended")
      } catch let error as ClientError where error.code == .unreachable {
        problem = error
      }
      try Task.checkCancellation()
      guard failures < client.retries else { throw problem }
      try await Task.sleep(for: ZoetropeClient.backoff(failures))
      failures += 1
    }
  }

  private func ask(every interval: Duration, _ tell: (TaskProgress) -> Void) async throws {
    var last: ClipTaskStatus?
    while true {
      let status = try await status()
      if status != last { tell(TaskProgress(status: status)) }
      guard status == .inProgress else { return }
      last = status
      try await Task.sleep(for: interval)
    }
  }
}
