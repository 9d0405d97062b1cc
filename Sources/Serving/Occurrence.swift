// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// Something that happens at most once, and that any number of tasks may wait for.
package final class Occurrence: Sendable {
  private struct State {
    var hasHappened = false
    var nextID = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  /// Creates an occurrence that has not happened.
  package init() {}

  /// Whether it has happened.
  package var hasHappened: Bool { state.withLock { $0.hasHappened } }

  /// Lets every waiting task go on; later calls do nothing.
  package func happen() {
    let waiters = state.withLock { state in
      state.hasHappened = true
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Returns once it has happened or the calling task is cancelled, whichever comes first.
  package func wait() async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          // Under the lock, so that a cancellation comes either before this or finds the waiter.
          if state.hasHappened || Task.isCancelled { return false }
          state.waiters[id] = continuation
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
