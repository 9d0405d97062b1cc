// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// How servers are reached, how many there are, and whom they reach.

extension KubernetesManifests {
  private var ports: Document {
    [["name": "http", "port": .number(port), "targetPort": "http"]]
  }

  var service: Document {
    [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata(),
      "spec": [
        "selector": selector, "ports": ports,
        // A job is known to the server that took it, so who asks for it is to come to the same.
        "sessionAffinity": .only(areSeveral, "ClientIP"),
        "sessionAffinityConfig": .only(areSeveral, ["clientIP": ["timeoutSeconds": 86400]]),
      ],
    ]
  }

  /// Gives each server of a StatefulSet a name of its own, as `lake-0.lake-servers`.
  var serversService: Document {
    [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata("-servers"),
      "spec": ["clusterIP": "None", "selector": selector, "ports": ports],
    ]
  }

  /// The server calls nobody but the hosts that jobs may report their end to, and the Hub if it fetches
  /// its model from there.
  var networkPolicy: Document {
    [
      "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(),
      "spec": [
        "podSelector": ["matchLabels": selector], "policyTypes": ["Ingress", "Egress"],
        "ingress": [["ports": [["protocol": "TCP", "port": "http"]]]],
        "egress": .list(egress),
      ],
    ]
  }

  /// A policy names no hosts, so what it holds them to is the ports.
  private var egress: [Document] {
    var ports: Set<Int> = []
    for host in texts("webhook-host") { ports.formUnion(Self.port(of: host) ?? [80, 443]) }
    if pullsModel {
      // Large files come from other hosts than the Hub's.
      ports.insert(443)
      for name in ["HF_ENDPOINT", "HTTPS_PROXY", "ALL_PROXY"] {
        guard let address = bundle.manifest.environment[name] else { continue }
        let host = address.split(separator: "/").dropFirst().first.map(String.init) ?? address
        ports.formUnion(Self.port(of: host) ?? [address.hasPrefix("http:") ? 80 : 443])
      }
    }
    guard !ports.isEmpty else { return [] }
    let names: [Document] = ["UDP", "TCP"].map { ["protocol": $0, "port": 53] }
    return [
      [
        "ports": .list(
          names + ports.sorted().map { ["protocol": "TCP", "port": .number($0)] }
        )
      ]
    ]
  }

  /// The port in `host:port`; nil if there is none.
  private static func port(of host: String) -> Set<Int>? {
    host.lastIndex(of: ":").flatMap { Int(host[$0...].dropFirst()) }.map { [$0] }
  }

  var disruptionBudget: Document {
    [
      "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(),
      "spec": ["maxUnavailable": 1, "selector": ["matchLabels": selector]],
    ]
  }

  private var scaledKind: Document {
    ["apiVersion": "apps/v1", "kind": serverKind, "name": name()]
  }

  /// A clip takes minutes: what is idle now may be wanted in the next.
  private var behavior: Document { ["scaleDown": ["stabilizationWindowSeconds": 600]] }

  /// By what is worked on and what waits, which Prometheus' adapter hands to Kubernetes: as many
  /// servers as either asks for, so that none goes while all are at work.
  var autoscaler: Document {
    let metrics: [Document] = ["running", "waiting"].map { what in
      [
        "type": "Pods",
        "pods": [
          "metric": ["name": .text("bentoml_service_work_" + what)],
          "target": ["type": "AverageValue", "averageValue": "1"],
        ],
      ]
    }
    return .only(
      scales(),
      .only(
        holds(prometheus == nil, "not .Values.kedaPrometheus"),
        [
          "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
          "metadata": metadata(),
          "spec": [
            "scaleTargetRef": scaledKind, "minReplicas": value("replicas", .number(replicas)),
            "maxReplicas": value("maxReplicas", .number(maximumReplicas)),
            "metrics": .list(metrics), "behavior": behavior,
          ],
        ]
      )
    )
  }

  /// The same by KEDA, which asks Prometheus itself: a server for each clip that is made or waits.
  var scaledObject: Document {
    .only(
      scales(),
      .only(
        holds(prometheus != nil, ".Values.kedaPrometheus"),
        [
          "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata(),
          "spec": [
            "scaleTargetRef": scaledKind,
            "minReplicaCount": value("replicas", .number(replicas)),
            "maxReplicaCount": value("maxReplicas", .number(maximumReplicas)),
            "advanced": ["horizontalPodAutoscalerConfig": ["behavior": behavior]],
            "triggers": [
              [
                "type": "prometheus", "metricType": "AverageValue",
                "metadata": [
                  "serverAddress": value("kedaPrometheus", .text(prometheus ?? "")),
                  "query": query, "threshold": "1",
                  // Nothing to be seen is not nothing to do.
                  "ignoreNullValues": "false",
                ],
              ]
            ],
          ],
        ]
      )
    )
  }

  /// All work of the release's pods, by the labels that Prometheus gives what it finds in a cluster.
  private var query: Document {
    let release = form == .chart ? "{{ .Release.Name }}" : bundleName
    let suffix = storage.isKept ? "-[0-9]+" : "-[a-z0-9]+-[a-z0-9]+"
    var labels = ["pod=~\"\(release)\(suffix)\""]
    if form == .chart { labels.append("namespace=\"{{ .Release.Namespace }}\"") }
    if let namespace { labels.append("namespace=\"\(namespace)\"") }
    let sums = ["running", "waiting"].map {
      "sum(bentoml_service_work_\($0){\(labels.joined(separator: ","))})"
    }
    let text = sums.joined(separator: " + ")
    return form == .chart ? .template("'\(text)'") : .text(text)
  }
}
