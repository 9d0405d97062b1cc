// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

/// Takes steps as fast as it can, until it is cancelled.
private struct StepGenerator: ClipGenerating {
  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    for step in 1... {
      try Task.checkCancellation()
      progress(ClipProgress(stage: "denoise", done: step, total: .max))
    }
    throw CancellationError()
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Jobs` {
  let folder = StoreFolder()

  @Test func `are made, and stay with their files`() async throws {
    let id = try await folder.working { jobs in
      let accepted = try await folder.submit(jobs, seed: nil)
      #expect(accepted.id.count == 32)
      #expect(accepted.seed != nil)
      let ended = try await jobs.wait(for: accepted.id)
      #expect(ended.state == .succeeded)
      #expect(ended.seed == accepted.seed)
      #expect(ended.attempts == 1)
      #expect(ended.progress == 1)
      #expect(ended.model?.name == "stub")
      #expect(ended.timings == [GeneratedClip.Stage(name: "denoise", seconds: 1.5)])
      #expect(ended.picture.mediaType == "image/png")
      let clip = try #require(ended.clip)
      #expect(try Data(contentsOf: URL(filePath: clip.path)) == StubGenerator.clip)
      #expect(clip.byteCount == StubGenerator.clip.count)
      return accepted.id
    }
    let jobs = try await folder.open()
    #expect(try await jobs.job(id, owner: nil)?.state == .succeeded)
    #expect(folder.files == ["\(id)/clip.mp4", "\(id)/picture"])
    #expect(folder.unfinished == [])
  }

  @Test func `that wait and the one that runs go on after a crash, with the same seed`()
    async throws
  {
    let held = StubGenerator(heldUntil: Occurrence())
    let ids = try await folder.working(held) { jobs in
      let ids = [
        try await folder.submit(jobs, seed: nil).id, try await folder.submit(jobs, seed: 7).id,
      ]
      try await until { held.state.running == 1 }
      return ids
    }
    let generator = StubGenerator()
    try await folder.working(generator) { jobs in
      for (id, attempts) in zip(ids, [2, 1]) {
        let job = try await jobs.wait(for: id)
        #expect(job.state == .succeeded)
        #expect(job.attempts == attempts)
      }
    }
    #expect(generator.state.requests.map(\.seed) == [held.state.requests[0].seed, 7])
    #expect(generator.state.pictures == [Data(picture), Data(picture)])
  }

  @Test func `that a server ended in twice fail and say so`() async throws {
    var id: String?
    for _ in 1...2 {
      let held = StubGenerator(heldUntil: Occurrence())
      id = try await folder.working(held) { jobs in
        var name = id
        if name == nil { name = try await folder.submit(jobs).id }
        try await until { held.state.running == 1 }
        return name
      }
    }
    let generator = StubGenerator()
    try await folder.working(generator) { jobs in
      let job = try await jobs.wait(for: try #require(id))
      #expect(job.state == .failed)
      #expect(job.error?.message.contains("ended twice") == true)
    }
    #expect(generator.state.requests.isEmpty)
  }

  @Test func `leave no file that nobody owns`() async throws {
    let id = try await folder.working { jobs in
      let id = try await folder.submit(jobs).id
      _ = try await jobs.wait(for: id)
      return id
    }
    for orphan in ["jobs/0123", "unfinished/4567"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(orphan)",
        withIntermediateDirectories: true
      )
      try Data([1]).write(to: URL(filePath: "\(folder.path)/\(orphan)/picture"))
    }
    try Data([1]).write(to: URL(filePath: "\(folder.path)/jobs/\(id)/clip.webm"))
    let jobs = try await folder.open()
    #expect(folder.files == ["\(id)/clip.mp4", "\(id)/picture"])
    #expect(folder.unfinished == [])
    try await jobs.delete(id, owner: nil)
    #expect(folder.files == [])
    #expect(try await jobs.job(id, owner: nil) == nil)
  }

  @Test func `that somebody waits for with a connection open end with the server`() async throws {
    let held = StubGenerator(heldUntil: Occurrence())
    let id = try await folder.working(held) { jobs in
      let id = try await folder.submit(jobs) { $0.isAttached = true }.id
      try await until { held.state.running == 1 }
      return id
    }
    let jobs = try await folder.open()
    #expect(try await jobs.job(id, owner: nil)?.state == .cancelled)
    #expect(jobs.load.waiting == 0)
  }

  @Test func `stop when they are cancelled, and the next begins`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence(), onlyFor: 1)
    try await folder.working(generator) { jobs in
      let running = try await folder.submit(jobs, seed: 1).id
      try await until { generator.state.running == 1 }
      let waiting = try await folder.submit(jobs, seed: 2).id
      let next = try await folder.submit(jobs, seed: 3).id
      for id in [waiting, running, running] {
        #expect(try await jobs.cancel(id, owner: nil).state == .cancelled)
      }
      #expect(try await jobs.wait(for: next).state == .succeeded)
      #expect(try await jobs.cancel(next, owner: nil).state == .succeeded)
      #expect(try await jobs.wait(for: running).state == .cancelled)
    }
    #expect(generator.state.requests.map(\.seed) == [1, 3])
    #expect(generator.state.cancelled == 1)
  }

  @Test func `that are cancelled while they begin stay so`() async throws {
    let held = StubGenerator(heldUntil: Occurrence())
    try await folder.working(held) { jobs in
      for round in 0..<100 {
        let id = try await folder.submit(jobs).id
        if round.isMultiple(of: 2) { try await until { jobs.load.running == 1 } }
        let ended = try await jobs.cancel(id, owner: nil)
        #expect(ended.state == .cancelled)
        #expect(try await jobs.wait(for: id).state == .cancelled)
      }
    }
  }

  @Test func `of a server that stops begin anew, which is no fault of theirs`() async throws {
    let held = StubGenerator(heldUntil: Occurrence())
    let id = try await {
      let jobs = try await folder.open(held)
      let stopping = Occurrence()
      let work = Task { await jobs.run(stopping: stopping, grace: .zero) }
      let id = try await folder.submit(jobs).id
      try await until { held.state.running == 1 }
      stopping.happen()
      await work.value
      await #expect(throws: ServingError.self) { try await folder.submit(jobs) }
      return id
    }()
    try await folder.working { jobs in
      let job = try await jobs.wait(for: id)
      #expect(job.state == .succeeded)
      #expect(job.attempts == 1)
    }
  }

  @Test func `tell what happens, also to those who come back`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    let (id, last) = try await folder.working(generator) { jobs in
      let id = try await folder.submit(jobs).id
      try await until { generator.state.running == 1 }
      let stream = try #require(try await jobs.events(of: id))
      release.happen()
      var events: [JobEvent] = []
      for await event in stream { events.append(event) }
      let kinds = events.map(\.kind)
      #expect(kinds.first == .state)
      #expect(kinds.last == .end)
      #expect(kinds.dropFirst().dropLast().allSatisfy { $0 == .progress })
      #expect(events.map(\.number) == events.map(\.number).sorted())
      #expect(Set(events.map(\.number)).count == events.count)
      #expect(events.last?.job.state == .succeeded)
      return (id, try #require(events.last?.number))
    }
    let jobs = try await folder.open()
    let stream = try #require(try await jobs.events(of: id, after: last - 1))
    for await event in stream {
      #expect(event.kind == .end)
      #expect(event.number >= last - 1)
      #expect(event.job.state == .succeeded)
    }
    #expect(try await jobs.events(of: "nothing") == nil)
  }

  @Test func `go on when those who listen leave while something happens`() async throws {
    let generator = StepGenerator()
    try await folder.working(generator) { jobs in
      let id = try await folder.submit(jobs).id
      for _ in 0..<500 {
        let stream = try #require(try await jobs.events(of: id))
        let heard = Occurrence()
        let listener = Task {
          for await event in stream where event.kind == .progress { heard.happen() }
        }
        await heard.wait()
        listener.cancel()
        await listener.value
      }
      #expect(try await jobs.cancel(id, owner: nil).state == .cancelled)
    }
  }

  @Test func `that are asked for twice with one key are one`() async throws {
    let jobs = try await folder.open()
    let change: (inout JobOrigin) -> Void = { $0.idempotencyKey = "a" }
    let first = try await folder.submit(jobs, seed: nil, change)
    #expect(try await folder.submit(jobs, seed: nil, change).id == first.id)
    let error = await #expect(throws: ServingError.self) {
      try await folder.submit(jobs, seed: 4, change)
    }
    #expect(error?.code == .conflict)
    let other = try await folder.submit(jobs, seed: nil) {
      $0.idempotencyKey = "a"
      $0.owner = "bob"
    }
    #expect(other.id != first.id)
    #expect(jobs.load.waiting == 2)
  }

  @Test func `that are asked for together are accepted together, and once`() async throws {
    let file = try folder.write("several", picture)
    defer { try? FileManager.default.removeItem(atPath: file) }
    var origin = JobOrigin(api: "jobs")
    origin.idempotencyKey = "several"
    let requests = [1, 2, nil].map { (seed: UInt64?) in
      var request = ClipRequest()
      request.seed = seed
      return request
    }
    let (ids, seeds) = try await {
      let jobs = try await folder.open(StubGenerator()) { $0.queue = 4 }
      let accepted = try await jobs.submit(requests, picture: file, as: origin)
      #expect(accepted.prefix(2).map(\.seed) == [1, 2])
      #expect(accepted.map(\.queuePosition) == [0, 1, 2])
      let again = try await jobs.submit(requests, picture: file, as: origin)
      #expect(again.map(\.id) == accepted.map(\.id))
      let error = await #expect(throws: ServingError.self) {
        try await jobs.submit(Array(requests.dropLast()), picture: file, as: origin)
      }
      #expect(error?.code == .conflict)
      // Two places are left, which three do not share.
      var other = origin
      other.idempotencyKey = nil
      let busy = await #expect(throws: ServingError.self) {
        try await jobs.submit(requests, picture: file, as: other)
      }
      #expect(busy?.code == .busy)
      let never = await #expect(throws: ServingError.self) {
        try await jobs.submit(requests + requests, picture: file, as: other)
      }
      #expect(never?.code == .invalidInput)
      #expect(jobs.load.waiting == 3)
      return (accepted.map(\.id), accepted.map(\.seed))
    }()
    #expect(folder.files == ids.map { "\($0)/picture" }.sorted())
    // Also after a restart, and when one of them is gone.
    let jobs = try await folder.open()
    try await jobs.delete(ids[1], owner: nil)
    let left = try await jobs.submit(requests, picture: file, as: origin)
    #expect(left.map(\.id) == [ids[0], ids[2]])
    #expect(left.map(\.seed) == [seeds[0], seeds[2]])
  }

  @Test func `are refused when too many wait, or the disk is full`() async throws {
    let jobs = try await folder.open(StubGenerator()) { $0.queue = 1 }
    for _ in 1...2 { _ = try await folder.submit(jobs) }
    let busy = await #expect(throws: ServingError.self) { try await folder.submit(jobs) }
    #expect(busy?.code == .busy)
    #expect(busy?.retryAfter != nil)
    let other = StoreFolder()
    let full = try await other.open(StubGenerator()) { $0.freeBytes = .max }
    let error = await #expect(throws: ServingError.self) { try await other.submit(full) }
    #expect(error?.code.status == 507)
    #expect(other.files == [])
    #expect(try await full.jobs(JobQuery()).jobs.isEmpty)
  }

  @Test func `are listed page by page, to their owners only`() async throws {
    let jobs = try await folder.open()
    var ids: [String] = []
    for owner in ["ann", "bob", "ann", "ann"] {
      ids.append(try await folder.submit(jobs) { $0.owner = owner }.id)
    }
    var query = JobQuery()
    query.owner = "ann"
    query.limit = 2
    let first = try await jobs.jobs(query)
    #expect(first.jobs.map(\.id) == [ids[3], ids[2]])
    #expect(first.hasMore)
    query.after = ids[2]
    let second = try await jobs.jobs(query)
    #expect(second.jobs.map(\.id) == [ids[0]])
    #expect(!second.hasMore)
    query.after = nil
    query.isAscending = true
    query.states = [.succeeded]
    #expect(try await jobs.jobs(query).jobs.isEmpty)
    #expect(try await jobs.job(ids[1], owner: "ann") == nil)
    await #expect(throws: ServingError.self) { try await jobs.cancel(ids[1], owner: "ann") }
    #expect(try await jobs.job(ids[1], owner: "bob")?.queuePosition != nil)
  }

  @Test func `take turns by owner, within their priority`() async throws {
    let jobs = try await folder.open()
    var names: [String: String] = [:]
    for (name, owner, priority) in [
      ("a1", "ann", 0), ("a2", "ann", 0), ("a3", "ann", 0), ("b1", "bob", 0), ("c1", "cy", -1),
      ("b2", "bob", 0), ("d1", "dot", 5),
    ] {
      let job = try await folder.submit(jobs) {
        $0.owner = owner
        $0.priority = priority
      }
      names[job.id] = name
    }
    let waiting = try await jobs.jobs(JobQuery()).jobs
      .sorted { ($0.queuePosition ?? -1) < ($1.queuePosition ?? -1) }
    #expect(
      waiting.map { names[$0.id] } == ["d1", "a1", "b1", "a2", "b2", "a3", "c1"]
    )
  }

  @Test func `that ended go when they are too old`() async throws {
    let id = try await folder.working { jobs in
      let id = try await folder.submit(jobs).id
      _ = try await jobs.wait(for: id)
      return id
    }
    try await folder.working(StubGenerator(), { $0.keptFor = .zero }) { jobs in
      while try await jobs.job(id, owner: nil) != nil {
        try await Task.sleep(for: .milliseconds(2))
      }
      try await until { folder.files == [] }
    }
  }

  @Test func `of one store belong to one server`() async throws {
    let jobs = try await folder.open()
    let error = await #expect(throws: ServingError.self) { try await folder.openAtOnce() }
    #expect(error?.code == .badConfiguration)
    #expect(error?.message.contains("another server uses the store") == true)
    #expect(jobs.load.running == 0)
  }
}
