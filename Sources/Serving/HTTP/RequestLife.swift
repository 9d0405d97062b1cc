// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What can end a request before its work is done.
package struct RequestLife: Sendable {
  /// The most that the request may take; nil for any time.
  let timeout: Duration?
  /// The client closed its side of the connection.
  let clientGone: Occurrence
  /// The server was told to stop.
  let stopping: Occurrence
  /// How long work may go on after that.
  let grace: Duration
  /// What both are measured by.
  let clock: any Clock<Duration>

  package init(
    timeout: Duration?,
    clientGone: Occurrence,
    stopping: Occurrence,
    grace: Duration,
    clock: any Clock<Duration> = ContinuousClock()
  ) {
    self.timeout = timeout
    self.clientGone = clientGone
    self.stopping = stopping
    self.grace = grace
    self.clock = clock
  }

  private enum Outcome<Value: Sendable>: Sendable {
    case finished(Value)
    case interrupted(ServingError)
  }

  /// Runs `work` and cancels it if one of these happens first.
  ///
  /// Returns only when `work` has ended, so that whatever it held is free again.
  ///
  /// - Throws: ``ServingError`` with code `timedOut`, `clientGone` or `stopping` if `work` was cut
  ///   short; otherwise what `work` throws.
  package func run<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws
    -> Value
  {
    try await withThrowingTaskGroup(of: Outcome<Value>.self) { group in
      group.addTask { .finished(try await work()) }
      if let timeout {
        group.addTask {
          try await clock.sleep(for: timeout)
          return .interrupted(
            ServingError(
              .timedOut,
              "Not able to process the request in \(timeout / .seconds(1)) seconds"
            )
          )
        }
      }
      group.addTask {
        await clientGone.wait()
        try Task.checkCancellation()
        return .interrupted(ServingError(.clientGone, "the client closed the connection"))
      }
      group.addTask {
        await stopping.wait()
        try await clock.sleep(for: grace)
        return .interrupted(
          ServingError(
            .stopping,
            "the server is shutting down: try again later",
            retryAfter: 10
          )
        )
      }
      defer { group.cancelAll() }
      switch try await group.next() {
      case .finished(let value): return value
      case .interrupted(let error): throw error
      case nil: throw CancellationError()
      }
    }
  }
}
