// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import Testing

/// The short form of `Tools/crash-test.py`.
@Suite("A server that is killed", .timeLimit(.minutes(15))) struct CrashTests {
  private static func submit(_ server: Server, seed: Int) async throws -> String {
    let fields = ["width=64", "height=64", "num_frames=2", "num_inference_steps=1", "format=gif"]
    let outcome = try await Programs.run(
      "curl",
      ["-sS", "-X", "POST", server.address + "/generate/submit"]
        + ["-F", "image=@\(Assets.photograph)", "-F", "seed=\(seed)"]
        + fields.flatMap { ["-F", $0] }
    )
    let match = try #require(outcome.output.firstMatch(of: /"task_id":"([0-9a-f]{32})"/))
    return String(match.1)
  }

  private static func status(_ server: Server, _ id: String) async throws -> String {
    let outcome = try await server.curl("\(server.address)/generate/status?task_id=\(id)")
    return String(outcome.output.firstMatch(of: /"status":"(\w+)"/)?.1 ?? "")
  }

  @Test("makes every clip that it accepted when it is started again, and leaves no other file")
  func kills() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let store = place.path + "/store"
    let ids = Identifiers()
    for run in 0..<3 {
      let status = try await Server.with(place, endedBy: .kill) { server in
        var again: String?
        for id in await ids.all where again == nil {
          if try await Self.status(server, id) == "in_progress" { again = id }
        }
        for index in 0..<(run < 2 ? 7 : 6) {
          await ids.add(try await Self.submit(server, seed: 10 * run + index))
        }
        // What was killed once fails if it is killed again.
        while let again, try await Self.status(server, again) == "in_progress" {
          try await Task.sleep(for: .milliseconds(20))
        }
        try await Task.sleep(for: .milliseconds(100 + 230 * run))
      }
      #expect(status == .signaled(9))
    }
    let accepted = await ids.all
    #expect(accepted.count == 20)
    let status = try await Server.with(place) { server in
      for id in accepted {
        while try await Self.status(server, id) == "in_progress" {
          try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await Self.status(server, id) == "completed")
      }
    }
    #expect(status == .exited(0))
    let manager = FileManager.default
    #expect(try manager.contentsOfDirectory(atPath: store + "/jobs").sorted() == accepted.sorted())
    for id in accepted {
      #expect(
        try manager.contentsOfDirectory(atPath: "\(store)/jobs/\(id)").sorted()
          == ["clip.gif", "picture"]
      )
    }
    #expect(try manager.contentsOfDirectory(atPath: store + "/unfinished").isEmpty)
    #expect(try manager.contentsOfDirectory(atPath: place.path + "/temporary").isEmpty)
  }

  @Test("makes what it was making as it was asked to, though it is started with other settings")
  func settings() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let lossy = ["--cache", "deep:2", "--guidance-interval", "0.3:20"]
    let ids = Identifiers()
    _ = try await Server.with(place, arguments: lossy, endedBy: .kill) { server in
      let outcome = try await Programs.run(
        "curl",
        ["-sS", "-X", "POST", server.address + "/generate/submit"]
          + ["-F", "image=@\(Assets.photograph)", "-F", "seed=5", "-F", "num_inference_steps=300"]
          + ["-F", "width=64", "-F", "height=64", "-F", "num_frames=2", "-F", "format=gif"]
      )
      let id = String(try #require(outcome.output.firstMatch(of: /"task_id":"([0-9a-f]{32})"/)).1)
      await ids.add(id)
      // Some steps are done, most are not.
      while try await !server.curl("\(server.address)/jobs/\(id)").output.contains(#""stage":"de"#)
      { try await Task.sleep(for: .milliseconds(5)) }
    }
    let id = try #require(await ids.all.first)
    let status = try await Server.with(place) { server in
      while try await Self.status(server, id) == "in_progress" {
        try await Task.sleep(for: .milliseconds(50))
      }
      let job = try await server.curl("\(server.address)/jobs/\(id)").output
      #expect(job.contains(#""cache":"deep:2""#), "\(job)")
      #expect(job.contains(#""guidance_interval":"0.3:20.0""#), "\(job)")
    }
    #expect(status == .exited(0))
    let made = try await Programs.run(
      Programs.zoetrope,
      ["generate", Assets.photograph, "--model", model, "-o", folder + "/alone.gif"]
        + ["--seed", "5", "--steps", "300", "--width", "64", "--height", "64", "--frames", "2"]
        + ["--decode-chunk-size", "2"] + lossy
    )
    #expect(made.status == 0, "\(made.error)")
    let alone = try Data(contentsOf: URL(filePath: folder + "/alone.gif"))
    #expect(try Data(contentsOf: URL(filePath: "\(folder)/store/jobs/\(id)/clip.gif")) == alone)
  }

  @Test("refuses a store that another server uses")
  func twice() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (model, store) = (place.model, place.path + "/store")
    let status = try await Server.with(place) { _ in
      let second = try await Programs.zoetrope(
        "serve",
        "--model",
        model,
        "--port",
        "0",
        "--store",
        store
      )
      #expect(second.status != 0)
      #expect(second.errorLines.count == 1, "\(second.error)")
      #expect(second.error.contains("another server uses the store"), "\(second.error)")
    }
    #expect(status == .exited(0))
  }

  private actor Identifiers {
    private(set) var all: [String] = []

    func add(_ id: String) { all.append(id) }
  }
}
