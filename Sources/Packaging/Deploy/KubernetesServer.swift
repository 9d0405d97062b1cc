// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

// The servers themselves: their pods, and what these keep.

extension KubernetesManifests {

  /// The kind of what runs the pods.
  var serverKind: Document { storage.isKept ? "StatefulSet" : "Deployment" }

  /// What runs the pods.
  ///
  /// A store belongs to one server. A StatefulSet gives each pod a claim of its own, and never runs two
  /// pods of one name, so that none finds its store locked: not while a new version comes, and not
  /// while a node is lost. Without a claim, a Deployment is all that it takes.
  var server: Document {
    var spec: [(String, Document)] = [
      // What scales sets it, and would be set back here each time that this is applied.
      ("replicas", .only(scales(false), value("replicas", .number(replicas)))),
      ("selector", ["matchLabels": selector]),
    ]
    if storage.isKept {
      spec += [
        ("serviceName", name("-servers")),
        // They do not wait for each other, and one that is broken does not keep its repair away.
        ("podManagementPolicy", "Parallel"), ("updateStrategy", ["type": "RollingUpdate"]),
        // A server that is scaled away left jobs there, which it makes when it is back.
        (
          "persistentVolumeClaimRetentionPolicy",
          ["whenDeleted": "Retain", "whenScaled": "Retain"]
        ), ("template", pod),
        ("volumeClaimTemplates", .list(claims)),
      ]
    } else {
      let hasGPU = bundle.manifest.resources.gpu > 0
      spec += [
        (
          "strategy",
          [
            "type": "RollingUpdate",
            // A second one beside it would want a GPU of its own.
            "rollingUpdate": [
              "maxSurge": .number(hasGPU ? 0 : 1), "maxUnavailable": .number(hasGPU ? 1 : 0),
            ],
          ]
        ), ("template", pod),
      ]
    }
    return [
      "apiVersion": "apps/v1", "kind": serverKind, "metadata": metadata(), "spec": .mapping(spec),
    ]
  }

  /// Each server's own volumes.
  private var claims: [Document] {
    let jobs = claim("jobs", value("storage", .text(storageSize)))
    guard pullsModel else { return [jobs] }
    return [jobs, claim("models", value("modelStorage", .text(modelStorage)))]
  }

