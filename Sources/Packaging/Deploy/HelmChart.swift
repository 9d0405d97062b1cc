// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A chart for Helm whose templates are the manifests, with what differs between clusters left open.
package struct HelmChart {
  /// What is left open.
  private struct Value {
    let name: String
    let what: String
    /// Of JSON's types.
    let type: String
    let normally: Document
  }

  private var manifests: KubernetesManifests

  /// - Parameter manifests: What the chart makes unless it is told otherwise; its namespace is that
  ///   which Helm is told.
  package init(_ manifests: KubernetesManifests) {
    self.manifests = manifests
    self.manifests.form = .chart
    self.manifests.namespace = nil
  }

  /// Writes the chart's files.
  ///
  /// - Parameter folder: Where to; it is not there yet.
  /// - Throws: ``PackagingError`` with `alreadyExists` or `fileSystem`, and as manifests do.
  package func write(to folder: String) throws(PackagingError) {
    try manifests.validate()
    guard Files.kind(folder) == nil else {
      throw PackagingError(.alreadyExists, "\(folder) is there already: choose another")
    }
    try Files.makeFolder(folder + "/templates")
    func write(_ name: String, _ text: String) throws(PackagingError) {
      try Files.write(Array(text.utf8), to: "\(folder)/\(name)")
    }
    try write("Chart.yaml", description.text)
    try write(
      "values.yaml",
      values.map { value in
        "# \(value.what)\n" + Document.mapping([(value.name, value.normally)]).text
      }.joined()
    )
    try write("values.schema.json", schema.json + "\n")
    for (file, document) in manifests.documents {
      try write("templates/\(file).yaml", document.text)
    }
    try write("templates/NOTES.txt", notes)
  }

  private var description: Document {
    let bundle = manifests.bundle
    return [
      "apiVersion": "v2", "name": .text(manifests.bundleName), "type": "application",
      "version": .text(version), "appVersion": .text(bundle.version),
      "description": .text("\(bundle.name): turns pictures into short videos"),
    ]
  }

  /// The bundle's version if it is one of three numbers or fewer; Helm takes no other words.
  private var version: String {
    let words = manifests.bundle.version.split(separator: ".", omittingEmptySubsequences: false)
    let numbers = words.compactMap { UInt32($0) }
    guard numbers.count == words.count, (1...3).contains(numbers.count),
      zip(numbers, words).allSatisfy({ String($0) == $1 })
    else { return "0.0.0+" + manifests.bundle.digest.hex.prefix(12) }
    return (numbers + [0, 0]).prefix(3).map(String.init).joined(separator: ".")
  }

  private var values: [Value] {
    var values = [
      Value(
        name: "image",
        what: "The name of the image in a registry.",
        type: "string",
        normally: .text(manifests.image)
      ),
      Value(
        name: "pullSecret",
        what: "A Secret with what the registry asks for.",
        type: "string",
        normally: .text(manifests.pullSecret ?? "")
      ),
      Value(
        name: "keysSecret",
        what: "A Secret whose keys.txt holds the lines of `zoetrope key`.",
        type: "string",
        normally: .text(manifests.keysSecret ?? "")
      ),
      Value(
        name: "replicas",
        what: "How many servers there are at least.",
        type: "integer",
        normally: .number(manifests.replicas)
      ),
      Value(
        name: "maxReplicas",
        what: "How many there are at most; more than replicas, and they follow the work.",
        type: "integer",
        normally: .number(manifests.maximumReplicas)
      ),
      Value(
        name: "kedaPrometheus",
        what: "The Prometheus that KEDA asks how much work there is; without, HPA is used.",
        type: "string",
        normally: .text(manifests.prometheus ?? "")
      ),
      Value(
        name: "storage",
        what: "The room for each server's jobs and clips.",
        type: "string",
        normally: .text(manifests.storageSize)
      ),
    ]
    if manifests.storage.isKept {
      values.append(
        Value(
          name: "storageClass",
          what: "The class of its volume; the cluster's own if empty.",
          type: "string",
          normally: .text(manifests.storage.className ?? "")
        )
      )
    }
    if manifests.pullsModel {
      values.append(
        Value(
          name: "hubSecret",
          what: "A Secret whose token is one of the Hub's, for a gated model.",
          type: "string",
          normally: .text(manifests.hubSecret ?? "")
        )
      )
    }
    if manifests.needsVolume || manifests.pullsModel {
      values.append(
        Value(
          name: "modelStorage",
          what: "The room for models that are not part of the image.",
          type: "string",
          normally: .text(manifests.modelStorage)
        )
      )
    }
    return values + [
      Value(
        name: "resources",
        what: "What each server needs.",
        type: "object",
        normally: manifests.resources
      ),
      Value(
        name: "nodeSelector",
        what: "The nodes that servers may be on, by label.",
        type: "object",
        normally: manifests.nodeSelector
      ),
      Value(
        name: "tolerations",
        what: "The taints of nodes that servers bear.",
        type: "array",
        normally: manifests.tolerations
      ),
    ]
  }

  /// Has Helm refuse a value that is misspelt or of another type.
  private var schema: Document {
    [
      "$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
      "additionalProperties": false,
      "properties": .mapping(
        [("global", ["type": "object"])]
          + values.map { value in
            var pairs: [(String, Document)] = [
              ("type", .text(value.type)), ("description", .text(value.what)),
            ]
            if value.type == "integer" { pairs.append(("minimum", 1)) }
            return (value.name, .mapping(pairs))
          }
      ),
    ]
  }

  private var notes: String {
    let service = "service/{{ .Release.Name }}"
    return """
      {{ .Release.Name }} answers once its model is loaded:

        kubectl --namespace {{ .Release.Namespace }} port-forward \(service) \(manifests.port)

      and then http://localhost:\(manifests.port) has its page.

      """
  }
}
