// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Media
import TensorReference
import TensorTesting
import Testing

@Suite("The command") struct CommandTests {
  /// A size and a number of steps that take about a second.
  static let quick = ["--width", "96", "--height", "64", "--num-inference-steps", "2"]

  static func generate(
    _ place: borrowing Workplace,
    _ arguments: [String],
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await Programs.run(
      Programs.zoetrope,
      ["generate", "--model", place.model] + quick + arguments,
      environment: environment
    )
  }

  @Test("a photograph becomes an mp4 with the model's frames, size and rate")
  func photograph() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let video = place.path + "/lake.mp4"
    let outcome = try await Self.generate(place, [Assets.photograph, "-o", video, "--seed", "7"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.isEmpty)
    #expect(try await Programs.probe(video) == "96,64,4,7/1,h264,yuv420p")
    #expect(try place.files() == ["lake.mp4"])
  }

  @Test("the same seed makes the same file, another seed another")
  func seeds() async throws {
    let place = try Workplace()
    try await place.makeModel()
    var files: [Data] = []
    for (name, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
      let path = "\(place.path)/\(name).gif"
      let outcome = try await Self.generate(
        place,
        [Assets.photograph, "-o", path, "--seed", seed]
      )
      #expect(outcome.status == 0, "\(outcome.error)")
      files.append(try Data(contentsOf: URL(filePath: path)))
    }
    #expect(files[0] == files[1])
    #expect(files[0] != files[2])
  }

  @Test(
    "every format is written",
    arguments: [
      ("clip.webm", "96,64,4,12/1,vp9,yuv420p"), ("clip.gif", "96,64,4,47/4,gif,bgra"),
    ]
  )
  func formats(_ name: String, _ expected: String) async throws {
    let place = try Workplace()
    try await place.makeModel()
    let outcome = try await Self.generate(
      place,
      [Assets.photograph, "-o", "\(place.path)/\(name)", "--playback-fps", "12"]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    // A GIF keeps time in hundredths of a second, so its rate is only near the one asked for.
    #expect(try await Programs.probe("\(place.path)/\(name)") == expected)
  }

  @Test("two pictures of two videos each make four files")
  func several() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let outcome = try await Self.generate(
      place,
      [Assets.photograph, Assets.photograph, "--videos", "2", "--frames", "2"]
        + [
          "--decode-chunk-size", "3", "--seed", "1", "--seed", "2", "--seed", "3", "--seed", "4",
          "-o", place.path + "/v.mp4",
        ]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try place.files() == ["v-1.mp4", "v-2.mp4", "v-3.mp4", "v-4.mp4"])
    #expect(try await Programs.probe(place.path + "/v-4.mp4") == "96,64,2,7/1,h264,yuv420p")
  }

  @Test("the command's frames are diffusers' own")
  func fidelity() async throws {
    let place = try Workplace()
    let golden = try Golden(folder: Fixtures.folder + "/tiny", run: "batch2")
    let images = golden.manifest.params.images.map { "\(golden.folder)/\($0.file)" }
    let outcome = try await Programs.run(
      Programs.zoetrope,
      ["generate", "--model", golden.folder + "/model"] + images
        + [
          "--variant", "fp16", "--fit", "keep", "--width", "64", "--height", "64", "--frames", "2",
        ]
        + ["--steps", "2", "--min-guidance-scale", "1.5", "--max-guidance-scale", "2.5"]
        + ["--seed", "5", "--seed", "6", "--format", "png", "-o", place.path + "/clip"]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    var pixels: [UInt8] = []
    for clip in 1...2 {
      for frame in 1...2 {
        let path = "\(place.path)/clip-\(clip)/frame-000\(frame).png"
        pixels += try await PictureReader().read(path: path).rgb().pixels
      }
    }
    let expected = try golden.bytes("frames_u8")
    try #require(pixels.count == expected.count)
    let differences = zip(pixels, expected).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 0 <= 1)
    #expect(differences.filter { $0 > 0 }.count * 50 <= expected.count)
  }

