// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Synchronization

/// Lets a few in at a time; the others wait in line, first come, first served.
final class Turnstile: Sendable {
  private struct State {
    var free: Int
    var nextTicket = 0
    var line: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    /// Those who were cancelled before they had got into the line.
    var goneEarly: Set<Int> = []
  }

  private let state: Mutex<State>

  init(places: Int) {
    state = Mutex(State(free: places))
  }

  /// Runs `body` when there is a place, or throws `CancellationError` if the wait is cancelled.
  func withTurn<Result>(_ body: () async throws -> Result) async throws -> Result {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
    let ticket = state.withLock { state in
      state.nextTicket += 1
      return state.nextTicket
    }
    let isIn = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          if state.goneEarly.remove(ticket) != nil { return false }
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.line.append((ticket, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        guard let place = state.line.firstIndex(where: { $0.ticket == ticket }) else {
          state.goneEarly.insert(ticket)
          return nil as CheckedContinuation<Bool, Never>?
        }
        return state.line.remove(at: place).continuation
      }
      waiting?.resume(returning: false)
    }
    state.withLock { _ = $0.goneEarly.remove(ticket) }
    guard isIn else { throw CancellationError() }
  }

  private func leave() {
    let next = state.withLock { state in
      guard !state.line.isEmpty else {
        state.free += 1
        return nil as CheckedContinuation<Bool, Never>?
      }
      return state.line.removeFirst().continuation
    }
    next?.resume(returning: true)
  }
}
