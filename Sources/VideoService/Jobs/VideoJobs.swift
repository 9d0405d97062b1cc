// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Crypto
import FoundationEssentials
package import Logging
package import Serving
import Synchronization

/// The one line in which all clips are made, whatever API they were asked for through.
///
/// A job that was accepted is on the disk: it is made even if the server ends before, and it ends once.
/// Clips stay until they are too old, or too many.
package final class VideoJobs: Sendable {
  /// What may be kept, and for how long.
  package struct Settings: Sendable {
    /// How many jobs may wait.
    package var queue = 100
    /// How long making one clip may take.
    package var timeout = Duration.seconds(600)
    /// What that is measured by.
    package var timers: any Timers = EventLoopTimers.shared
    /// How long a job is kept after it ended.
    package var keptFor = Duration.seconds(7 * 86_400)
    /// How many bytes pictures and clips of jobs that ended may have together.
    package var keptBytes = 10 << 30
    /// How much of the disk stays free: with less, no job is accepted.
    package var freeBytes = 256 << 20
    /// Who may be told of the ends of jobs; nil for nobody.
    package var webhooks: Webhooks?

    /// Keeps clips for a week, and 10 GiB of them.
    package init() {}
  }

  /// A job that has not ended, or whose work has not.
  struct Live: Sendable {
    var job: VideoJob
    let sequence: Int64
    /// When its stage began.
    var stageBegan = ContinuousClock.now
    /// Whether the engine has it.
    var isAtWork = false
    /// What it is coming to; nil before the first step.
    var preview: JobPreview?
    /// Told when there is another preview, or somebody new who may want it.
    let previewing = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    /// Ends the work.
    let stop = Occurrence()
    /// It has ended, and the engine is rid of it.
    let over = Occurrence()
  }

  struct State: Sendable {
    var live: [String: Live] = [:]
    var line = JobLine()
    /// Jobs that are being accepted.
    var arriving = 0
    /// By the models' names.
    var paces: [String: Pace] = [:]
    var isReady = false
    var isStopping = false
  }

  let settings: Settings
  let models: ModelShelf
  let store: JobStore
  let files: JobFiles
  let hub = JobEvents()
  let logger: Logger
  let state = Mutex(State())
  /// The model is there that is used where none is named.
  let ready = Occurrence()
  /// Something may be there to do.
  let wakes: AsyncStream<Void>
  let wake: AsyncStream<Void>.Continuation
  private let lock: StoreLock

  /// Opens a store, and finds out what became of the jobs in it when the last server ended.
  ///
  /// - Parameters:
  ///   - folder: Where the store is or will be, without a slash at the end.
  ///   - models: What makes the clips.
  ///   - settings: What may be kept.
  ///   - logger: Told of each job's end.
  /// - Throws: ``ServingError`` with code `badConfiguration` if another server uses the store, or it
  ///   cannot be read or made.
  package init(
    store folder: String,
    models: ModelShelf,
    settings: Settings = Settings(),
    logger: Logger
  ) async throws {
    self.settings = settings
    self.models = models
    self.logger = logger
    files = try JobFiles(root: folder)
    lock = try StoreLock(folder: folder)
    store = try JobStore(path: "\(folder)/jobs.sqlite")
    (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    try await recover()
  }

  /// How many jobs wait, and how many are being made.
  package var load: (waiting: Int, running: Int) {
    state.withLock { state in
      (state.line.count, state.live.values.count { $0.isAtWork })
    }
  }

  /// Lets the work begin.
  package func begin() {
    state.withLock { $0.isReady = true }
    ready.happen()
  }

  // MARK: Accepting

  /// Accepts a job: it is on the disk when this returns.
  ///
  /// - Parameters:
  ///   - request: What to make; what it leaves to the model is filled in.
  ///   - picture: The path of the picture, which is copied.
  ///   - origin: Who asks, and how.
  /// - Returns: The new job, or that of an earlier request with the same idempotency key.
  /// - Throws: ``ServingError`` with code `busy`, `insufficientStorage`, `notReady`, `stopping`,
  ///   `invalidInput` if its webhook is not allowed or there is no such model, or `conflict` if the idempotency key was used for another request.
  package func submit(
    _ request: ClipRequest,
    picture: String,
    as origin: JobOrigin
  ) async throws -> VideoJob {
    try await submit([request], picture: picture, as: origin)[0]
  }

  /// Accepts a job for each of several clips of one picture: all of them, or none.
  ///
  /// - Parameters:
  ///   - requests: What to make, at least one clip.
  ///   - picture: The path of the picture, which is copied for each.
  ///   - origin: Who asks, and how; an idempotency key is that of all of them together.
  /// - Returns: The new jobs in the order of the requests, or what is left of those of an earlier
  ///   request with the same idempotency key.
  /// - Throws: As ``submit(_:picture:as:)-(ClipRequest,_,_)``; `invalidInput` if there are more than
  ///   can ever wait.
  package func submit(
    _ requests: [ClipRequest],
    picture: String,
    as origin: JobOrigin
  ) async throws -> [VideoJob] {
    if let address = origin.webhook {
      guard let webhooks = settings.webhooks else { throw Webhooks.refused }
      try webhooks.check(address)
    }
    for request in requests { try models.check(request.model) }
    let fingerprint = try origin.idempotencyKey.map { _ in
      try Self.fingerprint(requests, picture, origin)
    }
    if let old = try await earlier(origin, fingerprint) { return old }
    try takePlaces(requests.count)
    defer { state.withLock { $0.arriving -= requests.count } }
    if let free = files.freeBytes, free < settings.freeBytes { throw ServingError.storeIsFull }
    let ids = requests.map { _ in TraceContext.randomHex() + TraceContext.randomHex() }
    var jobs: [VideoJob] = []
    do {
      for (id, request) in zip(ids, requests) {
        var whole = models.completed(request)
        // Drawn now, so that the job makes the same clip however often it is begun. Torch uses the
        // low 32 bits of a seed only.
        whole.seed = whole.seed ?? UInt64(UInt32.random(in: .min ... .max))
        var own = origin
        if !jobs.isEmpty {
          own.idempotencyKey = nil
        } else if ids.count > 1 {
          own.others = Array(ids.dropFirst())
        }
        jobs.append(
          VideoJob(
            id: id,
            origin: own,
            request: whole,
            picture: try await files.take(picture: picture, of: id),
            createdAt: Date()
          )
        )
      }
      for (job, sequence) in zip(jobs, try await store.add(jobs, fingerprint: fingerprint)) {
        enter(job, sequence: sequence)
      }
    } catch {
      for job in jobs { files.remove(job.id) }
      // Of two requests that came together the other was first.
      if let old = try await earlier(origin, fingerprint) { return old }
      throw error
    }
    announceQueue()
    wake.yield()
    // Told to stop while the disk was written to: what waits with a connection open does so in vain.
    if state.withLock({ $0.isStopping }) { stop() }
    return state.withLock { state in jobs.map { state.shown($0.id) ?? $0 } }
  }

  private func earlier(_ origin: JobOrigin, _ fingerprint: String?) async throws -> [VideoJob]? {
    guard let key = origin.idempotencyKey, let old = try await store.find(key: key, origin) else {
      return nil
    }
    guard old.fingerprint == fingerprint else {
      throw ServingError(
        .conflict,
        "the idempotency key was used for another request: take a new one"
      )
    }
    var jobs = [state.withLock { $0.shown(old.job.id) } ?? old.job]
    for id in old.job.origin.others ?? [] {
      if let other = try await job(id, owner: origin.owner) { jobs.append(other) }
    }
    return jobs
  }

  private func takePlaces(_ count: Int) throws {
    try state.withLock { state in
      if state.isStopping { throw ServingError.isStopping }
      guard state.isReady else {
        throw ServingError(.notReady, "the model is still being loaded", retryAfter: 5)
      }
      let places = settings.queue + 1
      guard count <= places else {
        throw ServingError([
          InputProblem("value_error", field: nil, "this server takes \(places) clips at a time")
        ])
      }
      guard state.live.count + state.arriving + count <= places else {
        let soonest = state.live.values.compactMap { live in
          live.isAtWork ? state.remaining(live) : nil
        }.min()
        throw ServingError(
          .busy,
          "Too many requests: the queue is full (\(places)), try again later",
          retryAfter: Int(min(max(1, soonest ?? 10), 3600))
        )
      }
      state.arriving += count
    }
  }

  func enter(_ job: VideoJob, sequence: Int64) {
    hub.open(job.id)
    state.withLock { state in
      state.live[job.id] = Live(job: job, sequence: sequence)
      state.line.add(
        JobLine.Entry(
          id: job.id,
          owner: job.owner,
          priority: job.origin.priority,
          sequence: sequence
        )
      )
    }
  }

  /// Tells one request from another, for those who repeat theirs.
  private static func fingerprint(
    _ requests: [ClipRequest],
    _ picture: String,
    _ origin: JobOrigin
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var hash = SHA256()
    for request in requests { hash.update(data: try encoder.encode(request)) }
    hash.update(data: try encoder.encode(origin))
    hash.update(data: try Data(contentsOf: URL(filePath: picture)))
    return hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  // MARK: Asking

  /// The job of an id.
  ///
  /// - Parameters:
  ///   - id: The job's.
  ///   - owner: Whose it must be; nil for anyone's.
  /// - Returns: The job as it is now; nil if there is none of that id and owner.
  /// - Throws: What the database throws.
  package func job(_ id: String, owner: String?) async throws -> VideoJob? {
    var job = state.withLock { $0.shown(id) }
    if job == nil { job = try await store.find(id) }
    return owner == nil || job?.owner == owner ? job : nil
  }

  /// Some jobs.
  ///
  /// - Returns: The jobs, and whether there are more of them.
  /// - Throws: What the database throws.
  package func jobs(_ query: JobQuery) async throws -> (jobs: [VideoJob], hasMore: Bool) {
    let (jobs, hasMore) = try await store.find(query)
    return state.withLock { state in (jobs.map { state.shown($0.id) ?? $0 }, hasMore) }
  }

  /// What happens to a job, up to its end.
  ///
  /// - Parameters:
  ///   - id: The job's.
  ///   - owner: Whose it must be; nil for anyone's.
  ///   - after: The last event that is known already.
  /// - Returns: The events that are kept, then those to come; nil if there is no such job.
  /// - Throws: What the database throws.
  package func events(
    of id: String,
    owner: String? = nil,
    after: Int? = nil
  ) async throws -> AsyncStream<JobEvent>? {
    guard let job = try await job(id, owner: owner) else { return nil }
    if let stream = hub.stream(of: id, after: after) {
      // Of a job that waits nothing may happen for long: where it is in the line is told at once.
      if let shown = state.withLock({ $0.shown(id) }), shown.state == .queued {
        hub.publish(.progress, shown)
      }
      state.withLock { $0.live[id]?.previewing.continuation }?.yield()
      return stream
    }
    return JobEvents.ended(try await self.job(id, owner: owner) ?? job, after: after)
  }

  /// Waits until a job has ended, and the engine is rid of it.
  ///
  /// - Returns: The job as it then is.
  /// - Throws: ``ServingError`` with code `notFound`; `CancellationError`.
  package func wait(for id: String) async throws -> VideoJob {
    if let over = state.withLock({ $0.live[id]?.over }) {
      await over.wait()
      try Task.checkCancellation()
    }
    guard let job = try await job(id, owner: nil) else { throw Self.notFound(id) }
    return job
  }

  /// Waits as ``wait(for:)`` does; if the calling task is cancelled, so is the job.
  package func see(through id: String) async throws -> VideoJob {
    do { return try await wait(for: id) } catch is CancellationError {
      // In a task of its own: this one can no longer wait for anything.
      await Task {
        _ = try? await cancel(id, owner: nil)
        _ = try? await wait(for: id)
      }.value
      throw CancellationError()
    }
  }

  // MARK: Ending

  /// Ends a job; its work stops within one step.
  ///
  /// - Returns: The job as it then is; one that had ended already is as it was.
  /// - Throws: ``ServingError`` with code `notFound`; what the database throws.
  package func cancel(_ id: String, owner: String?) async throws -> VideoJob {
    guard let job = try await job(id, owner: owner) else { throw Self.notFound(id) }
    if job.state.isFinal { return job }
    if let cancelled = await cancel(id, because: nil) { return cancelled }
    return try await self.job(id, owner: owner) ?? job
  }

  /// Ends a job, cancelling it first, and removes its files.
  ///
  /// - Throws: ``ServingError`` with code `notFound`; what the database throws.
  package func delete(_ id: String, owner: String?) async throws {
    _ = try await cancel(id, owner: owner)
    _ = try await wait(for: id)
    try await store.remove(id)
    files.remove(id)
  }

  static func notFound(_ id: String) -> ServingError {
    ServingError(.notFound, "there is no job \(id.prefix(64))")
  }
}

extension VideoJobs.State {
  /// A job that has not ended, with what depends on the others.
  func shown(_ id: String) -> VideoJob? {
    guard let live = live[id] else { return nil }
    var job = live.job
    switch job.state {
    case .queued:
      let order = line.order
      guard let position = order.firstIndex(of: id) else { return job }
      job.queuePosition = position
      let running = self.live.values.filter(\.isAtWork).map { remaining($0) }
      let ahead = order[...position].map { id in
        self.live[id].flatMap { paces[$0.job.modelName]?.seconds($0.job.request) }
      }
      job.remaining = (running + ahead).reduce(0) { sum, next in
        sum.flatMap { sum in next.map { sum + $0 } }
      }
    case .running: job.remaining = remaining(live)
    case .succeeded, .failed, .cancelled: break
    }
    return job
  }

  /// How long the rest of a job takes, in seconds.
  func remaining(_ live: VideoJobs.Live) -> Double? {
    paces[live.job.modelName, default: Pace()].remaining(
      live.job,
      elapsed: (ContinuousClock.now - live.stageBegan) / .seconds(1)
    )
  }
}

extension ServingError {
  static let isStopping = ServingError(
    .stopping,
    "the server is shutting down: try again later",
    retryAfter: 10
  )
}