  /// It cannot be changed later, so nothing is in it that another version changes.
  private func claim(_ name: String, _ size: Document) -> Document {
    [
      "metadata": ["name": .text(name), "labels": selector],
      "spec": [
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": .only(
          holds(storage.className != nil, ".Values.storageClass"),
          value("storageClass", .text(storage.className ?? ""))
        ), "resources": ["requests": ["storage": size]],
      ],
    ]
  }

  private var pod: Document {
    let manifest = bundle.manifest
    let user = manifest.image.user
    return [
      "metadata": [
        "labels": [
          "app.kubernetes.io/name": .text(bundleName), "app.kubernetes.io/instance": name(),
          "app.kubernetes.io/version": .text(bundle.version),
        ],
        "annotations": [
          "prometheus.io/scrape": "true", "prometheus.io/port": .text(String(port)),
          "prometheus.io/path": "/metrics",
        ],
      ],
      "spec": [
        "automountServiceAccountToken": false, "enableServiceLinks": false,
        // What runs may end, and its clip be sent.
        "terminationGracePeriodSeconds": .number(number("grace", 30) + 15),
        "securityContext": [
          "runAsNonRoot": true, "runAsUser": .number(user), "runAsGroup": .number(user),
          "fsGroup": .number(user),
          // There may be many clips, which belong to it already.
          "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": ["type": "RuntimeDefault"],
        ],
        "imagePullSecrets": .only(
          holds(pullSecret != nil, ".Values.pullSecret"),
          [["name": value("pullSecret", .text(pullSecret ?? ""))]]
        ),
        "nodeSelector": .only(
          holds(manifest.resources.gpuType != nil, ".Values.nodeSelector"),
          value("nodeSelector", nodeSelector)
        ),
        "tolerations": .only(
          holds(manifest.resources.gpu > 0, ".Values.tolerations"),
          value("tolerations", tolerations)
        ), "containers": [container], "volumes": .list(volumes.map(\.volume)),
      ],
    ]
  }

  var nodeSelector: Document {
    bundle.manifest.resources.gpuType.map { ["nvidia.com/gpu.product": .text($0)] } ?? [:]
  }

  var tolerations: Document {
    bundle.manifest.resources.gpu > 0
      ? [["key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"]] : []
  }

  /// What a server needs of a node.
  var resources: Document {
    let resources = bundle.manifest.resources
    var limits: [String: String] = [:]
    if resources.gpu > 0 { limits["nvidia.com/gpu"] = String(resources.gpu) }
    limits["memory"] = resources.memory
    var requests = limits
    requests["cpu"] = resources.cpu
    return ["requests": Document(requests), "limits": Document(limits)]
  }

  private var container: Document {
    func probe(_ path: String, _ period: Int, _ failures: Int) -> Document {
      [
        "httpGet": ["path": .text(path), "port": "http"], "periodSeconds": .number(period),
        "timeoutSeconds": 5, "failureThreshold": .number(failures),
      ]
    }
    return [
      "name": "server", "image": value("image", .text(image)),
      "ports": [["name": "http", "containerPort": .number(port)]],
      "env": environment,
      // It answers as soon as the port is open, which is before the model is loaded.
      "startupProbe": probe("/livez", 1, 60), "livenessProbe": probe("/livez", 10, 3),
      "readinessProbe": probe("/readyz", 5, 1), "resources": value("resources", resources),
      "securityContext": [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": ["drop": ["ALL"]],
      ], "volumeMounts": .list(volumes.map(\.mount)),
    ]
  }

  private var hasKeys: Document.Condition { holds(keysSecret != nil, ".Values.keysSecret") }

  private var environment: Document {
    let keys: Document = [
      "name": "ZOETROPE_API_KEYS", "value": "/etc/zoetrope/keys/keys.txt",
    ]
    guard pullsModel else { return .only(hasKeys, [keys]) }
    let token: Document = [
      "name": "HF_TOKEN",
      "valueFrom": [
        "secretKeyRef": ["name": value("hubSecret", .text(hubSecret ?? "")), "key": "token"]
      ],
    ]
    return .only(
      holds(keysSecret != nil || hubSecret != nil, "or .Values.keysSecret .Values.hubSecret"),
      [
        .only(hasKeys, keys),
        .only(holds(hubSecret != nil, ".Values.hubSecret"), token),
      ]
    )
  }

  private var volumes: [(volume: Document, mount: Document)] {
    var volumes: [(volume: Document, mount: Document)] = [
      // Uploads and clips while they are worked on, and kernels as compiled for the card.
      (["name": "tmp", "emptyDir": ["sizeLimit": "8Gi"]], ["name": "tmp", "mountPath": "/tmp"])
    ]
    // A claim's volume comes with its template.
    func kept(_ name: String, _ size: Document, at place: String) {
      volumes.append(
        (
          .only(
            .known(!storage.isKept),
            ["name": .text(name), "emptyDir": ["sizeLimit": size]]
          ), ["name": .text(name), "mountPath": .text("/" + place)]
        )
      )
    }
    kept("jobs", value("storage", .text(storageSize)), at: ImageContents.store)
    if pullsModel {
      kept("models", value("modelStorage", .text(modelStorage)), at: ImageContents.cache)
    }
    if needsVolume {
      volumes.append(
        (
          ["name": "models", "persistentVolumeClaim": ["claimName": name("-models")]],
          ["name": "models", "mountPath": "/opt/zoetrope/models", "readOnly": true]
        )
      )
    }
    volumes.append(
      (
        .only(
          hasKeys,
          [
            "name": "keys",
            "secret": ["secretName": value("keysSecret", .text(keysSecret ?? ""))],
          ]
        ),
        .only(hasKeys, ["name": "keys", "mountPath": "/etc/zoetrope/keys", "readOnly": true])
      )
    )
    return volumes
  }

  /// Models that are not part of the image.
  var volumeClaim: Document {
    let mode: Document =
      if case .template(let several) = areSeveral {
        .template("{{ ternary \"ReadOnlyMany\" \"ReadWriteOnce\" (\(several)) }}")
      } else {
        maximumReplicas > 1 ? "ReadOnlyMany" : "ReadWriteOnce"
      }
    return [
      "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata("-models"),
      "spec": [
        "accessModes": [mode],
        "resources": ["requests": ["storage": value("modelStorage", .text(modelStorage))]],
      ],
    ]
  }
}
