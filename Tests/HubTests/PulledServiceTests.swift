// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(10))) struct `A service whose model is pulled at the start` {
  private static let picture: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/MediaTests/Goldens/rgb.png"
  }()

  private static let token = ["HF_TOKEN": "hf_right"]

  /// Serves until `body` is done, and ends the server with a signal then.
  private static func serving(
    _ program: FilePath,
    _ arguments: [String],
    _ environment: Environment,
    endedBy signal: Signal,
    _ body: @escaping @Sendable (_ address: String) async throws -> Void
  ) async throws -> TerminationStatus {
    try await Subprocess.run(
      .path(program),
      arguments: Arguments(["serve", "--port", "0", "--device", "cpu"] + arguments),
      environment: environment,
      input: .none,
      output: .discarded,
      error: .sequence
    ) { execution in
      var log = ""
      var started = false
      for try await line in execution.standardError.strings() {
        log += line + "\n"
        guard !started, line.contains("listens on"), let colon = line.lastIndex(of: ":"),
          let port = Int(line[line.index(after: colon)...].prefix { $0.isNumber })
        else { continue }
        started = true
        do { try await body("http://127.0.0.1:\(port)") } catch { Issue.record(error) }
        try execution.send(signal: signal)
      }
      if !started { Issue.record("it did not start: \(log)") }
    }.terminationStatus
  }

  /// A bundle of a gated model, laid out as on a machine of its own.
  private struct Installed {
    let hub: StandIn
    let folder: String

    init(_ hub: StandIn) async throws {
      self.hub = hub
      let name = "gated/svd"
      let pulled = try await Command.run(hub, ["pull", name], variables: token)
      try #require(pulled.status == .exited(0), "\(pulled.error)")
      struct Shown: Decodable { let commit, digest: String }
      let shown = try await Command.run(hub, ["models", "show", name, "--json"])
      let model = try JSONDecoder().decode(Shown.self, from: Data(shown.output.utf8))
      let description = """
        name: lake
        models: [{pull: "\(name)@\(model.commit)", digest: "\(model.digest)"}]
        resources: {gpu: 0}
        serve: {open: true}
        """
      try Data(description.utf8).write(to: URL(filePath: hub.folder + "/zoetrope.yaml"))
      let root = hub.folder + "/root"
      let variables = ["ZOETROPE_BUNDLES": hub.folder + "/bundles"]
      for arguments in [
        ["build", hub.folder, "--tag", "1.0"],
        ["deploy", "systemd", "lake", "--install", "--root", root],
      ] {
        let outcome = try await Command.run(hub, arguments, variables: variables)
        try #require(outcome.status == .exited(0), "\(outcome.error)")
      }
      folder = root + "/opt/zoetrope/lake/1.0"
      let unit = try Data(contentsOf: URL(filePath: root + "/etc/systemd/system/lake.service"))
      let text = String(decoding: unit, as: UTF8.self)
      #expect(text.contains(#"Environment="HF_HUB_CACHE=%C/lake""#), "\(text)")
      #expect(text.contains("EnvironmentFile=-/etc/default/lake"), "\(text)")
    }

    private var environment: Environment {
      Command.environment(hub, "volume").updating([
        "ZOETROPE_CONFIG": folder + "/serve.yaml", "ZOETROPE_STORE": hub.folder + "/jobs",
        "HF_TOKEN": "hf_right", "OMP_WAIT_POLICY": "passive",
      ])
    }

    /// Serves until `body` is done, and ends the server with a signal then.
    func serve(
      endedBy signal: Signal,
      _ body: @escaping @Sendable (_ address: String) async throws -> Void
    ) async throws -> TerminationStatus {
      try await serving(FilePath(folder + "/bin/zoetrope"), [], environment, endedBy: signal, body)
    }

    /// Runs the server until it ends by itself.
    func ended(_ variables: [Environment.Key: String?]) async throws -> Outcome {
      try await Command.run(
        FilePath(folder + "/bin/zoetrope"),
        ["serve", "--port", "0", "--device", "cpu"],
        environment.updating(variables)
      )
    }
  }

  /// The status that an address answers with.
  private static func status(_ address: String, _ options: [String] = []) async throws -> String {
    try await Command.run(
      "/usr/bin/curl",
      ["-sS", "-o", "/dev/null", "-w", "%{http_code}"] + options + [address],
      .inherit
    ).output
  }

  @Test func `is packed without weights, goes on after it was killed, and serves`() async throws {
    let models = ["gated/svd": try await Command.tinyCheckpoint()]
    try await StandIn.with(models) { hub in
      let service = try await Installed(hub)
      #expect(!FileManager.default.fileExists(atPath: service.folder + "/models"))

      try await hub.set(rules: #"[{"on": "files", "do": "stall", "bytes": 1000}]"#)
      try await hub.forget()
      let killed = try await service.serve(endedBy: .kill) { address in
        try await hub.until { requests in requests.contains { $0.state == "stalled" } }
        #expect(try await Self.status(address + "/livez") == "200")
        #expect(try await Self.status(address + "/readyz") == "503")
      }
      #expect(killed == .signaled(9))

      try await hub.set(rules: "[]")
      try await hub.forget()
      let served = try await service.serve(endedBy: .terminate) { address in
        while try await Self.status(address + "/readyz") != "200" {
          try await Task.sleep(for: .milliseconds(50))
        }
        let fields = [
          "image=@\(Self.picture);type=image/png", "width=96", "height=64",
          "num_inference_steps=1", "decode_chunk_size=2",
        ]
        let options = fields.flatMap { ["-F", $0] }
        #expect(try await Self.status(address + "/generate", options) == "200")
      }
      #expect(served == .exited(0))
      // What had come before it was killed is not asked for again.
      #expect(try await hub.fileRequests().allSatisfy { $0.range?.hasPrefix("bytes=0-") != true })

      // A model that is there is served although nobody can be asked.
      try await hub.forget()
      let again = try await service.serve(endedBy: .terminate) { address in
        while try await Self.status(address + "/readyz") != "200" {
          try await Task.sleep(for: .milliseconds(50))
        }
      }
      #expect(again == .exited(0))
      #expect(try await hub.log().isEmpty)

      let digest = "sha256:" + String(repeating: "0", count: 64)
      let other = try await service.ended(["ZOETROPE_MODEL_DIGEST": digest])
      #expect(other.status == .exited(1))
      #expect(other.error.contains("not \(digest): it is another one"), "\(other.error)")
    }
  }

  @Test func `is one of several, with a name of its own, beside one that is here`() async throws {
    let models = ["gated/svd": try await Command.tinyCheckpoint()]
    try await StandIn.with(models) { hub in
      let single = hub.folder + "/here.safetensors"
      for arguments in [
        ["model", "init", "--tiny", hub.folder + "/folder"],
        ["convert", hub.folder + "/folder", single],
      ] {
        let made = try await Command.run(hub, arguments)
        try #require(made.status == .exited(0), "\(made.error)")
      }
      let environment = Command.environment(hub, "volume").updating([
        "ZOETROPE_STORE": hub.folder + "/jobs", "HF_TOKEN": "hf_right",
        "OMP_WAIT_POLICY": "passive",
      ])
      let list = ["--model", "mine=gated/svd", "--model", single, "--pull"]
      let status = try await Self.serving(
        Command.zoetrope,
        list,
        environment,
        endedBy: .terminate
      ) { address in
        while try await Self.status(address + "/readyz") != "200" {
          try await Task.sleep(for: .milliseconds(50))
        }
        for name in ["mine", "here"] {
          let fields = [
            "image=@\(Self.picture);type=image/png", "width=96", "height=64", "model=\(name)",
            "num_inference_steps=1", "decode_chunk_size=2",
          ]
          let options = fields.flatMap { ["-F", $0] }
          #expect(try await Self.status(address + "/generate", options) == "200")
        }
        let shown = try await Command.run(
          "/usr/bin/curl",
          ["-sS", address + "/v1/models"],
          .inherit
        )
        #expect(shown.output.contains(/"id":"mine".*"revision":"[0-9a-f]{40}"/), "\(shown.output)")
      }
      #expect(status == .exited(0))
    }
  }

  @Test func `ends with what to do where its token is missing`() async throws {
    let models = ["gated/svd": try await Command.tinyCheckpoint()]
    try await StandIn.with(models) { hub in
      let service = try await Installed(hub)
      let outcome = try await service.ended(["HF_TOKEN": nil])
      #expect(outcome.status == .exited(1))
      #expect(outcome.error.contains("is gated: accept its licence at"), "\(outcome.error)")
    }
  }
}
