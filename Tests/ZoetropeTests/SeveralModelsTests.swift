// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Subprocess
import Testing

@Suite("A server of several models", .timeLimit(.minutes(15))) struct SeveralModelsTests {
  /// A checkpoint of another kind than the tiny one: other widths, levels and frames.
  private static let odd =
    Programs.sources.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    .joined(separator: "/") + "/Fixtures/tiny-odd/model"

  /// Makes a tiny checkpoint of other weights in a folder of a workplace.
  private static func makeModel(_ folder: String, seed: Int) async throws {
    let outcome = try await Programs.zoetrope(
      "model",
      "init",
      "--tiny",
      folder,
      "--seed",
      String(seed)
    )
    try #require(outcome.status == 0, "\(outcome.error)")
  }

  private static func bytes(_ path: String) throws -> Data {
    try Data(contentsOf: URL(filePath: path))
  }

  /// What the command makes with a model.
  private static func local(_ model: String, to output: String) async throws -> Data {
    let command = try await Programs.run(
      Programs.zoetrope,
      ["generate", Assets.photograph, "--model", model, "-o", output, "--seed", "42"]
        + ["--decode-chunk-size", "2"] + CommandTests.quick
    )
    try #require(command.status == 0, "\(command.error)")
    return try bytes(output)
  }

  @Test("a clip comes from the model that was asked for, also once its files are others")
  func choosing() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model, other) = (place.path, place.model, place.path + "/other")
    try await Self.makeModel(other, seed: 7)
    let status = try await Server.with(
      place,
      arguments: ["--model", "other=\(other)", "--model", "odd=\(Self.odd)", "--device", "cpu"]
    ) { server in
      func generate(_ name: String, _ fields: [String]) async throws -> Data {
        let outcome = try await server.generate(
          Assets.photograph,
          to: "\(folder)/\(name).mp4",
          fields: ["decode_chunk_size=2", "seed=42"] + ServerTests.quick + fields
        )
        try #require(outcome.output == "200", "\(outcome)")
        return try Self.bytes("\(folder)/\(name).mp4")
      }
      let first = try await Self.local(model, to: folder + "/first.mp4")
      let second = try await Self.local(other, to: folder + "/second.mp4")
      let third = try await Self.local(Self.odd, to: folder + "/third.mp4")
      #expect(Set([first, second, third]).count == 3)
      #expect(try await generate("a", []) == first)
      #expect(try await generate("b", ["model=other"]) == second)
      #expect(try await generate("c", ["model=odd"]) == third)
      #expect(try await generate("d", ["model=model"]) == first)
      // On the processor one is in memory at a time.
      let models = try await server.curl(server.address + "/v1/models").output
      #expect(models.ranges(of: #""is_loaded":true"#).count == 1, "\(models)")

      try FileManager.default.removeItem(atPath: other)
      try await Self.makeModel(other, seed: 8)
      let changed = try await Self.local(other, to: folder + "/changed.mp4")
      #expect(changed != second)
      _ = kill(server.process, SIGHUP)
      // The signal is heard in its own time.
      while try await generate("e", ["model=other"]) != changed {}
      #expect(try await generate("f", []) == first)
    }
    #expect(status == .exited(0))
  }

  @Test("the list in the file is read again, and a list that is wrong changes nothing")
  func list() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let model = place.model
    let file = try place.write("serve.yaml", Array("model:\n  - a=\(model)\n".utf8))
    let folder = place.path
    @Sendable func write(_ names: String...) throws {
      let lines = names.map { "  - \($0)\n" }.joined()
      try Data("model:\n\(lines)".utf8).write(to: URL(filePath: file))
    }
    let status = try await Server.serving(
      ["--config", file, "--device", "cpu"],
      temporary: folder,
      store: folder + "/store"
    ) { server in
      func names() async throws -> String {
        let answer = try await server.curl(server.address + "/v1/models").output
        return answer.matches(of: /"id":"([a-z]+)"/).map { String($0.1) }.joined(separator: " ")
      }
      #expect(try await names() == "a")
      try write("b=\(model)", "a=\(model)")
      _ = kill(server.process, SIGHUP)
      while try await names() != "b a" {}
      try write("b=\(model)", "b=\(model)")
      _ = kill(server.process, SIGHUP)
      try write("c=\(model)")
      _ = kill(server.process, SIGHUP)
      var seen = ""
      while seen != "c" {
        seen = try await names()
        #expect(["b a", "c"].contains(seen))
      }
    }
    #expect(status == .exited(0))
  }

  @Test("a model in one file is one weight file, is called as the file is, and is read again")
  func single() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model, single) = (place.path, place.model, place.path + "/one.safetensors")
    @Sendable func convert(_ model: String) async throws -> String {
      let outcome = try await Programs.zoetrope("convert", model, single, "--force")
      try #require(outcome.status == 0, "\(outcome.error)")
      return String(try await Programs.shell("sha256sum '\(single)'").output.prefix(64))
    }
    let sum = try await convert(model)
    let shown = try await Programs.zoetrope("models", "show", single)
    #expect(shown.status == 0, "\(shown.error)")
    #expect(shown.output.hasPrefix("one\n\(single)\nsingle file, "), "\(shown.output)")
    #expect(shown.output.contains("\nsha256:\(sum)  "), "\(shown.output)")
    let other = folder + "/other"
    try await Self.makeModel(other, seed: 7)
    let status = try await Server.serving(
      ["--model", single, "--model", model, "--device", "cpu"],
      temporary: folder,
      store: folder + "/store"
    ) { server in
      func wait(for sum: String) async throws {
        let entry = #""files":{"one.safetensors":"\#(sum)"}"#
        while try await !server.curl(server.address + "/v1/models").output.contains(entry) {}
      }
      try await wait(for: sum)
      let changed = try await convert(other)
      #expect(changed != sum)
      _ = kill(server.process, SIGHUP)
      // What is loaded anew is read anew.
      var files = ""
      while files != changed {
        _ = try await server.generate(
          Assets.photograph,
          to: folder + "/clip.mp4",
          fields: ServerTests.quick + ["model=one"]
        )
        let answer = try await server.curl(server.address + "/v1/models").output
        files =
          answer.firstMatch(of: /"one.safetensors":"([0-9a-f]{64})"/).map { String($0.1) } ?? ""
      }
    }
    #expect(status == .exited(0))
  }

  @Test("what cannot be listed is refused before the port opens")
  func refused() async throws {
    let place = try Workplace()
    let digest = "sha256:" + String(repeating: "0", count: 64)
    for (arguments, message) in [
      (
        ["--model", "a/b", "--model", "c=c/d", "--pull", "--model-digest", digest],
        "model-digest is for one model"
      ),
      (["--model", "a/b", "--model-digest", digest], "set pull too"),
      (["--model", "a/b", "--pull", "--model-digest", "1"], "model-digest 1 is not"),
      (["--model", "a=\(place.path)/none", "--pull"], "none is not OWNER/NAME"),
      (["--model", "a b=c/d", "--pull"], "ASCII letters"),
      (["--model", "a/b", "--model", "b=c/d", "--pull"], "two models are called b"),
    ] {
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["serve", "--port", "0", "--store", place.path + "/store"] + arguments
      )
      #expect(outcome.status != 0)
      #expect(outcome.error.contains(message), "\(arguments): \(outcome.error)")
    }
  }

  @Test("every weight file is told by its digest, by the command, the list and each job")
  func digests() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let (folder, model) = (place.path, place.model)
    let shell = try await Programs.shell("cd '\(model)' && sha256sum */*.safetensors")
    let sums = shell.output.split(separator: "\n").map { line in
      (sum: String(line.prefix(64)), path: String(line.dropFirst(66)))
    }
    #expect(sums.count == 3)
    let shown = try await Programs.zoetrope("models", "show", model)
    #expect(shown.status == 0, "\(shown.error)")
    for (sum, path) in sums {
      #expect(
        shown.output.split(separator: "\n").contains {
          $0.hasPrefix("sha256:\(sum)  ") && $0.hasSuffix(path)
        },
        "\(shown.output)"
      )
    }
    let status = try await Server.with(place, arguments: ["--device", "cpu"]) { server in
      // They are read after the start, while nobody waits.
      while try await server.curl(server.address + "/v1/models").output.contains(#""files":null"#) {
      }
      let outcome = try await server.generate(
        Assets.photograph,
        to: folder + "/clip.mp4",
        fields: ServerTests.quick
      )
      #expect(outcome.output == "200", "\(outcome)")
      let jobs = try await server.curl(server.address + "/jobs").output
      for (sum, path) in sums {
        #expect(jobs.replacing("\\/", with: "/").contains("\"\(path)\":\"\(sum)\""), "\(jobs)")
      }
    }
    #expect(status == .exited(0))
  }
}
