// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// Something that happens at most once, and that any number of tasks may wait for.
package final class Occurrence: Sendable {
  private struct State {
    var hasHappened = false
    var nextID = 0
    var waiting: [Int: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  /// Creates an occurrence that has not happened.
  package init() {}

  /// Whether it has happened.
  package var hasHappened: Bool { state.withLock { $0.hasHappened } }

  /// Lets everyone go on who waits; later calls do nothing.
  package func happen() {
    let waiting = state.withLock { state in
      state.hasHappened = true
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for action in waiting { action() }
  }

  /// Calls `action` once it has happened, which may be at once.
  ///
  /// - Returns: Call it to have `action` not called if it was not yet.
  package func then(_ action: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
    let id = newID()
    if !add(id, action) { action() }
    return { self.take(id) }
  }

  /// Returns once it has happened or the calling task is cancelled, whichever comes first.
  package func wait() async {
    let id = newID()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if !add(id, unlessCancelled: true, { continuation.resume() }) { continuation.resume() }
      }
    } onCancel: {
      take(id)?()
    }
  }

  private func newID() -> Int {
    state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
  }

  /// - Returns: Whether it was added, since it has not happened.
  private func add(
    _ id: Int,
    unlessCancelled: Bool = false,
    _ action: @escaping @Sendable () -> Void
  ) -> Bool {
    state.withLock { state in
      // Under the lock, so that a cancellation comes either before this or finds the action.
      if state.hasHappened || (unlessCancelled && Task.isCancelled) { return false }
      state.waiting[id] = action
      return true
    }
  }

  @discardableResult private func take(_ id: Int) -> (@Sendable () -> Void)? {
    state.withLock { $0.waiting.removeValue(forKey: id) }
  }
}
