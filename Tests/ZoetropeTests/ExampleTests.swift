// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

/// `Examples/resize`, which this package builds too, so that it keeps up with `Serving`.
@Suite("The example", .timeLimit(.minutes(2))) struct ExampleTests {
  private static let folder = Programs.sources + "/../../Examples/resize/Sources/resize"

  @Test("the example says what its service is in ten lines")
  func lines() throws {
    let data = try Data(contentsOf: URL(filePath: Self.folder + "/Resize.swift"))
    let telling = String(decoding: data, as: UTF8.self).split(separator: "\n")
      .map { $0.drop { $0 == " " } }
      .filter { !$0.hasPrefix("//") && !$0.hasPrefix("import") && $0 != "}" }
    #expect(telling.count <= 10, "\(telling.joined(separator: "\n"))")
  }

  @Test("the example resizes a picture that curl sends it")
  func resize() async throws {
    let place = try Workplace()
    let folder = place.path
    let result = try await Subprocess.run(
      .path(FilePath(Programs.folder + "/resize")),
      arguments: ["0"],
      environment: .inherit.updating(["TMPDIR": folder]),
      input: .none,
      output: .discarded,
      error: .sequence
    ) { execution in
      var seen = ""
      var started = false
      for try await line in execution.standardError.strings() {
        seen += line
        guard !started, let place = line.firstRange(of: "listens on ") else { continue }
        started = true
        let address = line[place.upperBound...].prefix { !$0.isWhitespace }
        do { try await Self.drive("http://\(address)", in: folder) } catch { Issue.record(error) }
        try execution.send(signal: .terminate)
      }
      if !started { Issue.record("the example did not start: \(seen)") }
    }
    #expect(result.terminationStatus == .exited(0))
  }

  private static func drive(_ address: String, in folder: String) async throws {
    let outcome = try await Programs.shell(
      """
      set -eu
      cd '\(folder)'
      curl -sS -f -F image=@'\(Assets.photograph)' -F width=64 -o small.png '\(address)/resize'
      ffprobe -v error -show_entries stream=codec_name,width -of csv=p=0 small.png
      printf nonsense > wrong.png
      curl -sS -F image=@wrong.png -w ' %{http_code}\\n' '\(address)/resize'
      curl -sS -F image=@small.png -F width=0 '\(address)/resize'
      echo
      curl -sS -f '\(address)/schema.json'
      """
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 4, "\(outcome.output)")
    #expect(lines[0] == "png,64")
    #expect(lines[1].hasSuffix("400") && lines[1].contains("image is no picture"), "\(lines[1])")
    #expect(lines[2].contains("width must be from 1 to 4096, not 0"), "\(lines[2])")
    #expect(lines[3].contains(#""name":"resize""#))
  }
}
