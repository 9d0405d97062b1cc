// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Testing

@Suite("The version") struct VersionTests {
  @Test("--version says what the program is, and what it finds to work with")
  func version() async throws {
    let outcome = try await Programs.zoetrope("--version")
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.hasPrefix("zoetrope 0.") == true)
    let facts = lines.dropFirst().map { $0.split(separator: "  ", maxSplits: 1).map(String.init) }
    #expect(
      facts.map(\.first) == [
        "commit", "Swift", "oneDNN", "libvips", "ffmpeg", "NVIDIA driver", "NVRTC", "cuBLASLt",
        "cuDNN",
      ]
    )
    for name in ["Swift", "oneDNN", "libvips", "ffmpeg"] {
      let value = facts.first { $0.first == name }?.last?.drop { $0 == " " }
      #expect(value?.first?.isNumber == true, "\(outcome.output)")
    }
    let bare = try await Programs.zoetrope()
    #expect(bare.output.contains("USAGE: zoetrope"))
  }

  @Test("/metrics says which program answers")
  func metrics() async throws {
    let place = try Workplace()
    try await place.makeModel()
    _ = try await Server.with(place) { server in
      let outcome = try await Programs.run("curl", ["-sS", server.address + "/metrics"])
      let line = outcome.output.split(separator: "\n").first {
        $0.hasPrefix("zoetrope_build_info{version=\"0.")
      }
      let words = try #require(line, "\(outcome.output)")
      #expect(words.hasSuffix("} 1.0"))
      for name in ["commit", "date", "swift", "onednn", "libvips", "ffmpeg"] {
        #expect(words.contains(",\(name)=\""), "\(words)")
      }
    }
  }
}
