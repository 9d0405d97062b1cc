// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Logging
import Synchronization

/// Does in the background what was submitted, in the same line as the requests that wait for it.
final class TaskRunner: Sendable {
  private struct Job: Sendable {
    let record: TaskRecord
    let endpoint: RegisteredEndpoint
    let trace: TraceContext
    let keyName: String?
  }

  private let service: Service
  private let store: any TaskStore
  private let gate: Gate
  private let stopping: Occurrence
  private let settings: HTTPServer.Settings
  private let scratch: ScratchDirectory
  private let logger: Logger
  private let jobs: AsyncStream<Job>
  private let continuation: AsyncStream<Job>.Continuation
  /// What each unfinished task is cancelled by.
  private let cancellations = Mutex<[String: Occurrence]>([:])

  init(
    _ service: Service,
    store: any TaskStore,
    gate: Gate,
    stopping: Occurrence,
    settings: HTTPServer.Settings,
    scratch: ScratchDirectory,
    logger: Logger
  ) {
    self.service = service
    self.store = store
    self.gate = gate
    self.stopping = stopping
    self.settings = settings
    self.scratch = scratch
    self.logger = logger
    (jobs, continuation) = AsyncStream.makeStream()
  }

  /// Takes a task on, with the place in the gate that the caller has taken for it.
  ///
  /// - Throws: What the store throws.
  func start(
    _ endpoint: RegisteredEndpoint,
    _ inputs: [String: FieldInput],
    _ directory: RequestDirectory,
    _ trace: TraceContext,
    keyName: String?
  ) async throws -> TaskRecord {
    let record = TaskRecord(
      id: TraceContext.randomHex() + TraceContext.randomHex(),
      path: endpoint.path,
      inputs: inputs,
      directory: directory,
      createdAt: Date()
    )
    try await store.add(record)
    cancellations.withLock { $0[record.id] = Occurrence() }
    continuation.yield(Job(record: record, endpoint: endpoint, trace: trace, keyName: keyName))
    return record
  }

  /// Takes a task on that does once more what another did.
  ///
  /// - Throws: ``ServingError`` if its files cannot be taken over; what the store throws.
  func retry(
    _ record: TaskRecord,
    _ endpoint: RegisteredEndpoint,
    _ trace: TraceContext,
    keyName: String?
  ) async throws -> TaskRecord {
    let directory = RequestDirectory(in: scratch)
    do {
      let inputs = try record.inputs.mapValues { input in
        guard case .file(let file) = input else { return input }
        return .file(try directory.adopt(file))
      }
      return try await start(endpoint, inputs, directory, trace, keyName: keyName)
    } catch {
      directory.remove()
      throw error
    }
  }

  func find(_ id: String) async throws -> TaskRecord? { try await store.find(id) }

  /// Ends a task; its work stops soon after.
  ///
  /// - Returns: The task as it then is.
  /// - Throws: ``ServingError`` with code `invalidRequest` if it has ended otherwise; what the store
  ///   throws.
  func cancel(_ record: TaskRecord) async throws -> TaskRecord {
    _ = try await store.end(record.id, .canceled, nil, at: Date())
    guard let record = try await store.find(record.id), record.status == .canceled else {
      throw record.state.hasEnded
    }
    cancellations.withLock { $0[record.id] }?.happen()
    return record
  }

  /// Works until ``finish()`` was called and all tasks have ended, then forgets them all.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while true {
          do { try await Task.sleep(for: .seconds(60)) } catch { return }
          await self.forget(before: Date() - self.service.taskRetention / .seconds(1))
        }
      }
      await withDiscardingTaskGroup { group in
        for await job in jobs { group.addTask { await self.perform(job) } }
      }
      group.cancelAll()
    }
    await forget(before: .distantFuture)
  }

  /// Takes no more tasks.
  func finish() { continuation.finish() }

  private func perform(_ job: Job) async {
    let id = job.record.id
    var logger = logger
    logger[metadataKey: "task"] = .string(id)
    logger[metadataKey: "trace"] = .string(job.trace.traceID)
    let call = Call(
      trace: job.trace,
      keyName: job.keyName,
      logger: logger,
      ownDirectory: job.record.directory
    )
    let timers = settings.timers ?? EventLoopTimers.shared
    let life = RequestLife(
      timeout: nil,
      clientGone: cancellations.withLock { $0[id] } ?? Occurrence(),
      stopping: stopping,
      grace: settings.grace,
      timers: timers
    )
    // Nobody waits with a connection open, so the time in line does not count.
    let work = RequestLife(
      timeout: service.traffic.timeout,
      clientGone: Occurrence(),
      stopping: Occurrence(),
      grace: .zero,
      timers: timers
    )
    let status: TaskState.Status
    let answer: Answer
    do {
      answer = try await life.run { [gate] in
        try await gate.withTurn {
          try await work.run {
            try Answer(await job.endpoint.bind(job.record.inputs)(call))
          }
        }
      }
      status = .completed
    } catch {
      let error = ServingError(caught: error)
      error.log(to: logger)
      status = .failed
      answer = Answer(error)
    }
    cancellations.withLock { $0[id] = nil }
    gate.leavePlace()
    do {
      let isOwn = try await store.end(id, status, answer, at: Date())
      logger.info("task \(isOwn ? status.rawValue : "canceled")")
    } catch {
      logger.error("the end of a task could not be kept: \(error)")
    }
    await forget(before: Date() - service.taskRetention / .seconds(1))
  }

  private func forget(before date: Date) async {
    do {
      let count = date == .distantFuture ? 0 : service.keptTasks
      for record in try await store.forget(before: date, beyond: count) {
        record.directory.remove()
      }
    } catch {
      logger.error("old tasks could not be forgotten: \(error)")
    }
  }
}
