// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Media
import Packaging

/// `zoetrope deploy`.
struct Deploy: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes what a bundle needs to run elsewhere.",
    subcommands: [Kubernetes.self, Helm.self, Systemd.self, BentoCloud.self]
  )

  /// What manifests and a chart are made of.
  struct ClusterOptions: ParsableArguments {
    @OptionGroup var chosen: BundleOptions

    @Option(help: "The name that the bundle's image has in a registry.")
    var image: String

    @Option(
      help: ArgumentHelp("A Secret with what the registry asks for.", valueName: "name")
    )
    var pullSecret: String?

    @Option(help: "How many servers there are at least.")
    var replicas = 1

    @Option(help: "How many there are at most, by how much work there is.")
    var maxReplicas: Int?

    @Option(
      help: ArgumentHelp(
        "Have KEDA ask this Prometheus how much work there is, not Kubernetes' own autoscaler.",
        valueName: "url"
      )
    )
    var kedaPrometheus: String?

    @Option(
      help: ArgumentHelp(
        "A Secret whose keys.txt holds the lines of `zoetrope key`.",
        valueName: "name"
      )
    )
    var keysSecret: String?

    @Option(
      help: ArgumentHelp(
        "The room for each server's jobs and clips, or emptyDir for what ends with its pod.",
        valueName: "amount"
      )
    )
    var storage: String?

    @Option(
      help: ArgumentHelp("The class of the volume with the jobs.", valueName: "name")
    )
    var storageClass: String?

    @Option(
      help: ArgumentHelp(
        "A Secret whose token is one of the Hub's, for a model that is pulled at the start.",
        valueName: "name"
      )
    )
    var hubSecret: String?

    @Option(help: "The room for models that are not part of the image.")
    var modelStorage = "20Gi"

    func validate() throws {
      guard (1...1000).contains(replicas), (replicas...1000).contains(maxReplicas ?? replicas)
      else {
        throw ValidationError("--replicas and --max-replicas must be from 1 to 1000, in this order")
      }
      if storage == "emptyDir", storageClass != nil {
        throw ValidationError("--storage-class: an emptyDir has no class")
      }
    }

    func manifests() throws -> KubernetesManifests {
      var manifests = KubernetesManifests(try chosen.open().entry, image: image)
      manifests.pullSecret = pullSecret
      manifests.replicas = replicas
      manifests.maximumReplicas = maxReplicas ?? replicas
      manifests.prometheus = kedaPrometheus
      manifests.keysSecret = keysSecret
      manifests.hubSecret = hubSecret
      manifests.modelStorage = modelStorage
      if storage == "emptyDir" {
        manifests.storage = .init()
        manifests.storage.isKept = false
      } else if let storage {
        manifests.storage.size = storage
        manifests.storage.isKept = true
      }
      if let storageClass {
        manifests.storage.className = storageClass
        manifests.storage.isKept = true
      }
      return manifests
    }
  }

  /// `zoetrope deploy kubernetes`.
  struct Kubernetes: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Prints manifests: zoetrope deploy kubernetes NAME --image IMAGE | kubectl apply -f -",
      discussion: "Nothing is sent to a cluster."
    )

    @OptionGroup var cluster: ClusterOptions

    @Option(name: .shortAndLong, help: "The namespace; the current one if not given.")
    var namespace: String?

    func run() throws {
      var manifests = try cluster.manifests()
      manifests.namespace = namespace
      Terminal.write(try manifests.text(), to: 1)
    }
  }

  /// `zoetrope deploy helm`.
  struct Helm: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a chart for Helm, which makes the same of a cluster as the manifests do.",
      discussion: """
        What is given here are the chart's values unless `helm install --set` gives others. Nothing \
        is sent to a cluster.
        """
    )

    @OptionGroup var cluster: ClusterOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var output: String

    func run() throws {
      try HelmChart(try cluster.manifests()).write(to: output)
      Terminal.say("\(output): now `helm install NAME \(output)`")
    }
  }

  /// `zoetrope deploy systemd`.
  struct Systemd: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints a unit for a single machine, or installs it.",
      discussion: "The machine has ffmpeg and the libraries that Zoetrope was built with."
    )

    @OptionGroup var store: StoreOptions

    @Argument(
      help: "NAME:VERSION, or NAME for the latest; without, the unit runs the program itself."
    )
    var bundle: String?

    @Option(
      help: ArgumentHelp(
        "The program of a unit without a bundle; this one if not given.",
        valueName: "path"
      )
    )
    var program: String?

    @Option(help: "The folder below which the bundle's files are.")
    var prefix = "/opt/zoetrope"

    @Flag(help: "Put the files and the unit in their places, for which it takes root.")
    var install = false

    @Option(help: ArgumentHelp("Install below this folder instead.", valueName: "folder"))
    var root = ""

    func validate() throws {
      if bundle == nil, install { throw ValidationError("--install: of which bundle?") }
      if bundle != nil, program != nil {
        throw ValidationError("--program: a bundle has its own")
      }
    }

    func run() throws {
      guard let bundle else {
        let program = program ?? Installation.programs + "/zoetrope"
        Terminal.write(try SystemdUnit(program: program).text, to: 1)
        return
      }
      let store = try store.open()
      let host = try HostInstallation(try store.bundle(bundle), prefix: prefix)
      guard install else {
        Terminal.write(host.unit.text, to: 1)
        return
      }
      try host.install(root: root, from: store, tools: try Installation.tools())
      Terminal.say("\(root)\(host.folder) and \(host.unit.fileName) are installed; now")
      Terminal.say("systemctl daemon-reload && systemctl enable --now \(host.unit.fileName)")
    }
  }

  /// `zoetrope deploy bentocloud`.
  struct BentoCloud: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "bentocloud",
      abstract: "Writes a project that `bentoml build`, `bentoml serve` and `bentoml deploy` take.",
      discussion: """
        Its service runs the bundle's programs; BentoML hands requests on to them. Log in first with \
        `zoetrope login` or `bentoml cloud login`, then run `bentoml deploy` in the folder.
        """
    )

    @OptionGroup var chosen: BundleOptions

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var output: String

    func run() throws {
      let (store, entry) = try chosen.open()
      try BentoExport(entry, in: store).write(to: output, tools: try Installation.tools())
      Terminal.say("\(output): cd there, then `bentoml build`, `bentoml serve` or `bentoml deploy`")
    }
  }
}

/// `zoetrope login`.
struct Login: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Keeps a token for BentoCloud where `bentoml` looks for it.",
    discussion: "The token is read from standard input, or from BENTO_CLOUD_API_KEY."
  )

  @Option(help: "The address of BentoCloud or of a Yatai of your own.")
  var endpoint = "https://cloud.bentoml.com"

  @Option(help: "The name of the context that becomes the current one.")
  var context = "default"

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    var token = environment["BENTO_CLOUD_API_KEY"] ?? ""
    if token.isEmpty { token = readLine() ?? "" }
    guard let home = environment["BENTOML_HOME"] ?? environment["HOME"].map({ $0 + "/.bentoml" })
    else {
      throw ValidationError("where does bentoml live? set BENTOML_HOME or HOME")
    }
    var login = try CloudLogin(home: home)
    try login.store(name: context, endpoint: endpoint, token: token)
    Terminal.say("\(home)/.yatai.yaml: logged in to \(endpoint) as \(context)")
  }
}
