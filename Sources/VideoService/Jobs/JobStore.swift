// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import GRDB
import Serving

/// The database of jobs: whatever returned from here survives the loss of power.
struct JobStore: Sendable {
  /// A job with what only the store knows of it.
  struct Stored: Sendable {
    var job: VideoJob
    /// Its place among all jobs ever accepted.
    var sequence: Int64
    /// What tells whether a repeated request asks for the same.
    var fingerprint: String?
  }

  private let pool: DatabasePool

  /// Opens the database, and makes or changes its tables where they are not as they should be.
  ///
  /// - Throws: ``ServingError`` with code `badConfiguration`.
  init(path: String) throws(ServingError) {
    do {
      pool = try DatabasePool(path: path)
      // In the pool's configuration it would be lost: the pool sets NORMAL after it.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try Self.migrations.migrate(pool)
    } catch {
      throw ServingError(
        .badConfiguration,
        "the jobs in \(path) cannot be read: \(error)",
        cause: error
      )
    }
  }

  private static var migrations: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("jobs") { database in
      try database.execute(
        sql: """
          CREATE TABLE job (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            api TEXT NOT NULL,
            owner TEXT,
            state TEXT NOT NULL,
            ended REAL,
            bytes INTEGER NOT NULL,
            idempotency_key TEXT,
            fingerprint TEXT,
            document TEXT NOT NULL
          );
          CREATE INDEX job_state ON job (state, ended);
          CREATE UNIQUE INDEX job_key ON job (idempotency_key, api, ifnull(owner, ''))
            WHERE idempotency_key IS NOT NULL;
          """
      )
    }
    migrator.registerMigration("reports") { database in
      try database.execute(
        sql: """
          CREATE TABLE report (
            job TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
            url TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            due REAL NOT NULL
          )
          """
      )
    }
    return migrator
  }

  /// Keeps new jobs: all of them, or none.
  ///
  /// - Parameters:
  ///   - jobs: The jobs.
  ///   - fingerprint: What tells a repeated request, kept with the one that has its key.
  /// - Returns: The place of each among all jobs.
  /// - Throws: ``ServingError`` with code `insufficientStorage`; what the database throws.
  func add(_ jobs: [VideoJob], fingerprint: String?) async throws -> [Int64] {
    try await write { database in
      try jobs.map { job in
        try database.execute(
          sql: """
            INSERT INTO job (id, api, owner, state, bytes, idempotency_key, fingerprint, document)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            job.id, job.api, job.owner, job.state.rawValue, job.byteCount,
            job.origin.idempotencyKey, job.origin.idempotencyKey == nil ? nil : fingerprint,
            try Self.text(job),
          ]
        )
        return database.lastInsertedRowID
      }
    }
  }

  /// Keeps a job as it is when its turn to be written has come: of several writes that are under way
  /// the last one then has the last word, whatever their order.
  ///
  /// - Parameter current: Gives the job; nil if there is nothing to keep any more.
  /// - Throws: ``ServingError`` with code `insufficientStorage`; what the database throws.
  func update(_ current: @escaping @Sendable () -> VideoJob?) async throws {
    try await write { database in
      guard let job = current() else { return }
      try database.execute(
        sql: "UPDATE job SET state = ?, ended = ?, bytes = ?, document = ? WHERE id = ?",
        arguments: [
          job.state.rawValue, job.endedAt?.timeIntervalSince1970, job.byteCount,
          try Self.text(job), job.id,
        ]
      )
      guard job.state.isFinal, let url = job.origin.webhook else { return }
      try database.execute(
        sql: "INSERT OR IGNORE INTO report (job, url, attempts, due) VALUES (?, ?, 0, 0)",
        arguments: [job.id, url]
      )
    }
  }

  /// Forgets a job.
  func remove(_ id: String) async throws {
    try await write { try $0.execute(sql: "DELETE FROM job WHERE id = ?", arguments: [id]) }
  }

  /// The job of an id.
  func find(_ id: String) async throws -> VideoJob? {
    try await pool.read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM job WHERE id = ?", arguments: [id])
        .map { try Self.stored($0).job }
    }
  }

  /// The job that an earlier request with the same key made.
  func find(key: String, _ origin: JobOrigin) async throws -> Stored? {
    try await pool.read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT * FROM job WHERE idempotency_key = ? AND api = ? AND ifnull(owner, '') = ?
          """,
        arguments: [key, origin.api, origin.owner ?? ""]
      ).map(Self.stored)
    }
  }

  /// Some jobs, in the order of their coming.
  func find(_ query: JobQuery) async throws -> (jobs: [VideoJob], hasMore: Bool) {
    var conditions = ["1"]
    var arguments = StatementArguments()
    if let owner = query.owner {
      conditions.append("owner = ?")
      arguments += [owner]
    }
    for (column, values) in [("state", query.states.map(\.rawValue)), ("api", query.apis)]
    where !values.isEmpty {
      let places = values.map { _ in "?" }.joined(separator: ", ")
      conditions.append("\(column) IN (\(places))")
      arguments += StatementArguments(values)
    }
    if let after = query.after {
      // Of a job that is gone nothing comes after: a page that is empty, not the first one again.
      conditions.append(
        "sequence \(query.isAscending ? ">" : "<") (SELECT sequence FROM job WHERE id = ?)"
      )
      arguments += [after]
    }
    arguments += [query.limit + 1]
    let sql = """
      SELECT * FROM job WHERE \(conditions.joined(separator: " AND "))
      ORDER BY sequence \(query.isAscending ? "ASC" : "DESC") LIMIT ?
      """
    let jobs = try await pool.read { [arguments] database in
      try Row.fetchAll(database, sql: sql, arguments: arguments).map { try Self.stored($0).job }
    }
    return (Array(jobs.prefix(query.limit)), jobs.count > query.limit)
  }

  /// Every job, the oldest first.
  func all() async throws -> [Stored] {
    try await pool.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM job ORDER BY sequence").map(Self.stored)
    }
  }

  /// The jobs that ended before a date, and the oldest ones of those that have together more than so
  /// many bytes.
  func outdated(before date: Date, beyond byteCount: Int) async throws -> [String] {
    try await pool.read { database in
      let rows = try Row.fetchAll(
        database,
        sql: "SELECT id, ended, bytes FROM job WHERE ended IS NOT NULL ORDER BY ended DESC"
      )
      var total = 0
      var ids: [String] = []
      for row in rows {
        let (id, ended, bytes): (String, Double, Int) = (row["id"], row["ended"], row["bytes"])
        let (sum, isOver) = total.addingReportingOverflow(bytes)
        total = isOver ? .max : sum
        if ended < date.timeIntervalSince1970 || total > byteCount { ids.append(id) }
      }
      return ids
    }
  }

  /// Writes, and says of a full disk what the client should hear.
  private func write<Value: Sendable>(
    _ change: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    // In a task of its own: one that is cancelled could not write that something was cancelled.
    do { return try await Task { [pool] in try await pool.write(change) }.value } catch let error
      as DatabaseError
      where error.resultCode == .SQLITE_FULL
    {
      throw ServingError.storeIsFull
    }
  }

  // MARK: Reports

  /// The end of a job that somebody wants to hear of.
  struct Report: Sendable {
    let job: String
    let url: String
    /// How often it was tried.
    let attempts: Int
  }

  /// Some of the reports that are to be sent.
  func dueReports(at date: Date) async throws -> [Report] {
    try await pool.read { database in
      try Row.fetchAll(
        database,
        sql: "SELECT * FROM report WHERE due <= ? ORDER BY due LIMIT 8",
        arguments: [date.timeIntervalSince1970]
      ).map { Report(job: $0["job"], url: $0["url"], attempts: $0["attempts"]) }
    }
  }

  /// Notes that a report was tried in vain.
  func postpone(_ report: Report, until date: Date) async throws {
    try await write { database in
      try database.execute(
        sql: "UPDATE report SET attempts = ?, due = ? WHERE job = ?",
        arguments: [report.attempts + 1, date.timeIntervalSince1970, report.job]
      )
    }
  }

  /// Forgets a report.
  func removeReport(_ job: String) async throws {
    try await write { try $0.execute(sql: "DELETE FROM report WHERE job = ?", arguments: [job]) }
  }

  // MARK: Documents

  private static func text(_ job: VideoJob) throws -> String {
    String(decoding: try JSONEncoder().encode(job), as: UTF8.self)
  }

  private static func stored(_ row: Row) throws -> Stored {
    let text: String = row["document"]
    return Stored(
      job: try JSONDecoder().decode(VideoJob.self, from: Data(text.utf8)),
      sequence: row["sequence"],
      fingerprint: row["fingerprint"]
    )
  }
}

extension VideoJob {
  /// The size of its files.
  fileprivate var byteCount: Int { picture.byteCount + (clip?.byteCount ?? 0) }
}