  @Test("--json prints progress and the result, a JSON object a line")
  func json() async throws {
    struct Line: Decodable {
      let event: String
      let stage: String?
      let done, total: Int?
      let outputs: [String]?
      let seeds: [UInt64]?
    }
    let place = try Workplace()
    try await place.makeModel()
    let video = place.path + "/clip.mp4"
    let outcome = try await Self.generate(
      place,
      [Assets.photograph, "-o", video, "--seed", "-1", "--json"]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = try outcome.output.split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
    #expect(lines.filter { $0.stage == "denoise" }.map(\.done) == [0, 1, 2])
    #expect(lines.last?.event == "done")
    #expect(lines.last?.outputs == [video])
    #expect(lines.last?.seeds == [UInt64.max])
  }

  @Test(
    "a bad picture is one line on standard error, a failing status and no file",
    arguments: ["text", "empty", "truncated", "missing"]
  )
  func badPictures(_ kind: String) async throws {
    let place = try Workplace()
    try await place.makeModel()
    let photograph = [UInt8](try Data(contentsOf: URL(filePath: Assets.photograph)))
    let picture =
      switch kind {
      case "text": try place.write("picture.png", Array("not a picture".utf8))
      case "empty": try place.write("picture.png", [])
      case "truncated": try place.write("picture.jpg", Array(photograph.prefix(9000)))
      default: place.path + "/nowhere.png"
      }
    let before = try place.files()
    let outcome = try await Self.generate(place, [picture, "-o", place.path + "/clip.mp4"])
    #expect(outcome.status != 0)
    #expect(outcome.errorLines.count == 1, "\(outcome.error)")
    #expect(try place.files() == before)
  }

  @Test(
    "an argument out of range is named",
    arguments: [
      (["--width", "100"], "width"), (["--num-frames", "0"], "num_frames"),
      (["--decode-chunk-size", "0"], "decode_chunk_size"), (["--sigmas", "1"], "sigmas"),
      (["--fps", "0"], "fps"), (["--seed", "1", "--seed", "2"], "seed"),
    ]
  )
  func badArguments(_ arguments: [String], _ name: String) async throws {
    let place = try Workplace()
    try await place.makeModel()
    let outcome = try await Self.generate(
      place,
      [Assets.photograph, "-o", place.path + "/clip.mp4"] + arguments
    )
    #expect(outcome.status != 0)
    #expect(outcome.error.contains(name), "\(outcome.error)")
    #expect(outcome.errorLines.count == 1, "\(outcome.error)")
    #expect(try place.files().isEmpty)
  }

  @Test("a damaged checkpoint is refused with file and tensor named")
  func badCheckpoint() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let weights = place.model + "/vae/diffusion_pytorch_model.safetensors"
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: weights)))
    try Data(bytes.prefix(bytes.count - 1000)).write(to: URL(filePath: weights))
    let outcome = try await Self.generate(
      place,
      [Assets.photograph, "-o", place.path + "/clip.mp4"]
    )
    #expect(outcome.status != 0)
    #expect(outcome.errorLines.count == 1, "\(outcome.error)")
    #expect(outcome.error.contains("vae/diffusion_pytorch_model.safetensors"), "\(outcome.error)")
  }

  @Test("a full disk is said, and nothing half-written is left")
  func fullDisk() async throws {
    let place = try Workplace()
    try await place.makeModel()
    // No file may grow beyond 1 KiB: what a full disk is to the video writer.
    let outcome = try await Programs.shell(
      "ulimit -f 1; exec '\(Programs.zoetrope)' generate --model '\(place.model)' "
        + Self.quick.joined(separator: " ")
        + " '\(Assets.photograph)' -o '\(place.path)/clip.mp4'"
    )
    #expect(outcome.status != 0)
    #expect(outcome.errorLines.count == 1, "\(outcome.error)")
    #expect(try place.files().isEmpty)
  }

  @Test("an interrupted generation leaves nothing behind")
  func interruption() async throws {
    let place = try Workplace()
    try await place.makeModel()
    // The first line of JSON says that the work has begun.
    let outcome = try await Programs.shell(
      "'\(Programs.zoetrope)' generate --json --model '\(place.model)' --steps 1000 --width 96"
        + " --height 64 '\(Assets.photograph)' -o '\(place.path)/clip.mp4' > '\(place.path)/log' &"
        + " until [ -s '\(place.path)/log' ]; do sleep 0.05; done; kill -TERM $!; wait $!"
    )
    #expect(outcome.status == 143, "\(outcome.error)")
    #expect(try place.files() == ["log"])
  }

  @Test("without a model named it takes the demonstration model, and says how to get the real one")
  func demonstrationModel() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let program = try place.installProgram()
    try place.move("model", to: "share/zoetrope/models/demo")
    let outcome = try await Programs.run(
      program,
      [
        "generate", Assets.photograph, "--steps", "1", "--num-frames", "2", "-o",
        place.path + "/clip.gif",
      ],
      environment: ["ZOETROPE_MODEL": ""]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    let remarks = outcome.errorLines.filter { $0.contains("demonstration model") }
    #expect(remarks.count == 1)
    #expect(remarks.first?.contains("stable-video-diffusion-img2vid-xt") == true)
  }

  @Test("without any model it says how to get one")
  func noModel() async throws {
    let place = try Workplace()
    let outcome = try await Programs.run(
      try place.installProgram(),
      ["generate", Assets.photograph],
      environment: [
        "ZOETROPE_MODEL": "", "XDG_DATA_HOME": place.path, "XDG_DATA_DIRS": place.path,
      ]
    )
    #expect(outcome.status != 0)
    #expect(outcome.error.contains("zoetrope model init --tiny"))
  }

  @Test("doctor finds what is there, and names the package of what is not")
  func doctor() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let good = try await Programs.zoetrope("doctor", "--model", place.model)
    #expect(good.status == 0, "\(good.output)\(good.error)")
    let bad = try await Programs.zoetrope(
      "doctor",
      "--model",
      place.path + "/nothing",
      environment: ["ZOETROPE_FFMPEG": place.path + "/no-ffmpeg"]
    )
    #expect(bad.status == 1)
    #expect(bad.output.contains("apt-get install"), "\(bad.output)")
    #expect(bad.output.contains("nothing/model_index.json"), "\(bad.output)")
  }

  @Test("bench prints the seconds of every stage")
  func bench() async throws {
    struct Report: Decodable {
      struct Stages: Decodable {
        let load, encode: Double
        let step: [Double]
        let decode: Double
      }
      let stages, cpu_stages: Stages
      let peak_rss_bytes, weights_bytes: Int
    }
    let place = try Workplace()
    try await place.makeModel()
    // A clip that warms up is not counted.
    for further in [[], ["--warm-up"]] {
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["bench", "--model", place.model, "--json"] + Self.quick + further
      )
      #expect(outcome.status == 0, "\(outcome.error)")
      let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
      #expect(report.stages.step.count == 2)
      #expect(report.cpu_stages.step.count == 2)
      #expect(report.weights_bytes > 3_000_000)
    }
  }

  @Test("bench's profile is of a GPU, and is no JSON")
  func benchProfile() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let bench = ["bench", "--model", place.model, "--device", "cpu", "--profile"] + Self.quick
    let refused = try await Programs.run(Programs.zoetrope, bench)
    #expect(refused.status == 64 && refused.error.contains("--profile needs a GPU"))
    let both = try await Programs.run(Programs.zoetrope, bench + ["--json"])
    #expect(both.status == 64 && both.error.contains("--profile prints no JSON"))
  }
}
