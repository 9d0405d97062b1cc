// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage
import Testing

/// A server process on a port of its own.
struct Server {
  let port: Int
  let temporary: String
  /// Its id among the processes.
  let process: Int32

  var address: String { "http://localhost:\(port)" }

  /// Serves a tiny model while `body` runs, then ends the server, as a service manager would if no
  /// other signal is given.
  ///
  /// - Parameters:
  ///   - place: Where its model is.
  ///   - options: Further options.
  ///   - openFiles: The soft limit on open files that it starts with; nil for that of the tests.
  ///   - signal: What ends it.
  ///   - body: What to do meanwhile.
  /// - Returns: The server's exit status.
  /// - Throws: What starting the program throws; what `body` throws is recorded.
  static func with(
    _ place: borrowing Workplace,
    arguments options: [String] = [],
    openFiles: Int? = nil,
    endedBy signal: Signal = .terminate,
    _ body: @escaping @Sendable (Server) async throws -> Void
  ) async throws -> TerminationStatus {
    let temporary = place.path + "/temporary"
    try FileManager.default.createDirectory(
      atPath: temporary,
      withIntermediateDirectories: true
    )
    return try await serving(
      ["--model", place.model] + options,
      temporary: temporary,
      store: place.path + "/store",
      openFiles: openFiles,
      endedBy: signal,
      body
    )
  }

  /// Serves as ``with(_:arguments:openFiles:endedBy:_:)`` does, whatever the options say.
  static func serving(
    _ options: [String],
    temporary: String,
    store: String,
    openFiles: Int? = nil,
    endedBy signal: Signal = .terminate,
    _ body: @escaping @Sendable (Server) async throws -> Void
  ) async throws -> TerminationStatus {
    let limit = openFiles.map { "ulimit -Sn \($0) && " } ?? ""
    let result = try await Subprocess.run(
      .path("/bin/bash"),
      arguments: Arguments(
        ["-c", limit + #"exec "$0" "$@""#, Programs.zoetrope]
          + ["serve", "--port", "0", "--host", "127.0.0.1"] + options
      ),
      environment: .inherit.updating([
        "TMPDIR": temporary, "OMP_WAIT_POLICY": "passive", "ZOETROPE_STORE": store,
        "ZOETROPE_MODEL": nil,
      ]),
      input: .none,
      output: .discarded,
      error: .sequence
    ) { execution in
      var seen = ""
      var started = false
      let process = execution.processIdentifier.value
      try await withThrowingTaskGroup(of: Void.self) { group in
        // Its log is read all the while: a server whose log nobody takes stands still in the end.
        for try await line in execution.standardError.strings() {
          seen += line
          guard !started, let colon = line.lastIndex(of: ":"), line.contains("is served on"),
            let port = Int(line[line.index(after: colon)...].filter(\.isNumber))
          else { continue }
          started = true
          let server = Server(port: port, temporary: temporary, process: process)
          group.addTask {
            do { try await body(server) } catch { Issue.record(error) }
            _ = kill(process, signal.rawValue)
          }
        }
      }
      if !started { Issue.record("the server did not start: \(seen)") }
    }
    return result.terminationStatus
  }

  func curl(_ arguments: String...) async throws -> Outcome {
    try await Programs.run("curl", ["-sS", "-w", "%{http_code}"] + arguments)
  }

  /// The tutorial's line.
  func generate(_ image: String, to output: String, fields: [String] = []) async throws -> Outcome {
    try await Programs.run(
      "curl",
      ["-sS", "-w", "%{http_code}", "-X", "POST", address + "/generate", "-H", "accept: video/*"]
        + ["-H", "Content-Type: multipart/form-data", "-F", "image=@\(image);type=image/png"]
        + fields.flatMap { ["-F", $0] } + ["-o", output]
    )
  }
}

@Suite("The server") struct ServerTests {
  static let quick = ["width=96", "height=64", "num_inference_steps=2"]

