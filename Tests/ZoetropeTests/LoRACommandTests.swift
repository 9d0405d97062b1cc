// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Subprocess
import TensorReference
import Testing

@Suite("LoRA by the command and the server", .timeLimit(.minutes(15))) struct LoRACommandTests {
  /// A LoRA for the tiny checkpoint.
  private static let lora = Fixtures.folder + "/lora/lora.safetensors"

  private static func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(filePath: path))
  }

  /// What the command makes.
  private static func local(
    _ place: borrowing Workplace,
    _ name: String,
    _ arguments: [String]
  ) async throws -> Data {
    let output = "\(place.path)/\(name)"
    let outcome = try await CommandTests.generate(
      place,
      [Assets.photograph, "-o", output, "--seed", "42", "--decode-chunk-size", "2"] + arguments
    )
    try #require(outcome.status == 0, "\(outcome.error)")
    return try bytes(output)
  }

  @Test("a clip made with a LoRA tells of it, and is made again with it alone")
  func again() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let plain = try await Self.local(place, "plain.mp4", [])
    let styled = try await Self.local(place, "styled.mp4", ["--lora", Self.lora + ":0.5"])
    #expect(plain != styled)
    let twice = try await Self.local(
      place,
      "twice.mp4",
      ["--lora", Self.lora + ":0.25", "--lora", Self.lora + ":0.25"]
    )
    #expect(twice != plain)
    #expect(String(decoding: styled, as: UTF8.self).contains("lora.safetensors"))
    for (arguments, status, message) in [
      (["--lora", Self.lora + ":0.5"], Int32(0), ""),
      ([], 1, "made with other LoRAs: --lora lora.safetensors:0.5 (SHA-256 "),
      (["--lora", Self.lora, "--threads", "1"], 1, "--lora lora.safetensors:0.5"),
    ] {
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["reproduce", place.path + "/styled.mp4", "--model", place.model]
          + ["--picture", Assets.photograph, "-o", "\(place.path)/again-\(arguments.count).mp4"]
          + arguments
      )
      #expect(outcome.status == status, "\(outcome.error)")
      #expect(outcome.error.contains(message), "\(outcome.error)")
    }
    let other = try await Programs.run(
      Programs.zoetrope,
      ["reproduce", place.path + "/plain.mp4", "--model", place.model]
        + ["--picture", Assets.photograph, "--lora", Self.lora]
    )
    #expect(other.status == 1 && other.error.contains("with no LoRA"), "\(other.error)")
  }

  @Test(
    "a model with a LoRA is a model of its own, whose digests tell it, and whose scale may change"
  )
  func served() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let plain = try await Self.local(place, "plain.mp4", [])
    let styled = try await Self.local(place, "styled.mp4", ["--lora", Self.lora + ":0.5"])
    let strong = try await Self.local(place, "strong.mp4", ["--lora", Self.lora + ":0.75"])
    let sum = String(try await Programs.shell("sha256sum '\(Self.lora)'").output.prefix(64))
    @Sendable func list(_ scale: String) -> [UInt8] {
      Array("device: cpu\nmodel:\n  - \(model)\n  - styled=\(model)+\(Self.lora):\(scale)\n".utf8)
    }
    let file = try place.write("serve.yaml", list("0.5"))
    let status = try await Server.serving(
      ["--config", file],
      temporary: folder,
      store: folder + "/store"
    ) { server in
      func generate(_ model: String) async throws -> Data {
        let outcome = try await server.generate(
          Assets.photograph,
          to: folder + "/clip.mp4",
          fields: ["decode_chunk_size=2", "seed=42", "model=\(model)"] + ServerTests.quick
        )
        try #require(outcome.output == "200", "\(outcome)")
        return try Self.bytes(folder + "/clip.mp4")
      }
      #expect(try await generate("styled") == styled)
      #expect(try await generate("model") == plain)
      let entry = #""lora.safetensors:0.5":"\#(sum)""#
      while try await !server.curl(server.address + "/v1/models").output.contains(entry) {}
      try Data(list("0.75")).write(to: URL(filePath: file))
      _ = kill(server.process, SIGHUP)
      while try await generate("styled") != strong {}
      #expect(
        try await server.curl(server.address + "/jobs").output.contains("lora.safetensors:0.75")
      )
    }
    #expect(status == .exited(0))
  }

  @Test("what a LoRA is, and how it fits, is shown")
  func shown() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let sum = String(try await Programs.shell("sha256sum '\(Self.lora)'").output.prefix(64))
    let shown = try await Programs.zoetrope(
      "models",
      "show",
      place.model,
      "--lora",
      Self.lora + ":0.5"
    )
    #expect(shown.status == 0, "\(shown.error)")
    #expect(
      shown.output.hasSuffix(
        "sha256:\(sum)  \(Self.lora):0.5  a LoRA of 329 layers, rank 2, 3\n"
      ),
      "\(shown.output)"
    )
    let json = try await Programs.zoetrope(
      "models",
      "show",
      place.model,
      "--json",
      "--lora",
      Self.lora
    )
    #expect(json.output.contains(#""layers":329"#), "\(json.output)\(json.error)")
  }

  @Test("what cannot be added is one line and a status")
  func refused() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let odd = Fixtures.folder + "/tiny-odd/model"
    let pickle = try place.write("style.bin", [0x80, 2])
    let generate = ["generate", Assets.photograph, "-o", folder + "/x.mp4"]
    for (arguments, message) in [
      (generate + ["--model", model, "--lora", folder + "/none"], "none: is not there"),
      (generate + ["--model", model, "--lora", pickle], "never run"),
      (generate + ["--model", odd, "--lora", Self.lora], "lora.safetensors: unet."),
      (generate + ["--model", model, "--lora", Self.lora + ":inf"], "not a finite number"),
      (generate + ["--model", Self.lora], "name it with --lora"),
      (
        generate + ["--server", "http://localhost:1", "--lora", Self.lora], "cannot be used with"
      ),
      (["bench", "--random-weights", "svd", "--lora", Self.lora], "not to --random-weights"),
      (
        [
          "serve", "--port", "0", "--store", folder + "/s", "--model", model + "+/none.safetensors",
        ],
        "/none.safetensors: is not there"
      ),
      (
        ["serve", "--port", "0", "--store", folder + "/s", "--model", odd, "--lora", Self.lora],
        "lora.safetensors: unet."
      ),
    ] {
      let outcome = try await Programs.run(Programs.zoetrope, arguments)
      #expect(outcome.status != 0)
      #expect(outcome.error.contains(message), "\(arguments): \(outcome.error)")
    }
  }
}
