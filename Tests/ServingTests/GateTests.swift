// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Synchronization
import Testing

/// Waits until a condition holds that other tasks bring about.
func until(_ condition: () -> Bool) async throws {
  while !condition() { try await Task.sleep(for: .milliseconds(1)) }
}

/// Numbers in the order in which tasks noted them.
final class Record: Sendable {
  private let noted = Mutex<[Int]>([])
  var values: [Int] { noted.withLock { $0 } }
  func add(_ value: Int) { noted.withLock { $0.append(value) } }
}

@Suite(.timeLimit(.minutes(15))) struct `The gate` {
  @Test func `gives turns one at a time, in the order of asking`() async throws {
    let gate = Gate(concurrency: 1, queue: 20)
    let order = Record()
    let release = Occurrence()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<10 {
        group.addTask {
          try await gate.withPlace {
            try await gate.withTurn {
              #expect(gate.load.running == 1)
              order.add(index)
              await release.wait()
            }
          }
        }
        try await until { gate.waitingCount == index }
      }
      release.happen()
      try await group.waitForAll()
    }
    #expect(order.values == Array(0..<10))
    #expect(gate.load == Gate.Load(places: 0, running: 0))
  }

  @Test func `runs as many at once as it is told to`() async throws {
    let gate = Gate(concurrency: 3, queue: 3)
    let release = Occurrence()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<6 {
        group.addTask {
          try await gate.withPlace { try await gate.withTurn { await release.wait() } }
        }
      }
      try await until { gate.waitingCount == 3 }
      #expect(gate.load == Gate.Load(places: 6, running: 3))
      release.happen()
      try await group.waitForAll()
    }
    #expect(gate.load == Gate.Load(places: 0, running: 0))
  }

  @Test func `refuses the overflow and says when to come back`() async throws {
    let gate = Gate(concurrency: 1, queue: 1)
    try await gate.withPlace {
      try await gate.withPlace {
        let error = await #expect(throws: ServingError.self) { try await gate.withPlace {} }
        #expect(error?.code == .busy)
        #expect((error?.retryAfter ?? 0) >= 1)
      }
      try await gate.withPlace {}
    }
  }

  @Test func `forgets who is cancelled while waiting`() async throws {
    let gate = Gate(concurrency: 1, queue: 5)
    let release = Occurrence()
    let running = Task { try await gate.withTurn { await release.wait() } }
    try await until { gate.load.running == 1 }
    let waiting = Task { try await gate.withTurn { Issue.record("its turn came") } }
    try await until { gate.waitingCount == 1 }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(gate.waitingCount == 0)
    release.happen()
    try await running.value
    try await gate.withTurn {}
    #expect(gate.load == Gate.Load(places: 0, running: 0))
  }

  @Test func `passes the turn on when work throws`() async throws {
    let gate = Gate(concurrency: 1, queue: 5)
    await #expect(throws: CancellationError.self) {
      try await gate.withTurn { throw CancellationError() }
    }
    #expect(try await gate.withTurn { 1 } == 1)
  }

  @Test func `sends away who waits and who comes once it is closed, but not who runs`() async throws
  {
    let gate = Gate(concurrency: 1, queue: 5)
    let release = Occurrence()
    let running = Task { try await gate.withTurn { await release.wait() } }
    try await until { gate.load.running == 1 }
    let waiting = Task { try await gate.withTurn {} }
    try await until { gate.waitingCount == 1 }
    gate.close()
    let error = await #expect(throws: ServingError.self) { try await waiting.value }
    #expect(error?.code == .stopping)
    await #expect(throws: ServingError.self) { try await gate.withPlace {} }
    await #expect(throws: ServingError.self) { try await gate.withTurn {} }
    release.happen()
    try await running.value
    #expect(gate.load.running == 0)
  }

  @Test func `loses no turn when many come, go and are cancelled at once`() async throws {
    let gate = Gate(concurrency: 2, queue: 1000)
    let running = Record()
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<500 {
        let task = Task {
          try await gate.withPlace {
            try await gate.withTurn {
              running.add(gate.load.running)
              await Task.yield()
            }
          }
        }
        if index.isMultiple(of: 3) { task.cancel() }
        group.addTask { _ = await task.result }
      }
    }
    #expect(gate.load == Gate.Load(places: 0, running: 0))
    #expect(running.values.allSatisfy { $0 <= 2 })
  }
}

@Suite(.timeLimit(.minutes(15))) struct `An occurrence` {
  @Test func `wakes everyone who waits and nobody waits afterwards`() async {
    let occurrence = Occurrence()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { await occurrence.wait() } }
      occurrence.happen()
    }
    await occurrence.wait()
    #expect(occurrence.hasHappened)
  }

  @Test func `lets a cancelled task go`() async {
    let occurrence = Occurrence()
    let task = Task { await occurrence.wait() }
    task.cancel()
    await task.value
    #expect(!occurrence.hasHappened)
  }
}

/// Timers that are due at once, or never.
private struct FixedTimers: Timers {
  var areDue = true

  func after(
    _ duration: Duration,
    _ action: @escaping @Sendable () -> Void
  ) -> @Sendable () -> Void {
    if areDue { action() }
    return {}
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The life of a request` {
  private let timers = FixedTimers()

  private func life(
    timeout: Duration? = nil,
    clientGone: Occurrence = Occurrence(),
    stopping: Occurrence = Occurrence()
  ) -> RequestLife {
    RequestLife(
      timeout: timeout,
      clientGone: clientGone,
      stopping: stopping,
      grace: .seconds(30),
      timers: timers
    )
  }

  private func code(of life: RequestLife) async throws -> ServingError.Code {
    let ended = Atomic(false)
    let error = await #expect(throws: ServingError.self) {
      try await life.run {
        defer { ended.store(true, ordering: .relaxed) }
        try await Task.sleep(for: .seconds(600))
      }
    }
    let hasEnded = ended.load(ordering: .relaxed)
    #expect(hasEnded, "the work must have ended")
    return try #require(error).code
  }

  @Test func `gives what the work gives`() async throws {
    #expect(try await life().run { 3 } == 3)
  }

  @Test func `ends work whose time is up`() async throws {
    #expect(try await code(of: life(timeout: .seconds(20))) == .timedOut)
    let error = await #expect(throws: ServingError.self) {
      try await life(timeout: .milliseconds(500)).run { try await Task.sleep(for: .seconds(600)) }
    }
    #expect(error?.message == "Not able to process the request in 0.5 seconds")
  }

  @Test func `ends work whose client is gone`() async throws {
    let gone = Occurrence()
    gone.happen()
    #expect(try await code(of: life(clientGone: gone)) == .clientGone)
  }

  @Test func `ends work when the server stops, after its grace`() async throws {
    let stopping = Occurrence()
    stopping.happen()
    #expect(try await code(of: life(stopping: stopping)) == .stopping)
    var life = life(stopping: stopping)
    life.timers = FixedTimers(areDue: false)
    #expect(try await life.run { 4 } == 4)
  }
}
