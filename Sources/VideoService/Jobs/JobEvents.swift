// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Synchronization

/// The events of the jobs that have not ended: kept for those who come back, and passed to those who
/// listen.
final class JobEvents: Sendable {
  private struct Log {
    var events: [JobEvent] = []
    var last = 0
    var listeners: [Int: AsyncStream<JobEvent>.Continuation] = [:]
  }

  /// How many events of a job are kept; a client that missed more needs only the newest anyway.
  private static let kept = 256

  private let logs = Mutex<[String: Log]>([:])
  private let listeners = Atomic(0)

  init() {}

  /// Begins to keep a job's events.
  func open(_ id: String) { logs.withLock { $0[id] = Log() } }

  /// Whether somebody listens to a job.
  func isWatched(_ id: String) -> Bool {
    logs.withLock { !($0[id]?.listeners.isEmpty ?? true) }
  }

  /// Tells of a change; the end is the last one.
  func publish(_ kind: JobEvent.Kind, _ job: VideoJob, preview: [UInt8]? = nil) {
    let finished: [AsyncStream<JobEvent>.Continuation] = logs.withLock { logs in
      guard var log = logs[job.id] else { return [] }
      log.last = max(log.last + 1, Self.number(of: Date(), job))
      let event = JobEvent(number: log.last, kind: kind, job: job, preview: preview)
      // Who comes back wants the newest only, and they are large.
      if kind == .preview { log.events.removeAll { $0.kind == .preview } }
      log.events.append(event)
      if log.events.count > Self.kept { log.events.removeFirst() }
      for listener in log.listeners.values { listener.yield(event) }
      logs[job.id] = kind == .end ? nil : log
      return kind == .end ? Array(log.listeners.values) : []
    }
    // Outside of the lock, which those take that are told of the end.
    for listener in finished { listener.finish() }
  }

  /// What a client hears that knows the events up to `after`; nil of a job that has ended.
  func stream(of id: String, after: Int?) -> AsyncStream<JobEvent>? {
    let listener = listeners.add(1, ordering: .relaxed).newValue
    let (stream, continuation) = AsyncStream.makeStream(
      of: JobEvent.self,
      bufferingPolicy: .bufferingNewest(2 * Self.kept)
    )
    let isOpen = logs.withLock { logs in
      guard let log = logs[id] else { return false }
      for event in log.events where event.number > after ?? 0 { continuation.yield(event) }
      logs[id]?.listeners[listener] = continuation
      return true
    }
    guard isOpen else { return nil }
    continuation.onTermination = { [weak self] _ in
      // Not here: whoever cancels a listening task may hold a lock of that task now, for which
      // `publish` waits while it holds ours.
      Task { self?.forget(listener, of: id) }
    }
    return stream
  }

  private func forget(_ listener: Int, of id: String) {
    logs.withLock { _ = $0[id]?.listeners.removeValue(forKey: listener) }
  }

  /// What a client hears of a job that has ended.
  static func ended(_ job: VideoJob, after: Int?) -> AsyncStream<JobEvent> {
    let number = max(number(of: job.endedAt ?? job.createdAt, job), (after ?? 0) + 1)
    return AsyncStream { continuation in
      continuation.yield(JobEvent(number: number, kind: .end, job: job, preview: nil))
      continuation.finish()
    }
  }

  /// Numbers count the milliseconds of a job's life, so that they go on where a server left off that
  /// ended, without being stored.
  private static func number(of date: Date, _ job: VideoJob) -> Int {
    max(1, Int(min(date.timeIntervalSince(job.createdAt), 1e9) * 1000))
  }
}
