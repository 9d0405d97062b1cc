// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Subprocess
import Testing

@Suite("A crowd at the server", .serialized, .timeLimit(.minutes(15))) struct CrowdTests {
  /// Kilobytes, from the kernel's account of a process.
  private func memory(_ name: String, of server: Server) throws -> Int {
    let data = try #require(
      FileManager.default.contents(atPath: "/proc/\(server.process)/status")
    )
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
      .first { $0.hasPrefix(name + ":") }
    return try #require(line.flatMap { Int($0.filter(\.isNumber)) })
  }

  @Test("fifty uploads of 20 MB at once, and fifty downloads, take no memory to speak of")
  func uploads() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let picture = try place.write("large.png", [UInt8](repeating: 1, count: 20 << 20))
    let status = try await Server.with(place, arguments: ["--queue", "100"]) { server in
      // A field after the picture that is refused once all has been read: no clip is to be made.
      let upload = { (count: Int) in
        try await Programs.shell(
          """
          for i in $(seq \(count)); do
            curl -sS -o /dev/null -w '%{http_code} %{size_upload}\\n' -H 'Expect:' \
              -F 'image=@\(picture)' -F seed=x \(server.address)/generate &
          done
          wait
          """
        )
      }
      #expect(try await upload(2).error.isEmpty)
      let before = try memory("VmRSS", of: server)
      // From here on, the peak is of what comes.
      let reset = try await Programs.shell("echo 5 > /proc/\(server.process)/clear_refs")
      #expect(reset.status == 0, "\(reset.error)")
      let outcome = try await upload(50)
      let lines = outcome.output.split(separator: "\n")
      #expect(lines.count == 50, "\(outcome.error)")
      #expect(lines.allSatisfy { $0.hasPrefix("400 209") }, "\(lines)")
      let peak = try memory("VmHWM", of: server)
      #expect(peak - before < 20_000, "\(before) kB before, \(peak) kB at most")
      // The picture of a job stays, though no clip can be made of it.
      let downloads = try await Programs.shell(
        """
        job=$(curl -sS -H 'Expect:' -F 'image=@\(picture)' \(server.address)/jobs | cut -d '"' -f 4)
        echo 5 > /proc/\(server.process)/clear_refs
        for i in $(seq 50); do
          curl -sS -o /dev/null -w '%{http_code} %{size_download}\n' \
            \(server.address)/jobs/$job/picture &
        done
        wait
        """
      )
      let answers = downloads.output.split(separator: "\n")
      #expect(answers.count == 50, "\(downloads.error)")
      #expect(answers.allSatisfy { $0 == "200 20971520" }, "\(answers)")
      let second = try memory("VmHWM", of: server)
      #expect(second - before < 20_000, "\(before) kB before, \(second) kB at most")
      #expect(try FileManager.default.contentsOfDirectory(atPath: server.temporary).isEmpty)
    }
    #expect(status == .exited(0))
  }

  /// What `Clients/crowd.py` saw.
  private struct Report: Decodable {
    struct Round: Decodable {
      let answers: [Int]
      let open: Int
      let during: Int
      let left: Int
      let after: Int
    }
    let before: Int
    let rounds: [Round]
  }

  /// As many as the machine lets the server and the client have, up to 10,000.
  private var connections: Int {
    var limit = rlimit()
    _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return min(10_000, Int(min(limit.rlim_max, 1 << 20)) * 3 / 4 - 100)
  }

  @Test("ten thousand clients that say nothing, or too little, keep nobody from being served")
  func idleConnections() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let count = connections
    let status = try await Server.with(place, openFiles: 1024) { server in
      let outcome = try await Programs.run(
        "python3",
        [Programs.sources + "/Clients/crowd.py", "\(server.port)", "\(server.process)", "\(count)"]
      )
      try #require(outcome.status == 0, "\(outcome.error)")
      let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
      #expect(report.rounds[1].during - report.rounds[0].during < 20_000, "\(outcome.output)")
      for round in report.rounds {
        #expect(round.answers == [200, 200, 200, 200])
        #expect(round.open >= count)
        #expect(round.left <= 4)
        // They took 120 MB; what is left is scattered too finely to be given back.
        #expect(round.after - report.before < 80_000, "\(outcome.output)")
      }
    }
    #expect(status == .exited(0))
  }
}
