// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// A clock on which short waits are over at once and are noted, and long ones last until the test ends
/// them.
final class PatientClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration

    func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    func duration(to other: Instant) -> Duration { other.offset - offset }
    static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  /// What a long wait is.
  static let patience = Duration.seconds(3600)

  private struct State {
    var waits: [Duration] = []
    var sleepers: [Int: CheckedContinuation<Void, any Error>] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  let now = Instant(offset: .zero)
  let minimumResolution = Duration.zero

  /// The short waits so far.
  var waits: [Duration] { state.withLock(\.waits) }

  /// Ends the long waits.
  func loseFaith() {
    let sleepers = state.withLock { state in
      defer { state.sleepers = [:] }
      return state.sleepers.values
    }
    for sleeper in sleepers { sleeper.resume() }
  }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    guard deadline.offset >= Self.patience else {
      state.withLock { $0.waits.append(deadline.offset) }
      return try await Task.sleep(for: .milliseconds(1))
    }
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if !Task.isCancelled { state.sleepers[id] = continuation }
          return Task.isCancelled
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }
  }
}
