// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import Testing

/// A Python that has a driver for Chromium; `Tools/test.sh` makes one.
private let python = ProcessInfo.processInfo.environment["ZOETROPE_TEST_PYTHON"]

@Suite(
  "The page, in a browser",
  .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set"),
  // A browser and a model keep two cores busy.
  .serialized,
  .timeLimit(.minutes(15))
)
struct BrowserTests {
  /// Uses the page as the part of `Browser/page.py` of that name does.
  private func use(_ name: String) async throws {
    let place = try Workplace()
    try await place.makeModel()
    let program = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let python = try #require(python)
    let status = try await Server.with(place) { server in
      let outcome = try await Programs.run(
        python,
        ["/\(program)/Browser/page.py", server.address, Assets.photograph, "--only", name]
      )
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    #expect(status == .exited(0))
  }

  @Test("a picture is dropped, its clip watched, played, found again, run again and compared")
  func clip() async throws { try await use("makes_a_clip") }

  @Test("two clips are made of a picture at once")
  func several() async throws { try await use("makes_several") }

  @Test("a clip is cancelled while it waits, and while it is made, also after a reload")
  func cancel() async throws { try await use("cancels") }

  @Test("what the server refuses is said at the field")
  func errors() async throws { try await use("shows_errors") }

  @Test("Execute in Service APIs does what its lines for curl and Python do")
  func execute() async throws { try await use("executes") }

  @Test("axe has nothing against it, and the keyboard suffices")
  func accessibility() async throws { try await use("can_be_used_by_all") }
}
