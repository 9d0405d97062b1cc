// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Synchronization

/// Where tasks are kept.
protocol TaskStore: Sendable {
  /// Keeps a new task.
  func add(_ record: TaskRecord) async throws
  /// The task of an id.
  func find(_ id: String) async throws -> TaskRecord?
  /// Ends a task that is in progress.
  ///
  /// - Returns: False if there is none of that id, or it has ended already.
  func end(
    _ id: String,
    _ status: TaskState.Status,
    _ answer: Answer?,
    at date: Date
  ) async throws
    -> Bool
  /// Forgets tasks that ended: those before `date`, and the oldest ones beyond `count`.
  ///
  /// - Returns: What was forgotten.
  func forget(before date: Date, beyond count: Int) async throws -> [TaskRecord]
}

/// Keeps tasks for as long as the server runs.
final class MemoryTaskStore: TaskStore {
  private let records = Mutex<[String: TaskRecord]>([:])

  init() {}

  func add(_ record: TaskRecord) { records.withLock { $0[record.id] = record } }

  func find(_ id: String) -> TaskRecord? { records.withLock { $0[id] } }

  func end(
    _ id: String,
    _ status: TaskState.Status,
    _ answer: Answer?,
    at date: Date
  ) -> Bool {
    records.withLock { records in
      guard records[id]?.status == .inProgress else { return false }
      records[id]?.status = status
      records[id]?.answer = answer
      records[id]?.executedAt = date
      return true
    }
  }

  func forget(before date: Date, beyond count: Int) -> [TaskRecord] {
    records.withLock { records in
      let ended = records.values.compactMap { record in
        record.executedAt.map { (date: $0, record: record) }
      }.sorted { $0.date > $1.date }
      let forgotten = ended.enumerated().filter { $0.offset >= count || $0.element.date < date }
        .map(\.element.record)
      for record in forgotten { records[record.id] = nil }
      return forgotten
    }
  }
}