  @Test("the tutorial's curl line makes a video that plays")
  func tutorial() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let status = try await Server.with(place) { server in
      let outcome = try await server.generate(
        Assets.photograph,
        to: folder + "/generated.mp4",
        fields: ["decode_chunk_size=2", "seed=null"] + Self.quick
      )
      #expect(outcome.output == "200", "\(outcome)")
      #expect(
        try await Programs.probe(folder + "/generated.mp4") == "96,64,4,7/1,h264,yuv420p"
      )
      for path in ["/livez", "/readyz"] {
        #expect(try await server.curl(server.address + path).output.hasSuffix("200"))
      }
    }
    #expect(status == .exited(0))
  }

  @Test("the same seed answers with the same bytes as before, and as the command")
  func seeds() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let model = place.model
    let status = try await Server.with(place) { server in
      for name in ["a", "b"] {
        let outcome = try await server.generate(
          Assets.photograph,
          to: "\(folder)/\(name).mp4",
          fields: ["decode_chunk_size=2", "seed=42"] + Self.quick
        )
        #expect(outcome.output == "200", "\(outcome)")
      }
      let command = try await Programs.run(
        Programs.zoetrope,
        ["generate", Assets.photograph, "--model", model, "-o", folder + "/c.mp4", "--seed", "42"]
          + ["--decode-chunk-size", "2"] + CommandTests.quick
      )
      #expect(command.status == 0, "\(command.error)")
      let files = try ["a", "b", "c"].map { name in
        try Data(contentsOf: URL(filePath: "\(folder)/\(name).mp4"))
      }
      #expect(files[0] == files[1])
      #expect(files[0] == files[2])
    }
    #expect(status == .exited(0))
  }

  @Test("the same request makes the same file, whatever API it came through")
  func interfaces() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let status = try await Server.with(place) { server in
      let outcome = try await server.generate(
        Assets.photograph,
        to: folder + "/a.mp4",
        fields: ["seed=42", "fit=crop", "min_guidance_scale=1", "max_guidance_scale=2.6"]
      )
      #expect(outcome.output == "200", "\(outcome)")
      let others = try await Programs.shell(
        """
        set -eu
        id() { cut -d '"' -f 4; }
        openai=$(curl -sS -F input_reference=@'\(Assets.photograph)' -F seed=42 -F fit=crop \
          -F min_guidance_scale=1 -F max_guidance_scale=2.6 '\(server.address)/v1/videos' | id)
        stability=$(curl -sS -F image=@'\(Assets.photograph)' -F seed=42 -F cfg_scale=1.8 \
          '\(server.address)/v2beta/image-to-video' | id)
        until [ "$(curl -sS -o '\(folder)/c.mp4' -w '%{http_code}' -H 'accept: video/*' \
          "\(server.address)/v2beta/image-to-video/result/$stability")" != 202 ]; do sleep 0.1; done
        curl -sS -f -o '\(folder)/b.mp4' "\(server.address)/v1/videos/$openai/content"
        """
      )
      #expect(others.status == 0, "\(others.error)")
      let files = try ["a", "b", "c"].map { name in
        try Data(contentsOf: URL(filePath: "\(folder)/\(name).mp4"))
      }
      #expect(files[0] == files[1])
      #expect(files[0] == files[2])
    }
    #expect(status == .exited(0))
  }

  @Test("the command has its clip made by a server, and gets the same file")
  func remote() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let model = place.model
    let status = try await Server.with(place) { server in
      let options =
        [Assets.photograph, "--seed", "42", "--decode-chunk-size", "2"] + CommandTests.quick
      let remote = try await Programs.run(
        Programs.zoetrope,
        ["generate", "--server", server.address, "-o", folder + "/remote.mp4", "--json"] + options,
        environment: ["ZOETROPE_MODEL": ""]
      )
      #expect(remote.status == 0, "\(remote.error)")
      #expect(remote.output.contains(#""seeds":[42]"#), "\(remote.output)")
      let shown = [
        #"{"done":0,"event":"progress","stage":"encode","total":1}"#,
        #"{"done":1,"event":"progress","stage":"denoise","total":2}"#,
        #"{"done":2,"event":"progress","stage":"denoise","total":2}"#,
        #"{"done":4,"event":"progress","stage":"decode","total":4}"#,
      ]
      for line in shown { #expect(remote.output.contains(line), "\(remote.output)") }
      let local = try await Programs.run(
        Programs.zoetrope,
        ["generate", "--model", model, "-o", folder + "/local.mp4"] + options
      )
      #expect(local.status == 0, "\(local.error)")
      let files = try ["remote", "local"].map { name in
        try Data(contentsOf: URL(filePath: "\(folder)/\(name).mp4"))
      }
      #expect(files[0] == files[1])
      let wrong = try await Programs.run(
        Programs.zoetrope,
        ["generate", "--server", server.address, "-o", folder + "/wrong.mp4", "--width", "100"]
          + [Assets.photograph]
      )
      #expect(wrong.status != 0)
      #expect(wrong.errorLines.count == 1, "\(wrong.error)")
      #expect(wrong.error.contains("width"))
      let unknown = try await Programs.run(
        Programs.zoetrope,
        ["generate", "--server", server.address, "-o", folder + "/wrong.mp4", "--sigmas", "1"]
          + ["--", Assets.photograph]
      )
      #expect(unknown.error.contains("--sigmas cannot be used with --server"), "\(unknown.error)")
    }
    #expect(status == .exited(0))
  }

  @Test("bad input is answered with a reason, nothing is left, and it goes on serving")
  func badInput() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let photograph = [UInt8](try Data(contentsOf: URL(filePath: Assets.photograph)))
    let text = try place.write("text.png", Array("not a picture".utf8))
    let empty = try place.write("empty.png", [])
    let truncated = try place.write("truncated.jpg", Array(photograph.prefix(9000)))
    let bomb = try place.write("bomb.png", Self.bomb)
    let status = try await Server.with(place) { server in
      let cases: [(image: String, fields: [String], status: String, says: String)] = [
        (text, [], "400", "image"), (empty, [], "400", "image"), (truncated, [], "400", "image"),
        (bomb, [], "413", "30000"), (Assets.photograph, ["seed=abc"], "400", "seed"),
        (Assets.photograph, ["decode_chunk_size=0"], "400", "decode_chunk_size"),
        (Assets.photograph, ["width=100"], "400", "width"),
      ]
      for (image, fields, status, says) in cases {
        let answer = folder + "/answer"
        let outcome = try await server.generate(image, to: answer, fields: fields)
        #expect(outcome.output == status, "\(image) \(fields): \(outcome)")
        let body = String(decoding: try Data(contentsOf: URL(filePath: answer)), as: UTF8.self)
        #expect(body.contains(says), "\(image) \(fields): \(body)")
      }
      let missing = try await server.curl(
        "-X",
        "POST",
        server.address + "/generate",
        "-F",
        "seed=1"
      )
      #expect(missing.output.hasSuffix("400") && missing.output.contains("image"))
      let good = try await server.generate(
        Assets.photograph,
        to: folder + "/good.mp4",
        fields: Self.quick
      )
      #expect(good.output == "200")
      #expect(try FileManager.default.contentsOfDirectory(atPath: server.temporary).isEmpty)
    }
    #expect(status == .exited(0))
  }

  @Test("requests that come together are answered one after another")
  func together() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let folder = place.path
    let status = try await Server.with(place) { server in
      let answers = try await withThrowingTaskGroup(of: String.self) { group in
        for index in 0..<3 {
          group.addTask {
            try await server.generate(
              Assets.photograph,
              to: "\(folder)/\(index).mp4",
              fields: Self.quick
            ).output
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers == ["200", "200", "200"])
    }
    #expect(status == .exited(0))
  }

  /// A PNG that claims 30,000 by 30,000 pixels and holds next to nothing.
  private static let bomb: [UInt8] = {
    func word(_ value: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
    func checksum(_ bytes: [UInt8]) -> UInt32 {
      ~bytes.reduce(0xFFFF_FFFF as UInt32) { sum, byte in
        (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in
          sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1
        }
      }
    }
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      let body = Array(name.utf8) + data
      return word(UInt32(data.count)) + body + word(checksum(body))
    }
    let header = word(30_000) + word(30_000) + [8, 2, 0, 0, 0]
    let data: [UInt8] = [0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
      + chunk("IDAT", data) + chunk("IEND", [])
  }()
}
