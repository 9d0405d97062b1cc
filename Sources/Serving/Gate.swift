// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// Lets a few pieces of work run at a time, makes the rest wait in turn, and refuses the overflow.
///
/// A request first takes a *place*, which bounds how many uploads are on disk at once, and asks for
/// its *turn* when its input is complete. Turns are given in the order in which they are asked for.
package final class Gate: Sendable {
  private struct State {
    var placesTaken = 0
    var running = 0
    var isClosed = false
    var nextID = 0
    var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    var lastRun: Duration = .seconds(10)
  }

  /// How busy a gate is.
  package struct Load: Equatable, Sendable {
    package var places: Int
    package var running: Int

    package init(places: Int, running: Int) {
      self.places = places
      self.running = running
    }
  }

  private let concurrency: Int
  private let places: Int
  private let state = Mutex(State())

  /// Creates a gate.
  ///
  /// - Parameters:
  ///   - concurrency: How many pieces of work run at once, at least 1.
  ///   - queue: How many may wait besides, 0 or more.
  package init(concurrency: Int, queue: Int) {
    self.concurrency = max(1, concurrency)
    self.places = self.concurrency + max(0, queue)
  }

  /// How many requests hold a place, and how many of those have their turn.
  package var load: Load {
    state.withLock { Load(places: $0.placesTaken, running: $0.running) }
  }

  /// How many hold a place and have asked for their turn in vain so far.
  package var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// What ``Service/load`` says of a service that has a line of its own.
  var work: (running: Int, waiting: Int) {
    state.withLock { (running: $0.running, waiting: $0.waiting.count) }
  }

  /// Holds a place while `body` runs.
  ///
  /// - Throws: ``ServingError`` with code `busy` if every place is taken, `stopping` after
  ///   ``close()``; and whatever `body` throws.
  package func withPlace<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    try takePlace()
    defer { leavePlace() }
    return try await body()
  }

  /// Takes a place, to be given back by ``leavePlace()``.
  ///
  /// - Throws: As ``withPlace(_:)``.
  func takePlace() throws(ServingError) {
    try state.withLock { state throws(ServingError) in
      if state.isClosed { throw Self.stopping }
      guard state.placesTaken < places else {
        let seconds = state.lastRun.components.seconds
        throw ServingError(
          .busy,
          "Too many requests: the queue is full (\(places)), try again later",
          retryAfter: Int(min(max(1, seconds), 3600))
        )
      }
      state.placesTaken += 1
    }
  }

  /// Gives a place back.
  func leavePlace() { state.withLock { $0.placesTaken -= 1 } }

  /// Waits for a turn, then holds it while `work` runs.
  ///
  /// A cancelled task leaves the queue.
  ///
  /// - Throws: ``ServingError`` with code `stopping` if the gate closes first; `CancellationError`;
  ///   and whatever `work` throws.
  package func withTurn<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
    try await waitForTurn()
    let start = ContinuousClock.now
    defer { endTurn(after: ContinuousClock.now - start) }
    return try await work()
  }

  /// Sends everyone away who waits or comes from now on; work that runs is left alone.
  package func close() {
    let waiting = state.withLock { state in
      state.isClosed = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for waiter in waiting { waiter.continuation.resume(throwing: Self.stopping) }
  }

  private static let stopping = ServingError(
    .stopping,
    "the server is shutting down: try again later",
    retryAfter: 10
  )

  private func waitForTurn() async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let answer: Result<Void, any Error>? = state.withLock { state in
          if Task.isCancelled { return .failure(CancellationError()) }
          if state.isClosed { return .failure(Self.stopping) }
          if state.running < concurrency {
            state.running += 1
            return .success(())
          }
          state.waiting.append((id, continuation))
          return nil
        }
        if let answer { continuation.resume(with: answer) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
      }
      waiter?.continuation.resume(throwing: CancellationError())
    }
  }

  private func endTurn(after duration: Duration) {
    let next = state.withLock { state in
      state.lastRun = duration
      // A turn passes straight to the next in line, so that a newcomer cannot slip in between.
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() as Optional }
      state.running -= 1
      return nil
    }
    next?.continuation.resume()
  }
}
