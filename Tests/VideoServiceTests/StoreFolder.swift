// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import Serving
import VideoService

/// A store on disk that several lines use one after another, as a server that is started again does.
final class StoreFolder: Sendable {
  let path = URL.temporaryDirectory.appending(path: "store-\(UUID().uuidString)").path

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = "\(path)-\(name)"
    try Data(bytes).write(to: URL(filePath: file))
    return file
  }

  /// The names of the files of all jobs.
  var files: [String] {
    let root = "\(path)/jobs"
    let ids = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return ids.flatMap { id in
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(id)")) ?? [])
        .map { "\(id)/\($0)" }
    }.sorted()
  }

  var unfinished: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/unfinished")) ?? []
  }

  /// Opens the store once the one before has let go of it; nothing is made until it runs.
  func open(
    _ generator: any ClipGenerating = StubGenerator(),
    _ change: (inout VideoJobs.Settings) -> Void = { _ in }
  ) async throws -> VideoJobs {
    try await open(models: .stub(generator), change)
  }

  /// Opens the store as ``open(_:_:)`` does.
  func open(
    models: ModelShelf,
    _ change: (inout VideoJobs.Settings) -> Void = { _ in }
  ) async throws -> VideoJobs {
    while true {
      do { return try await openAtOnce(models: models, change) } catch let error as ServingError
        where error.code == .badConfiguration
      {
        try await Task.sleep(for: .milliseconds(1))
      }
    }
  }

  /// Opens the store if nobody else has it.
  func openAtOnce(
    _ generator: any ClipGenerating = StubGenerator(),
    _ change: (inout VideoJobs.Settings) -> Void = { _ in }
  ) async throws -> VideoJobs {
    try await openAtOnce(models: .stub(generator), change)
  }

  private func openAtOnce(
    models: ModelShelf,
    _ change: (inout VideoJobs.Settings) -> Void
  ) async throws -> VideoJobs {
    var settings = VideoJobs.Settings()
    settings.freeBytes = 0
    change(&settings)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    let jobs = try await VideoJobs(
      store: path,
      models: models,
      settings: settings,
      logger: logger
    )
    try await models.prepare()
    jobs.begin()
    return jobs
  }

  /// Works on the store while `body` runs, then ends as abruptly as a crash does.
  func working<Value: Sendable>(
    _ generator: any ClipGenerating = StubGenerator(),
    _ change: (inout VideoJobs.Settings) -> Void = { _ in },
    _ body: (VideoJobs) async throws -> Value
  ) async throws -> Value {
    try await working(models: .stub(generator), change, body)
  }

  /// Works on the store with several models.
  func working<Value: Sendable>(
    models: ModelShelf,
    _ change: (inout VideoJobs.Settings) -> Void = { _ in },
    _ body: (VideoJobs) async throws -> Value
  ) async throws -> Value {
    let jobs = try await open(models: models, change)
    let work = Task { await jobs.run() }
    defer { work.cancel() }
    let value = try await body(jobs)
    work.cancel()
    await work.value
    return value
  }

  /// Accepts a job.
  func submit(
    _ jobs: VideoJobs,
    seed: UInt64? = 1,
    model: String? = nil,
    _ change: (inout JobOrigin) -> Void = { _ in }
  ) async throws -> VideoJob {
    var request = ClipRequest()
    request.seed = seed
    request.model = model
    var origin = JobOrigin(api: "jobs")
    change(&origin)
    let file = try write("picture-\(UUID().uuidString)", picture)
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try await jobs.submit(request, picture: file, as: origin)
  }
}
