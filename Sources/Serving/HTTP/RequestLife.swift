// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

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
  package var timers: any Timers
  /// Where the work runs; nil for the shared threads.
  let executor: (any TaskExecutor)?

  package init(
    timeout: Duration?,
    clientGone: Occurrence,
    stopping: Occurrence,
    grace: Duration,
    timers: any Timers,
    executor: (any TaskExecutor)? = nil
  ) {
    self.timeout = timeout
    self.clientGone = clientGone
    self.stopping = stopping
    self.grace = grace
    self.timers = timers
    self.executor = executor
  }

  /// Runs `work` and cancels it if one of these happens first.
  ///
  /// Returns only when `work` has ended, so that whatever it held is free again.
  ///
  /// - Throws: ``ServingError`` with code `timedOut`, `clientGone` or `stopping` if `work` was cut
  ///   short; otherwise what `work` throws.
  package func run<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let end = End()
    watch(for: end)
    defer { end.forgetCauses() }
    // Not a group with a second task that waits for the end: that costs as much as a short request's
    // work.
    let task = Task(executorPreference: executor) { try await work() }
    end.keep(end.came.then { task.cancel() })
    let result = await withTaskCancellationHandler {
      await task.result
    } onCancel: {
      task.cancel()
    }
    try end.check()
    return try result.get()
  }

  private func watch(for end: End) {
    let (timers, grace) = (timers, grace)
    if let timeout {
      end.keep(
        timers.after(timeout) {
          let seconds = timeout / .seconds(1)
          end.come(
            ServingError(.timedOut, "Not able to process the request in \(seconds) seconds")
          )
        }
      )
    }
    end.keep(
      clientGone.then {
        end.come(ServingError(.clientGone, "the client closed the connection"))
      }
    )
    end.keep(
      stopping.then {
        end.keep(
          timers.after(grace) {
            end.come(
              ServingError(
                .stopping,
                "the server is shutting down: try again later",
                retryAfter: 10
              )
            )
          }
        )
      }
    )
  }

  /// The end of a request before its work is done.
  private final class End: Sendable {
    private struct State {
      var reason: ServingError?
      var isOver = false
      /// Each has something that may still bring the end about forget it.
      var causes: [@Sendable () -> Void] = []
    }

    let came = Occurrence()
    private let state = Mutex(State())

    /// Brings the end about; the first reason counts.
    func come(_ reason: ServingError) {
      state.withLock { $0.reason = $0.reason ?? reason }
      came.happen()
    }

    /// - Throws: The reason, if the end has come.
    func check() throws(ServingError) {
      if let reason = state.withLock({ $0.reason }) { throw reason }
    }

    /// Keeps what has a cause forgotten until that is wanted, which may be already.
    func keep(_ forget: @escaping @Sendable () -> Void) {
      let isOver = state.withLock { state in
        if !state.isOver { state.causes.append(forget) }
        return state.isOver
      }
      if isOver { forget() }
    }

    func forgetCauses() {
      let causes = state.withLock { state in
        state.isOver = true
        defer { state.causes = [] }
        return state.causes
      }
      for forget in causes { forget() }
    }
  }
}
