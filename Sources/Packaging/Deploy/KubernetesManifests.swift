// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// What Kubernetes is told to run a bundle's image: as manifests, or as the templates of a chart, which
/// say the same once Helm has filled them in.
package struct KubernetesManifests {
  /// What is known now, and what when Helm fills a chart in.
  enum Form { case manifests, chart }

  let bundle: BundleStore.Entry
  let image: String
  var form = Form.manifests
  /// The namespace; nil for the one that is current.
  package var namespace: String?
  package var replicas = 1
  /// The most replicas; with more than ``replicas`` they follow the work that there is.
  package var maximumReplicas = 1
  /// The address of a Prometheus that KEDA asks how much work there is; nil for Kubernetes' own
  /// autoscaler.
  package var prometheus: String?
  /// The name of a Secret whose `keys.txt` holds the hashes of API keys.
  package var keysSecret: String?
  /// The name of a Secret with what the image's registry asks for.
  package var pullSecret: String?
  /// The name of a Secret whose `token` is one of the Hub's, for a model that is fetched at the start.
  package var hubSecret: String?
  /// How much room models that are not part of the image get.
  package var modelStorage = "20Gi"
  /// Where jobs and clips are kept: what the bundle says, unless it is changed.
  package var storage: ServiceDescription.Storage

  /// - Parameters:
  ///   - bundle: What runs.
  ///   - image: The name of its image in a registry.
  package init(_ bundle: BundleStore.Entry, image: String) {
    self.bundle = bundle
    self.image = image
    storage = bundle.manifest.storage ?? .init()
  }

  /// The manifests, as documents of one YAML file.
  ///
  /// - Throws: ``PackagingError`` with `invalidValue` for names and amounts that Kubernetes does not
  ///   take, and for storage that the jobs do not fit in.
  package func text() throws(PackagingError) -> String {
    try validate()
    return documents.map(\.document.text).filter { !$0.isEmpty }.joined(separator: "---\n")
  }

  func validate() throws(PackagingError) {
    for (what, name) in [
      ("namespace", namespace), ("secret", keysSecret), ("secret", pullSecret),
      ("secret", hubSecret),
    ] {
      if let name, !Self.isName(name) {
        throw PackagingError(.invalidValue, "the \(what) \"\(name)\" is no name to Kubernetes")
      }
    }
    guard Self.isName(bundleName) else {
      throw PackagingError(
        .invalidValue,
        "\"\(bundleName)\" is no name to Kubernetes: letters, digits and -, 50 at most, the first a "
          + "letter"
      )
    }
    guard hubSecret == nil || pullsModel else {
      throw PackagingError(
        .invalidValue,
        "\(bundle.tag) fetches nothing from the Hub, so that no secret for it is of use"
      )
    }
    _ = try ImageReference(image)
    if let prometheus, !prometheus.hasPrefix("http://"), !prometheus.hasPrefix("https://") {
      throw PackagingError(
        .invalidValue,
        "\"\(prometheus)\" is not Prometheus' address, as http://prometheus.monitoring:9090"
      )
    }
    for (what, amount) in [("room for models", modelStorage), ("storage", storageSize)]
    where Quantity(amount) == nil {
      throw PackagingError(.invalidValue, "the \(what) \"\(amount)\" must be \(Quantity.form)")
    }
    // A full disk refuses jobs long before the oldest ones are given up.
    if let size = Quantity(storageSize), size.bytes < Double(keptMegabytes << 20) {
      throw PackagingError(
        .invalidValue,
        "\(storageSize) do not hold the \(keptMegabytes) megabytes of clips that are kept: give more, "
          + "or set keep-megabytes in serve"
      )
    }
  }

  /// Each document, with the name that its file has in a chart.
  var documents: [(file: String, document: Document)] {
    var documents = [
      ("server", server), ("service", service), ("networkpolicy", networkPolicy),
      ("poddisruptionbudget", disruptionBudget),
    ]
    if storage.isKept { documents.append(("servers", serversService)) }
    if needsVolume { documents.append(("models", volumeClaim)) }
    return documents + [("autoscaler", autoscaler), ("scaledobject", scaledObject)]
  }

  // MARK: Names and settings

  /// The bundle's name as Kubernetes writes names.
  var bundleName: String {
    bundle.name.replacing("_", with: "-").replacing(".", with: "-")
  }

  /// What an object is called: a chart's are called after the release.
  func name(_ suffix: String = "") -> Document {
    form == .chart ? .template("\"{{ .Release.Name }}\(suffix)\"") : .text(bundleName + suffix)
  }

  private static func isName(_ text: String) -> Bool {
    let letters = "abcdefghijklmnopqrstuvwxyz"
    return text.utf8.count <= 50 && text.first.map { letters.contains($0) } == true
      && text.last != "-" && text.allSatisfy { (letters + "0123456789-").contains($0) }
  }

  /// Whether there are models that somebody puts into a volume.
  var needsVolume: Bool {
    bundle.manifest.models.contains { $0.files.isEmpty && $0.pull == nil }
  }

  /// Whether the servers fetch their model.
  var pullsModel: Bool { bundle.manifest.pullsModel }

  var port: Int { number("port", 3000) }

  /// A setting of `zoetrope serve`, as the bundle has it.
  func number(_ name: String, _ normally: Int) -> Int {
    texts(name).first.flatMap { Int($0) } ?? normally
  }

  /// The environment comes before the file of settings.
  func texts(_ name: String) -> [String] {
    let variable = "ZOETROPE_" + name.uppercased().replacing("-", with: "_")
    if let value = bundle.manifest.environment[variable] {
      return value.split(separator: ",").map(String.init)
    }
    return bundle.manifest.settings[name] ?? []
  }

  private var keptMegabytes: Int { number("keep-megabytes", 10_240) }

  /// Jobs that have not ended, and the list of all, come on top of what is kept.
  var storageSize: String {
    storage.size ?? "\(max(1, (keptMegabytes * 3 / 2 + 1023) / 1024))Gi"
  }

  // MARK: Common parts

  /// What tells the servers of one release from others.
  var selector: Document {
    ["app.kubernetes.io/name": .text(bundleName), "app.kubernetes.io/instance": name()]
  }

  func metadata(_ suffix: String = "") -> Document {
    [
      "name": name(suffix), "namespace": .only(.known(namespace != nil), .text(namespace ?? "")),
      "labels": [
        "app.kubernetes.io/name": .text(bundleName), "app.kubernetes.io/instance": name(),
        "app.kubernetes.io/version": .text(bundle.version),
        "app.kubernetes.io/managed-by": form == .chart
          ? .template("\"{{ .Release.Service }}\"") : "zoetrope",
      ],
    ]
  }

  /// A value that is known now, or that a chart has of this name.
  func value(_ name: String, _ value: Document) -> Document {
    form == .chart ? .template("{{ toJson .Values.\(name) }}") : value
  }

  /// A condition that is known now, or that Helm decides.
  func holds(_ condition: Bool, _ pipeline: String) -> Document.Condition {
    form == .chart ? .template(pipeline) : .known(condition)
  }

  /// Whether there may be more than one server.
  var areSeveral: Document.Condition {
    holds(maximumReplicas > 1, "gt (max (int .Values.replicas) (int .Values.maxReplicas)) 1")
  }

  /// Whether their number follows the work.
  func scales(_ isWanted: Bool = true) -> Document.Condition {
    let test = "gt (int .Values.maxReplicas) (int .Values.replicas)"
    return holds(
      (maximumReplicas > replicas) == isWanted,
      isWanted ? test : "not (\(test))"
    )
  }
}
