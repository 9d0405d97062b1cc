// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Testing

@Suite("Deploying", .serialized) struct DeployTests {
  /// A Python that has what the clients' requirements name; `Tools/test.sh` makes one.
  private static let python = ProcessInfo.processInfo.environment["ZOETROPE_TEST_PYTHON"]

  private static let helper: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return parts.joined(separator: "/") + "/VideoServiceTests/Clients"
  }()

  private static let helm = ProcessInfo.processInfo.environment["ZOETROPE_TEST_HELM"]

  /// Builds a service of two models, one of which is not in the image, with further lines in its
  /// description.
  private static func build(_ packed: borrowing Packed, _ lines: String = "") async throws {
    _ = try packed.place.write(
      "zoetrope.yaml",
      Array(
        """
        name: lake_video
        models: [{path: model}, {name: svd, path: /models/svd, include: false}]
        resources: {gpu: 1, gpu_type: NVIDIA-L4, cpu: 4, memory: 16Gi}
        \(lines)
        """.utf8
      )
    )
    _ = try await packed.expect("build", packed.path, "--tag", "1.0")
  }

  /// Prints the manifests.
  private static func manifests(
    _ packed: borrowing Packed,
    _ arguments: [String]
  ) async throws -> Outcome {
    try await Programs.run(
      Programs.zoetrope,
      ["deploy", "kubernetes", "lake_video", "--image", "registry.example/team/lake:1.0"]
        + arguments,
      environment: ["ZOETROPE_BUNDLES": packed.path + "/store"]
    )
  }

  /// Holds manifests to the schemas.
  ///
  /// - Returns: The kind and name of each.
  private static func check(
    _ manifests: String,
    _ packed: borrowing Packed
  ) async throws -> [String] {
    let file = try packed.place.write("manifests.yaml", Array(manifests.utf8))
    let checked = try await Programs.run(
      try #require(python),
      [helper + "/check_manifests.py", file]
    )
    #expect(checked.status == 0, "\(checked.error)")
    return checked.output.split(separator: "\n").map(String.init)
  }

  @Test(
    "manifests are what Kubernetes' own schemas ask for",
    .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set")
  )
  func manifests() async throws {
    let packed = try await Packed()
    try await Self.build(
      packed,
      """
      serve: {open: true, grace: 60, webhook-host: ["a.example", "b.example:8443"]}
      storage: {size: 30Gi, class: fast}
      """
    )
    let outcome = try await Self.manifests(
      packed,
      ["--max-replicas", "4", "--keys-secret", "keys", "--pull-secret", "registry"]
        + ["--namespace", "video"]
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(
      try await Self.check(outcome.output, packed) == [
        "StatefulSet lake-video", "Service lake-video", "NetworkPolicy lake-video",
        "PodDisruptionBudget lake-video", "Service lake-video-servers",
        "PersistentVolumeClaim lake-video-models", "HorizontalPodAutoscaler lake-video",
      ]
    )
    for words in [
      "nvidia.com/gpu: \"1\"", "path: /livez", "path: /readyz", "readOnlyRootFilesystem: true",
      "bentoml_service_work_waiting", "terminationGracePeriodSeconds: 75",
      "claimName: lake-video-models", "storageClassName: fast", "storage: \"30Gi\"",
      "sessionAffinity: ClientIP", "port: 8443", "serviceName: lake-video-servers",
    ] { #expect(outcome.output.contains(words), "\(words)") }
    // Each application would set back what the autoscaler set.
    #expect(!outcome.output.contains("\n  replicas:"))

    let keda = try await Self.manifests(
      packed,
      ["--max-replicas", "4", "--keda-prometheus", "http://prometheus.monitoring:9090"]
        + ["--namespace", "video"]
    )
    #expect(
      try await Self.check(keda.output, packed).suffix(2) == [
        "PersistentVolumeClaim lake-video-models", "ScaledObject lake-video",
      ]
    )
    #expect(keda.output.contains(#"pod=~\"lake-video-[0-9]+\",namespace=\"video\""#))

    let passing = try await Self.manifests(packed, ["--storage", "emptyDir"])
    #expect(
      try await Self.check(passing.output, packed) == [
        "Deployment lake-video", "Service lake-video", "NetworkPolicy lake-video",
        "PodDisruptionBudget lake-video", "PersistentVolumeClaim lake-video-models",
      ]
    )
    #expect(passing.output.contains("sizeLimit: \"15Gi\""))
    #expect(!passing.output.contains("volumeClaimTemplates"))
    #expect(passing.output.contains("\n  replicas: 1\n"))
  }

  /// Builds a service whose model the servers fetch.
  private static func buildPulled(_ packed: borrowing Packed, _ lines: String = "") async throws {
    let commit = String(repeating: "0a", count: 20)
    _ = try packed.place.write(
      "zoetrope.yaml",
      Array(
        """
        name: lake_video
        models: [{pull: "acme/svd@\(commit)"}]
        resources: {gpu: 1, cpu: 4, memory: 16Gi}
        serve: {open: true}
        \(lines)
        """.utf8
      )
    )
    _ = try await packed.expect("build", packed.path, "--tag", "1.0")
  }

  @Test(
    "servers that fetch their model have a volume for it, a token, and a way out",
    .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set")
  )
  func pulled() async throws {
    let packed = try await Packed()
    try await Self.buildPulled(packed, "environment: {HF_ENDPOINT: \"http://mirror:8080\"}")
    let outcome = try await Self.manifests(
      packed,
      ["--hub-secret", "hub", "--model-storage", "9Gi"]
    )
    #expect(
      try await Self.check(outcome.output, packed) == [
        "StatefulSet lake-video", "Service lake-video", "NetworkPolicy lake-video",
        "PodDisruptionBudget lake-video", "Service lake-video-servers",
      ]
    )
    for words in [
      "name: HF_TOKEN", "key: token", "mountPath: /var/cache/zoetrope", "storage: \"9Gi\"",
      "port: 443", "port: 8080",
    ] { #expect(outcome.output.contains(words), "\(words)") }
    let passing = try await Self.manifests(packed, ["--storage", "emptyDir"])
    #expect(try await Self.check(passing.output, packed).first == "Deployment lake-video")
    #expect(passing.output.contains("sizeLimit: \"20Gi\""))
    #expect(!passing.output.contains("HF_TOKEN"))
  }

  @Test("manifests that a cluster would refuse, or that would not run, are not printed")
  func refusals() async throws {
    let packed = try await Packed()
    try await Self.build(packed)
    for (arguments, words) in [
      (["--image", "a b"], "a b"), (["--storage", "lots"], "an amount as Kubernetes writes them"),
      (["--storage", "9Gi"], "9Gi do not hold the 10240 megabytes of clips"),
      (["--storage-class", "fast", "--storage", "emptyDir"], "an emptyDir has no class"),
      (["--keda-prometheus", "prometheus:9090"], "is not Prometheus' address"),
      (["--max-replicas", "0"], "must be from 1 to 1000"), (["--pull-secret", "A"], "is no name"),
      (["--hub-secret", "hub"], "fetches nothing from the Hub"),
    ] {
      let outcome = try await Self.manifests(packed, arguments)
      #expect(outcome.status != 0)
      #expect(outcome.output == "")
      #expect(outcome.errorLines.first?.contains(words) == true, "\(outcome.error)")
    }
  }

  @Test(
    "a chart passes Helm's own check, and what Helm makes of it is the manifests",
    .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set"),
    .enabled(if: helm != nil, "ZOETROPE_TEST_HELM is not set")
  )
  func chart() async throws {
    let packed = try await Packed()
    try await Self.build(packed, "storage: {size: 30Gi}\nserve: {open: true}")
    let image = "registry.example/team/lake:1.0"
    let python = try #require(Self.python)
    let helm = try #require(Self.helm)
    for (volume, options) in [
      ("claim", [String]()), ("emptyDir", ["--storage", "emptyDir"]), ("pulled", []),
    ] {
      if volume == "pulled" {
        _ = try await packed.expect("delete", "lake_video:1.0")
        try await Self.buildPulled(packed)
      }
      let chart = "\(packed.path)/\(volume)"
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["deploy", "helm", "lake_video", "--image", image, "--output", chart] + options,
        environment: ["ZOETROPE_BUNDLES": packed.path + "/store"]
      )
      try #require(outcome.status == 0, "\(outcome.error)")
      let prometheus = "http://prometheus:9090"
      for (flags, values) in [
        ([], []), (["--replicas", "3"], ["--set", "replicas=3"]),
        (
          ["--max-replicas", "4", "--keys-secret", "keys", "--pull-secret", "registry"],
          ["--set", "maxReplicas=4,keysSecret=keys,pullSecret=registry"]
        ),
        (
          ["--max-replicas", "4", "--keda-prometheus", prometheus, "--model-storage", "1Ti"],
          ["--set", "maxReplicas=4,kedaPrometheus=\(prometheus),modelStorage=1Ti"]
        ),
      ]
        + (volume == "claim"
          ? [(["--storage-class", "fast"], ["--set", "storageClass=fast"])] : [])
        + (volume == "pulled" ? [(["--hub-secret", "hub"], ["--set", "hubSecret=hub"])] : [])
      {
        let expected = try await Self.manifests(packed, ["--namespace", "video"] + options + flags)
        let file = try packed.place.write("manifests.yaml", Array(expected.output.utf8))
        let checked = try await Programs.run(
          python,
          [Self.helper + "/check_chart.py", helm, chart, file] + values
        )
        #expect(checked.status == 0, "\(volume), \(flags): \(checked.output)\(checked.error)")
      }
      // A misspelt value is not passed over.
      let wrong = try await Programs.run(
        helm,
        ["template", "lake-video", chart, "--set", "replica=3"]
      )
      #expect(wrong.status != 0)
      #expect(wrong.error.contains("replica"), "\(wrong.error)")
    }
    let again = try await packed.zoetrope(
      "deploy",
      "helm",
      "lake_video",
      "--image",
      image,
      "--output",
      packed.path + "/claim"
    )
    #expect(again.status != 0)
    #expect(again.errorLines.count == 1, "\(again.error)")
  }

  @Test("a unit for systemd is installed with all that it names")
  func systemd() async throws {
    let packed = try await Packed()
    let folder = packed.path
    _ = try await packed.expect("build", folder, "--tag", "1.0")
    let root = folder + "/root"
    let outcome = try await packed.zoetrope(
      "deploy",
      "systemd",
      "lake",
      "--install",
      "--root",
      root
    )
    #expect(outcome.status == 0, "\(outcome.error)")
    let unit = try String(
      decoding: Data(contentsOf: URL(filePath: root + "/etc/systemd/system/lake.service")),
      as: UTF8.self
    )
    let printed = try await packed.zoetrope("deploy", "systemd", "lake")
    #expect(printed.output == unit)
    #expect(unit.contains("ExecStart=/opt/zoetrope/lake/1.0/bin/zoetrope serve"))
    #expect(unit.contains("DynamicUser=yes"))
    let version = try await Programs.run(
      root + "/opt/zoetrope/lake/1.0/bin/zoetrope",
      ["model", "init", "--tiny", folder + "/other"]
    )
    #expect(version.status == 0, "\(version.error)")
    #expect(
      FileManager.default.fileExists(
        atPath: root + "/opt/zoetrope/lake/1.0/models/model/model_index.json"
      )
    )
  }

  @Test(
    "BentoML builds and serves an exported bundle, and the tutorial's line works",
    .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set"),
    .timeLimit(.minutes(15))
  )
  func bento() async throws {
    let packed = try await Packed()
    let folder = packed.path
    _ = try await packed.expect("build", folder, "--tag", "1.0")
    _ = try await packed.expect("deploy", "bentocloud", "lake", "--output", folder + "/bento")
    let python = try #require(Self.python)
    let outcome = try await Programs.run(
      python,
      [
        Self.helper + "/serve_bento.py", folder + "/bento", Assets.photograph, folder + "/clip.mp4",
      ],
      environment: [
        "BENTOML_HOME": folder + "/home", "BENTOML_DO_NOT_TRACK": "True", "TMPDIR": folder,
      ]
    )
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    #expect(try await Programs.probe(folder + "/clip.mp4") == "96,64,4,7/1,h264,yuv420p")
  }

  @Test(
    "bentoml finds the token that login keeps, and the ones that it kept itself",
    .enabled(if: python != nil, "ZOETROPE_TEST_PYTHON is not set")
  )
  func login() async throws {
    let place = try Workplace()
    let home = place.path + "/home"
    for (name, token) in [("default", "first-token"), ("work", "123")] {
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["login", "--endpoint", "https://\(name).example", "--context", name],
        environment: ["BENTOML_HOME": home, "BENTO_CLOUD_API_KEY": token]
      )
      #expect(outcome.status == 0, "\(outcome.error)")
    }
    let script = """
      from bentoml._internal.cloud.config import CloudClientConfig
      config = CloudClientConfig.get_config()
      for name in (None, "default"):
          context = config.get_context(name)
          print(context.name, context.endpoint, context.api_token)
      """
    let seen = try await Programs.run(
      try #require(Self.python),
      ["-c", script],
      environment: [
        "BENTOML_HOME": home, "BENTOML_DO_NOT_TRACK": "True", "BENTO_CLOUD_API_KEY": "",
      ]
      .filter { !$0.value.isEmpty }
    )
    #expect(
      seen.output
        == "work https://work.example 123\ndefault https://default.example first-token\n",
      "\(seen.error)"
    )
    let mode = try await Programs.run("stat", ["-c", "%a", home + "/.yatai.yaml"])
    #expect(mode.output == "600\n")
  }
}
