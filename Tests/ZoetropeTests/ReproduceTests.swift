// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Media
import Subprocess
import Testing

@Suite("Making a clip again") struct ReproduceTests {
  private static func reproduce(
    _ place: borrowing Workplace,
    _ clip: String,
    _ arguments: [String] = []
  ) async throws -> Outcome {
    try await Programs.run(
      Programs.zoetrope,
      ["reproduce", "\(place.path)/\(clip)", "--model", place.model] + arguments
    )
  }

  @Test("a clip of every format is made again from itself, byte for byte")
  func formats() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let settings: [String: [String]] = [
      "clip.mp4": ["--guidance-shape", "triangle", "--fit", "crop", "--decode-chunk-size", "3"],
      "clip.webm": ["--playback", "loop", "--motion-bucket-id", "200"],
      "clip.gif": ["--playback", "ping-pong", "--playback-fps", "12.5"],
      "clip.webp": ["--guidance-scales", "1", "2.5", "2", "1.1", "--fit", "keep"],
      "clip.zip": ["--sigmas", "100", "0.1", "0", "--precision", "float16"],
      "lossy.gif": ["--steps", "4", "--cache", "deep:2", "--guidance-interval", "0.3:20"],
      "clip": ["--format", "png", "--noise-aug-strength", "0.1"],
    ]
    for (name, arguments) in settings {
      let made = try await CommandTests.generate(
        place,
        [Assets.photograph, "-o", "\(place.path)/\(name)"] + arguments
      )
      #expect(made.status == 0, "\(made.error)")
      let again = try await Self.reproduce(place, name, ["--picture", Assets.photograph])
      #expect(again.status == 0, "\(name): \(again.output)\(again.error)")
      #expect(again.output.contains("byte for byte"))
    }
    #expect(try place.files().count == 2 * settings.count)
  }

  @Test("one of several clips is made again with the others' noise")
  func several() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let made = try await CommandTests.generate(
      place,
      [Assets.photograph, "--videos", "2", "--seed", "5", "-o", place.path + "/v.mp4"]
    )
    #expect(made.status == 0, "\(made.error)")
    let again = try await Self.reproduce(place, "v-2.mp4", ["--picture", Assets.photograph])
    #expect(again.status == 0, "\(again.output)\(again.error)")
    #expect(try place.files() == ["v-1.mp4", "v-2-again.mp4", "v-2.mp4"])
  }

  @Test("a clip is extended, by the command and by a server, and the longer one is made again")
  func goesOn() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let made = try await CommandTests.generate(
      place,
      [Assets.photograph, "--seed", "3", "-o", folder + "/a.mp4"]
    )
    #expect(made.status == 0, "\(made.error)")
    func extended(_ arguments: [String]) async throws -> Outcome {
      try await Programs.run(
        Programs.zoetrope,
        ["extend", "\(folder)/a.mp4", "--model", model, "--seed", "-4"] + arguments
      )
    }
    let longer = try await extended([])
    #expect(longer.status == 0, "\(longer.error)")
    let frames = try await FFmpeg().frames(of: folder + "/a.mp4").count
    #expect(
      try await FFmpeg().frames(of: folder + "/a-extended.mp4").count == 2 * frames - 1
    )
    let refused = try await extended([])
    #expect(refused.status != 0)
    #expect(refused.error.contains("is there already"), "\(refused.error)")
    let again = try await Self.reproduce(place, "a-extended.mp4", ["--picture", folder + "/a.mp4"])
    #expect(again.status == 0, "\(again.output)\(again.error)")
    let status = try await Server.with(place) { server in
      func job(_ arguments: [String]) async throws -> String {
        let answer = try await Programs.run("curl", ["-sS"] + arguments)
        return String(
          try #require(answer.output.firstMatch(of: /"id":"([0-9a-f]{32})"/), "\(answer)").1
        )
      }
      func clip(_ id: String, to path: String) async throws {
        let url = "\(server.address)/jobs/\(id)"
        while try await !server.curl(url).output.contains(#""state":"succeeded""#) {
          try await Task.sleep(for: .milliseconds(50))
        }
        _ = try await server.curl("-o", path, url + "/clip")
      }
      let form = ["image=@\(Assets.photograph)", "seed=3"] + ServerTests.quick
      let first = try await job(form.flatMap { ["-F", $0] } + [server.address + "/jobs"])
      try await clip(first, to: folder + "/b.mp4")
      let body = ["-H", "content-type: application/json", "-d", #"{"num_frames": 3}"#]
      let second = try await job(body + ["\(server.address)/jobs/\(first)/extend"])
      try await clip(second, to: folder + "/c.mp4")
      let count = try await FFmpeg().frames(of: folder + "/b.mp4").count
      #expect(try await FFmpeg().frames(of: folder + "/c.mp4").count == count + 2)
      let told = try await server.curl("\(server.address)/jobs/\(second)")
      #expect(told.output.contains(#""frames":\#(count + 2)"#), "\(told.output)")
    }
    #expect(status == .exited(0))
  }

  @Test("another picture, another model, or a file that tells nothing is refused in one line")
  func refusals() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let made = try await CommandTests.generate(
      place,
      [Assets.photograph, "-o", place.path + "/a.gif"]
    )
    #expect(made.status == 0, "\(made.error)")
    let other = try await Programs.zoetrope(
      "model",
      "init",
      "--tiny",
      "--seed",
      "2",
      place.path + "/other"
    )
    #expect(other.status == 0, "\(other.error)")
    let text = try place.write("text.mp4", Array("no clip".utf8))
    let before = try place.files()
    let cases: [(arguments: [String], says: String)] = [
      (["a.gif", "--picture", text, "--model", place.model], "SHA-256"),
      (["a.gif", "--picture", Assets.photograph, text, "--model", place.model], "2 were given"),
      (
        ["a.gif", "--picture", Assets.photograph, "--model", place.path + "/other"], "another model"
      ),
      (["text.mp4", "--picture", Assets.photograph, "--model", place.model], "text.mp4"),
      (["none.mp4", "--picture", Assets.photograph, "--model", place.model], "does not exist"),
      (
        ["a.gif", "--picture", Assets.photograph, "--model", place.model, "-o", text],
        "is there already"
      ),
    ]
    for (arguments, says) in cases {
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["reproduce", "\(place.path)/\(arguments[0])"] + arguments.dropFirst()
      )
      #expect(outcome.status != 0)
      #expect(outcome.error.contains(says), "\(arguments): \(outcome.error)")
      #expect(outcome.errorLines.count == 1, "\(outcome.error)")
      #expect(try place.files() == before)
    }
  }

  @Test("a server's clip is made again by the command, and the new fields reach the engine")
  func server() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let status = try await Server.with(place) { server in
      let cases: [(name: String, fields: [String])] = [
        ("zip.zip", ["format=zip", "playback=ping-pong"]),
        ("list.gif", ["format=gif", "guidance_scales=[1, 2, 2.5, 1]"]),
        ("loop.mp4", ["playback=loop", "guidance_shape=triangle"]),
      ]
      for (name, fields) in cases {
        let made = try await server.generate(
          Assets.photograph,
          to: "\(folder)/\(name)",
          fields: ServerTests.quick + fields
        )
        #expect(made.output == "200", "\(made)")
        let again = try await Programs.run(
          Programs.zoetrope,
          ["reproduce", "\(folder)/\(name)", "--model", model, "--picture", Assets.photograph]
        )
        #expect(again.status == 0, "\(name): \(again.output)\(again.error)")
      }
      // Four frames: forward and back without the ends; one of them faded away.
      let archive = [UInt8](try Data(contentsOf: URL(filePath: folder + "/zip.zip")))
      #expect(Array(archive.suffix(12).prefix(2)) == [6, 0])
      #expect(try await Programs.probe(folder + "/loop.mp4").contains(",64,3,"))
      let bad = try await server.generate(
        Assets.photograph,
        to: folder + "/answer",
        fields: ServerTests.quick + ["guidance_scales=1,2"]
      )
      #expect(bad.output == "400")
      let remote = try await Programs.run(
        Programs.zoetrope,
        ["generate", Assets.photograph, "--server", server.address, "--videos", "2"]
          + ["--guidance-scales", "1", "2", "2.5", "1", "--playback", "loop"]
          + ["-o", folder + "/remote.zip"] + CommandTests.quick
      )
      #expect(remote.status == 0, "\(remote.error)")
      let again = try await Programs.run(
        Programs.zoetrope,
        ["reproduce", folder + "/remote-2.zip", "--model", model, "--picture", Assets.photograph]
      )
      #expect(again.status == 0, "\(again.output)\(again.error)")
    }
    #expect(status == .exited(0))
  }
}
