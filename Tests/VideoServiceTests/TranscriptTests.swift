// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Synchronization
import Testing
import VideoService

@Suite(.timeLimit(.minutes(5))) struct `What BentoML's server was recorded to answer` {
  @Test func `is answered in the same way, but where a difference is known`() async throws {
    let replay = Replay()
    for file in ["accepted", "refused", "documents", "addresses", "pickles", "tasks"] {
      try await replay.run(file)
    }
    try await replay.run("origins") { service, settings in
      settings.allowedOrigins = ["http://app.example"]
      service.traceIDHeader = "x-bentoml-trace-id"
    }
    try await replay.run("slow", isHeld: true) { service, _ in
      service.traffic.timeout = .milliseconds(50)
    }
    try await replay.run("crowded", isCrowded: true)
    #expect(replay.count > 200)
    let documented = try KnownDifference.documented()
    for (index, difference) in KnownDifference.all.enumerated() {
      #expect(replay.seen.contains(index), "\(difference) is none any more")
      #expect(documented.contains(difference.name), "\(difference.name) is not documented")
    }
  }
}

/// Sends what was recorded and judges the answers.
private final class Replay {
  /// How many exchanges there were.
  private(set) var count = 0
  /// Which known differences were seen, by their place in the list.
  private(set) var seen: Set<Int> = []

  /// Sends the exchanges of one file to a server of their own: a crowded one works on another request
  /// all the while, and a held one ends no work.
  func run(
    _ file: String,
    isCrowded: Bool = false,
    isHeld: Bool = false,
    _ change: (inout Serving.Service, inout HTTPServer.Settings) -> Void = { _, _ in }
  ) async throws {
    let recorded = try Recorded.named(file)
    let generator = HeldGenerator()
    try await LiveServer.with(generator, change, jobs: { if isCrowded { $0.queue = 0 } }) {
      server in
      let crowd = try await RawConnection(port: server.port)
      if isCrowded {
        generator.isHeld.store(true, ordering: .relaxed)
        try await crowd.send(request([imagePart]))
        try await until { generator.running.load(ordering: .relaxed) > 0 }
      }
      var task = "none"
      for item in recorded {
        generator.isHeld.store(isCrowded || isHeld || item.held ?? false, ordering: .relaxed)
        if item.held == nil, task != "none" { try await settle(task, server) }
        let bytes = item.request(about: task)
        let answer = try await limited(item.name) {
          let connection = try await RawConnection(port: server.port)
          // A server that refuses early may close before everything was sent.
          try? await connection.send(bytes)
          var answer = try await connection.answer(isHead: item.isHead)
          if answer.status == 100 { answer = try await connection.answer(isHead: item.isHead) }
          await connection.close()
          return answer
        }
        judge(item, answer)
        guard item.head[0].contains("/submit") || item.head[0].contains("/retry?") else { continue }
        if case .string(let id)? = JSON(parsing: answer.body)?["task_id"] {
          task = id
        } else if item.head[0].contains("/submit") {
          task = "none"
        }
      }
      await crowd.close()
    }
  }

  /// Waits until a task has ended.
  private func settle(_ task: String, _ server: LiveServer) async throws {
    let question = plain("GET", "/generate/status?task_id=\(task)")
    while try await server.exchange(question).text.contains("in_progress") {
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  /// Says which exchange it was that found no end.
  private func limited(
    _ name: String,
    _ work: @escaping @Sendable () async throws -> Answer
  ) async throws -> Answer {
    try await withThrowingTaskGroup(of: Answer?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        try await Task.sleep(for: .seconds(60))
        return nil
      }
      defer { group.cancelAll() }
      guard let answer = try await group.next() ?? nil else {
        Issue.record("\(name): no answer came")
        throw CancellationError()
      }
      return answer
    }
  }

  private func judge(_ item: Recorded, _ answer: Answer) {
    count += 1
    for sign in item.differences(of: answer) {
      let known = KnownDifference.all.indices.filter {
        KnownDifference.all[$0].explains(sign, in: item.name)
      }
      seen.formUnion(known)
      if known.isEmpty {
        Issue.record("\(item.name): \(item.status), but \(sign); \(answer.text.prefix(200))")
      }
    }
    guard answer.status >= 400, item.headers["server"] != nil, !item.isHead else { return }
    guard case .string? = JSON(parsing: answer.body)?["error"] else {
      Issue.record("\(item.name): the error is not told: \(answer.text.prefix(200))")
      return
    }
  }
}

/// Makes clips at once unless it is held, and fails with the seed 13, as the recorded one did.
private final class HeldGenerator: ClipGenerating {
  private struct Fault: Error {}

  let isHeld = Atomic(false)
  let running = Atomic(0)

  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    running.add(1, ordering: .relaxed)
    defer { running.subtract(1, ordering: .relaxed) }
    while isHeld.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
    if request.seed == 13 { throw Fault() }
    try StubGenerator.clip.write(to: URL(filePath: output))
    return GeneratedClip(seed: 1, frameCount: 25, framesPerSecond: 7, stages: [])
  }
}
