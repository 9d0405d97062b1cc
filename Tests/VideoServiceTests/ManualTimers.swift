// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Synchronization

/// Timers for which no time passes until it is moved, so that no test depends on how fast a machine is.
final class ManualTimers: Timers {
  private struct Timer {
    let id: Int
    let deadline: Duration
    let action: @Sendable () -> Void
  }

  private struct State {
    var now = Duration.zero
    var nextID = 0
    var timers: [Timer] = []
  }

  private let state = Mutex(State())

  /// How many are set.
  var count: Int { state.withLock { $0.timers.count } }

  /// Lets time pass and calls back whose time has come.
  func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now += duration
      let now = state.now
      defer { state.timers.removeAll { $0.deadline <= now } }
      return state.timers.filter { $0.deadline <= now }
    }
    for timer in due { timer.action() }
  }

  func after(
    _ duration: Duration,
    _ action: @escaping @Sendable () -> Void
  ) -> @Sendable () -> Void {
    let id = state.withLock { state in
      state.nextID += 1
      let deadline = state.now + duration
      state.timers.append(Timer(id: state.nextID, deadline: deadline, action: action))
      return state.nextID
    }
    return { self.state.withLock { $0.timers.removeAll { $0.id == id } } }
  }
}
