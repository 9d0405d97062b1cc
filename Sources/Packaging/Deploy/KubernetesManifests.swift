// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// What Kubernetes is told to run a bundle's image.
package struct KubernetesManifests {
  private let bundle: BundleStore.Entry
  private let image: String
  /// The namespace; nil for the one that is current.
  package var namespace: String?
  package var replicas = 1
  /// The most replicas; with more than ``replicas`` they follow the length of the queue.
  package var maximumReplicas = 1
  /// The name of a Secret whose `keys.txt` holds the hashes of API keys.
  package var keysSecret: String?
  /// How much room models that are not part of the image get.
  package var modelStorage = "20Gi"

  /// - Parameters:
  ///   - bundle: What runs.
  ///   - image: The name of its image in a registry.
  package init(_ bundle: BundleStore.Entry, image: String) {
    self.bundle = bundle
    self.image = image
  }

  /// The manifests, as documents of one YAML file.
  ///
  /// - Throws: ``PackagingError`` with `invalidValue` for names that Kubernetes does not take.
  package func text() throws(PackagingError) -> String {
    for (what, name) in [("namespace", namespace), ("secret", keysSecret)] {
      if let name, !Self.isName(name) {
        throw PackagingError(.invalidValue, "the \(what) \"\(name)\" is no name to Kubernetes")
      }
    }
    guard Self.isName(name) else {
      throw PackagingError(
        .invalidValue,
        "\"\(name)\" is no name to Kubernetes: letters, digits and -, 50 at most, the first a letter"
      )
    }
    _ = try ImageReference(image)
    var documents = [deployment, service, networkPolicy, disruptionBudget]
    if needsVolume { documents.append(volumeClaim) }
    if maximumReplicas > replicas { documents.append(autoscaler) }
    return documents.map(\.text).joined(separator: "---\n")
  }

  /// The bundle's name as Kubernetes writes names.
  private var name: String {
    bundle.name.replacing("_", with: "-").replacing(".", with: "-")
  }

  private static func isName(_ text: String) -> Bool {
    let letters = "abcdefghijklmnopqrstuvwxyz"
    return text.utf8.count <= 50 && text.first.map { letters.contains($0) } == true
      && text.last != "-" && text.allSatisfy { (letters + "0123456789-").contains($0) }
  }

  private var needsVolume: Bool { bundle.manifest.models.contains { $0.files.isEmpty } }

  private var port: Int { bundle.manifest.settings["port"]?.first.flatMap { Int($0) } ?? 3000 }

  private func seconds(_ name: String, _ normally: Int) -> Int {
    bundle.manifest.settings[name]?.first.flatMap { Int($0) } ?? normally
  }

  private var selector: Document { ["app.kubernetes.io/name": .text(name)] }

  private func metadata(_ suffix: String = "") -> Document {
    var pairs: [(String, Document)] = [("name", .text(name + suffix))]
    if let namespace { pairs.append(("namespace", .text(namespace))) }
    pairs.append(
      (
        "labels",
        [
          "app.kubernetes.io/name": .text(name),
          "app.kubernetes.io/version": .text(bundle.version),
          "app.kubernetes.io/managed-by": "zoetrope",
        ]
      )
    )
    return .mapping(pairs)
  }

  private var deployment: Document {
    let manifest = bundle.manifest
    var podSpec: [(String, Document)] = [
      ("automountServiceAccountToken", false), ("enableServiceLinks", false),
      // What runs may end, and its clip be sent.
      ("terminationGracePeriodSeconds", .number(seconds("grace", 30) + 15)),
      (
        "securityContext",
        [
          "runAsNonRoot": true, "runAsUser": .number(manifest.image.user),
          "runAsGroup": .number(manifest.image.user), "fsGroup": .number(manifest.image.user),
          "seccompProfile": ["type": "RuntimeDefault"],
        ]
      ),
    ]
    if let type = manifest.resources.gpuType {
      podSpec.append(("nodeSelector", ["nvidia.com/gpu.product": .text(type)]))
    }
    if manifest.resources.gpu > 0 {
      podSpec.append(
        ("tolerations", [["key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"]])
      )
    }
    podSpec.append(("containers", [container]))
    podSpec.append(("volumes", .list(volumes.map(\.volume))))
    return [
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(),
      "spec": [
        "replicas": .number(replicas), "selector": ["matchLabels": selector],
        // A second one beside it would want a GPU of its own.
        "strategy": [
          "type": "RollingUpdate",
          "rollingUpdate": [
            "maxSurge": .number(manifest.resources.gpu > 0 ? 0 : 1),
            "maxUnavailable": .number(manifest.resources.gpu > 0 ? 1 : 0),
          ],
        ],
        "template": [
          "metadata": [
            "labels": [
              "app.kubernetes.io/name": .text(name),
              "app.kubernetes.io/version": .text(bundle.version),
            ],
            "annotations": [
              "prometheus.io/scrape": "true", "prometheus.io/port": .text(String(port)),
              "prometheus.io/path": "/metrics",
            ],
          ],
          "spec": .mapping(podSpec),
        ],
      ],
    ]
  }

  private var container: Document {
    let resources = bundle.manifest.resources
    var limits: [String: String] = [:]
    if resources.gpu > 0 { limits["nvidia.com/gpu"] = String(resources.gpu) }
    limits["memory"] = resources.memory
    var requests = limits
    requests["cpu"] = resources.cpu
    func probe(_ path: String, _ period: Int, _ failures: Int) -> Document {
      [
        "httpGet": ["path": .text(path), "port": "http"], "periodSeconds": .number(period),
        "timeoutSeconds": 5, "failureThreshold": .number(failures),
      ]
    }
    var pairs: [(String, Document)] = [
      ("name", "server"), ("image", .text(image)),
      ("ports", [["name": "http", "containerPort": .number(port)]]),
    ]
    if keysSecret != nil {
      pairs.append(
        ("env", [["name": "ZOETROPE_API_KEYS", "value": "/etc/zoetrope/keys/keys.txt"]])
      )
    }
    pairs += [
      // It answers as soon as the port is open, which is before the model is loaded.
      ("startupProbe", probe("/livez", 1, 60)), ("livenessProbe", probe("/livez", 10, 3)),
      ("readinessProbe", probe("/readyz", 5, 1)),
      ("resources", ["requests": Document(requests), "limits": Document(limits)]),
      (
        "securityContext",
        [
          "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
          "capabilities": ["drop": ["ALL"]],
        ]
      ),
      ("volumeMounts", .list(volumes.map(\.mount))),
    ]
    return .mapping(pairs)
  }

  private var volumes: [(volume: Document, mount: Document)] {
    var volumes: [(volume: Document, mount: Document)] = [
      // Uploads and clips while they are worked on, and kernels as compiled for the card.
      (["name": "tmp", "emptyDir": ["sizeLimit": "8Gi"]], ["name": "tmp", "mountPath": "/tmp"]),
      // The jobs, which outlive a server that crashes, and go with its pod: each pod has its own.
      (["name": "jobs", "emptyDir": [:]], ["name": "jobs", "mountPath": "/var/lib/zoetrope"]),
    ]
    if needsVolume {
      volumes.append(
        (
          ["name": "models", "persistentVolumeClaim": ["claimName": .text(name + "-models")]],
          ["name": "models", "mountPath": "/opt/zoetrope/models", "readOnly": true]
        )
      )
    }
    if let keysSecret {
      volumes.append(
        (
          ["name": "keys", "secret": ["secretName": .text(keysSecret)]],
          ["name": "keys", "mountPath": "/etc/zoetrope/keys", "readOnly": true]
        )
      )
    }
    return volumes
  }

  private var service: Document {
    [
      "apiVersion": "v1", "kind": "Service", "metadata": metadata(),
      "spec": [
        "selector": selector,
        "ports": [["name": "http", "port": .number(port), "targetPort": "http"]],
      ],
    ]
  }

  /// The server calls nobody, so nothing goes out.
  private var networkPolicy: Document {
    [
      "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(),
      "spec": [
        "podSelector": ["matchLabels": selector], "policyTypes": ["Ingress", "Egress"],
        "ingress": [["ports": [["protocol": "TCP", "port": "http"]]]], "egress": [],
      ],
    ]
  }

  private var disruptionBudget: Document {
    [
      "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(),
      "spec": ["maxUnavailable": 1, "selector": ["matchLabels": selector]],
    ]
  }

  private var volumeClaim: Document {
    [
      "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata("-models"),
      "spec": [
        "accessModes": [maximumReplicas > 1 ? "ReadOnlyMany" : "ReadWriteOnce"],
        "resources": ["requests": ["storage": .text(modelStorage)]],
      ],
    ]
  }

  /// By how many wait for each server, which Prometheus' adapter hands to Kubernetes.
  private var autoscaler: Document {
    [
      "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata(),
      "spec": [
        "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": .text(name)],
        "minReplicas": .number(replicas), "maxReplicas": .number(maximumReplicas),
        "metrics": [
          [
            "type": "Pods",
            "pods": [
              "metric": ["name": "bentoml_service_work_waiting"],
              "target": ["type": "AverageValue", "averageValue": "1"],
            ],
          ]
        ],
        // A clip takes minutes: what is idle now may be wanted in the next.
        "behavior": ["scaleDown": ["stabilizationWindowSeconds": 600]],
      ],
    ]
  }
}
