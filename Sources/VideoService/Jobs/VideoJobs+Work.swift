// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
package import Serving
import Synchronization

/// Making the clips.
extension VideoJobs {
  /// Makes clips, one at a time, until the server stops or the calling task is cancelled.
  ///
  /// - Parameters:
  ///   - stopping: The server was told to stop: jobs that wait stay for the next start.
  ///   - grace: How long the running job may go on after that; then it too begins anew.
  package func run(stopping: Occurrence = Occurrence(), grace: Duration = .zero) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        await stopping.wait()
        stop()
      }
      group.addTask { [self] in
        while !Task.isCancelled {
          await forgetOutdated()
          do { try await Task.sleep(for: .seconds(600)) } catch { return }
        }
      }
      group.addTask { [self] in await report() }
      await ready.wait()
      var wakes = wakes.makeAsyncIterator()
      while !Task.isCancelled {
        if let job = await start() {
          await perform(job, stopping: stopping, grace: grace)
        } else if await wakes.next() == nil {
          break
        }
      }
      group.cancelAll()
    }
  }

  /// Gives up what waits with a connection open.
  func stop() {
    let attached = state.withLock { state in
      state.isStopping = true
      let attached = state.live.values.filter {
        $0.job.state == .queued && $0.job.origin.isAttached
      }
      for live in attached {
        _ = state.line.remove(live.job.id)
        state.live[live.job.id]?.job.state = .cancelled
        state.live[live.job.id]?.job.endedAt = Date()
        state.live[live.job.id]?.job.error = JobError(ServingError.isStopping)
      }
      return attached
    }
    wake.finish()
    // The next server finds on the disk that they wait, and that nobody waits for them.
    for live in attached { live.over.happen() }
  }

  /// Takes the next job, and notes that it was begun: if the server now ends, that counts.
  private func start() async -> VideoJob? {
    let job: VideoJob? = state.withLock { state in
      guard !state.isStopping, let id = state.line.next()?.id else { return nil }
      guard var live = state.live[id] else { return nil }
      live.job.state = .running
      live.job.attempts += 1
      live.job.startedAt = Date()
      live.job.model = live.job.request.model.map { ModelIdentity(name: $0) }
      live.isAtWork = true
      live.stageBegan = .now
      state.live[id] = live
      return live.job
    }
    guard let job else { return nil }
    await commit(job.id)
    hub.publish(.state, state.withLock { $0.shown(job.id) } ?? job)
    announceQueue()
    return job
  }

  private func perform(_ job: VideoJob, stopping: Occurrence, grace: Duration) async {
    let id = job.id
    guard let live = state.withLock({ $0.live[id] }) else { return }
    let previews = Task { await showPreviews(of: id, live.previewing.stream) }
    defer { previews.cancel() }
    let life = RequestLife(
      timeout: settings.timeout,
      clientGone: live.stop,
      stopping: stopping,
      grace: grace,
      timers: settings.timers
    )
    let clip: Result<(GeneratedClip, JobFile), any Error>
    do {
      let output = "\(try files.makeWorkFolder(id))/clip.\(job.request.format.rawValue)"
      let made = try await life.run { [self] in try await make(job, output) }
      note(ClipProgress(stage: "write", done: 0, total: 1), of: id)
      clip = .success((made, try await keep(made, output, of: job)))
    } catch {
      clip = .failure(error)
    }
    // The server is torn down; as after a crash, the next one finds the job again.
    if Task.isCancelled { return }
    files.removeWorkFolder(id)
    if await !finish(id, clip), let file = try? clip.get().1 {
      // Cancelled at the last moment.
      try? FileManager.default.removeItem(atPath: file.path)
    }
    let over = state.withLock { $0.live.removeValue(forKey: id)?.over }
    over?.happen()
    await forgetOutdated()
  }

  /// Makes a job's clip with its model, which is loaded first if it is not.
  private func make(_ job: VideoJob, _ output: String) async throws -> GeneratedClip {
    let id = job.id
    return try await models.use(
      job.request.model,
      loading: { note(ClipProgress(stage: "load", done: 0, total: 1), of: id) }
    ) { loaded in
      noteModel(models.identity(loaded), of: id)
      let clip = try await loaded.loaded.generator.generate(
        job.request,
        picture: job.picture.path,
        to: output
      ) { [weak self] progress in self?.note(progress, of: id) }
      // By now the digests of its files are mostly known.
      noteModel(models.identity(loaded), of: id)
      return clip
    }
  }

  private func noteModel(_ model: ModelIdentity, of id: String) {
    state.withLock { $0.live[id]?.job.model = model }
  }

  private func keep(
    _ made: GeneratedClip,
    _ output: String,
    of job: VideoJob
  ) async throws
    -> JobFile
  {
    let format = job.request.format
    let (path, byteCount) = try await files.keep(
      output,
      as: "clip.\(format.rawValue)",
      of: job.id
    )
    return JobFile(
      path: path,
      mediaType: format.mediaType,
      byteCount: byteCount,
      width: job.request.width,
      height: job.request.height,
      frameCount: made.frameCount,
      framesPerSecond: made.framesPerSecond
    )
  }

  /// Ends a job whose work has ended.
  ///
  /// - Returns: False if somebody had cancelled it before.
  private func finish(
    _ id: String,
    _ clip: Result<(GeneratedClip, JobFile), any Error>
  ) async -> Bool {
    let job: VideoJob? = state.withLock { state in
      guard var job = state.live[id]?.job, !job.state.isFinal else { return nil }
      job.endedAt = Date()
      switch clip {
      case .success(let (made, file)):
        job.state = .succeeded
        job.clip = file
        job.timings = made.stages
        job.peakMemory = made.peakMemory
        state.paces[job.modelName, default: Pace()].learn(job)
      case .failure(let error as ServingError) where error.code == .stopping:
        if job.origin.isAttached {
          job.state = .cancelled
          job.error = JobError(error)
        } else {
          // Its time was not up for a fault of its own.
          job.state = .queued
          job.attempts -= 1
          job.endedAt = nil
          job.startedAt = nil
          job.stage = nil
        }
      case .failure(let error):
        job.state = .failed
        job.error = JobError(ServingError(ofJob: error))
      }
      state.live[id]?.job = job
      return job
    }
    // Also for whoever cancelled it: the job is soon not at hand any more.
    await commit(id)
    guard let job else { return false }
    if case .failure(let error) = clip { log(error, of: job) }
    if job.state.isFinal {
      models.count(job)
      hub.publish(.end, job)
    }
    logger.info("job \(id) \(job.state.rawValue)")
    return true
  }

  private func log(_ error: any Error, of job: VideoJob) {
    let level: Logger.Level = job.error?.status == 500 ? .error : .info
    logger.log(level: level, "job \(job.id): \(error)")
  }

  /// Has the disk hold a job as it is now, however long that takes.
  private func commit(_ id: String) async {
    var hasFailed = false
    while state.withLock({ $0.live[id] != nil }) {
      do { return try await store.update { [self] in state.withLock { $0.live[id]?.job } } } catch {
        if !hasFailed { logger.error("job \(id) cannot be written, trying again: \(error)") }
        hasFailed = true
      }
      // A server that is ended now finds the job again as it was before.
      do { try await Task.sleep(for: .seconds(1)) } catch { return }
    }
  }

  /// Ends a job from outside.
  ///
  /// - Returns: The job as it then is; nil if it had ended already.
  func cancel(_ id: String, because error: JobError?) async -> VideoJob? {
    let live: Live? = state.withLock { state in
      guard var live = state.live[id], !live.job.state.isFinal else { return nil }
      live.job.state = .cancelled
      live.job.endedAt = Date()
      live.job.error = error
      _ = state.line.remove(id)
      state.live[id] = live
      return live
    }
    guard let live else { return nil }
    live.stop.happen()
    await commit(id)
    models.count(live.job)
    hub.publish(.end, live.job)
    logger.info("job \(id) cancelled")
    if !live.isAtWork {
      state.withLock { _ = $0.live.removeValue(forKey: id) }
      live.over.happen()
    }
    announceQueue()
    return live.job
  }

  /// Notes how far the work is, and what it is coming to.
  private func note(_ progress: ClipProgress, of id: String) {
    if let picture = progress.preview { take(picture, of: id) }
    let job: VideoJob? = state.withLock { state in
      guard var live = state.live[id], live.job.state == .running else { return nil }
      let known = (live.job.stage, live.job.done, live.job.total)
      if known == (progress.stage, progress.done, progress.total) { return nil }
      if live.job.stage != progress.stage { live.stageBegan = .now }
      live.job.stage = progress.stage
      live.job.done = progress.done
      live.job.total = progress.total
      state.live[id] = live
      return state.shown(id)
    }
    if let job { hub.publish(.progress, job) }
  }

  /// Tells those who watch a job that waits where it is in the line.
  func announceQueue() {
    let watched = state.withLock { state in
      state.live.values.filter { $0.job.state == .queued && hub.isWatched($0.job.id) }
        .compactMap { state.shown($0.job.id) }
    }
    for job in watched { hub.publish(.progress, job) }
  }

  /// Removes the jobs that are too old or too many.
  func forgetOutdated() async {
    do {
      let date = Date() - settings.keptFor / .seconds(1)
      for id in try await store.outdated(before: date, beyond: settings.keptBytes) {
        try await store.remove(id)
        files.remove(id)
      }
    } catch is CancellationError {
      return
    } catch {
      logger.error("old jobs could not be removed: \(error)")
    }
  }

  // MARK: Starting

  /// Puts the jobs that had not ended back in line, and removes what nobody owns.
  func recover() async throws {
    var kept: Set<String> = []
    for stored in try await store.all() {
      var job = stored.job
      kept.insert(job.picture.path)
      if let clip = job.clip { kept.insert(clip.path) }
      if job.state == .succeeded {
        state.withLock { $0.paces[job.modelName, default: Pace()].learn(job) }
      }
      guard !job.state.isFinal else { continue }
      if job.origin.isAttached {
        // Whoever waited for it is gone.
        job.state = .cancelled
        job.error = JobError(ServingError.isStopping)
      } else if job.attempts > 1 {
        job.state = .failed
        job.error = JobError(
          ServingError(
            .internalFault,
            "the server ended twice while this clip was made: ask for a smaller one, or look into "
              + "the server's log"
          ),
          isShown: true
        )
      } else {
        job.state = .queued
        job.stage = nil
        job.done = 0
        job.total = 0
      }
      if job.state.isFinal { job.endedAt = Date() }
      try await store.update { [job] in job }
      if job.state == .queued { enter(job, sequence: stored.sequence) }
    }
    files.removeAll(but: kept)
    let count = state.withLock { $0.line.count }
    if count > 0 { logger.notice("\(count) jobs go on from before") }
  }
}

extension JobError {
  /// What a client hears of an error; of a fault of the server only that there was one, unless the
  /// message was written for clients.
  init(_ error: ServingError, isShown: Bool = false) {
    let problem = error.problems.first
    self.init(
      code: error.code.name,
      message: error.code.status == 500 && !isShown
        ? "the server failed; its log says why, under the id of this job"
        : problem?.message ?? error.message,
      status: error.code.status,
      retryAfter: error.retryAfter,
      problem: problem.map { Problem(type: $0.type, field: $0.field) }
    )
  }

  /// The error that a client hears that waits for the job.
  package var served: ServingError {
    if let problem {
      return ServingError([InputProblem(problem.type, field: problem.field, message)])
    }
    return ServingError(ServingError.Code(code, status), message, retryAfter: retryAfter)
  }
}

extension ServingError {
  /// The one place that says what a client hears of each failure of an engine.
  init(ofJob error: any Error) {
    guard let clip = error as? ClipError else {
      self = error as? ServingError ?? ServingError(.internalFault, "", cause: error)
      return
    }
    self =
      switch clip.code {
      case .badPicture: .init([InputProblem("image_invalid", field: "image", clip.message)])
      case .badParameter(let field):
        .init([InputProblem("value_error", field: field, clip.message)])
      case .tooLarge: .init(.tooLarge, clip.message)
      case .outOfMemory: .init(.outOfResources, clip.message, retryAfter: 60)
      case .diskFull: .init(.insufficientStorage, clip.message)
      case .cancelled, .internal: .init(.internalFault, clip.message, cause: clip.cause)
      }
  }
}
