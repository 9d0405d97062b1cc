// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The JSON documents of the OCI image specification, with the one field of Docker's that it lacks.

/// The kinds of things that an image is made of.
package enum MediaType {
  static let index = "application/vnd.oci.image.index.v1+json"
  static let manifest = "application/vnd.oci.image.manifest.v1+json"
  static let config = "application/vnd.oci.image.config.v1+json"
  static let layer = "application/vnd.oci.image.layer.v1.tar"
  static let compressedLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
  static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

  /// OCI's name for a kind of layer that Docker has named too: the bytes are the same.
  static func asOCI(_ type: String) -> String {
    switch type {
    case "application/vnd.docker.image.rootfs.diff.tar.gzip": compressedLayer
    case "application/vnd.docker.image.rootfs.diff.tar": layer
    default: type
    }
  }
}

/// Something that is kept by its digest.
package struct Descriptor: Codable, Equatable, Sendable {
  struct Platform: Codable, Equatable, Sendable {
    var architecture: String
    var os: String
  }

  var mediaType: String
  package var digest: Digest
  package var size: Int
  var annotations: [String: String]?
  var platform: Platform?
}

/// What an image consists of.
package struct ImageManifest: Codable, Equatable, Sendable {
  var schemaVersion = 2
  var mediaType: String? = MediaType.manifest
  var config: Descriptor
  package var layers: [Descriptor]
  var annotations: [String: String]?
}

/// Several images under one name.
struct ImageIndex: Codable {
  var schemaVersion = 2
  var mediaType: String? = MediaType.index
  var manifests: [Descriptor]
}

/// How an image is run.
struct ImageConfig: Codable {
  struct Healthcheck: Codable {
    var Test: [String]
    /// In nanoseconds, as the following.
    var Interval: Int
    var Timeout: Int
    var StartPeriod: Int
    var Retries: Int
  }

  struct Empty: Codable {}

  struct Run: Codable {
    var User: String?
    var ExposedPorts: [String: Empty]?
    var Volumes: [String: Empty]?
    var Env: [String]?
    var Entrypoint: [String]?
    var Cmd: [String]?
    var WorkingDir: String?
    var Labels: [String: String]?
    var StopSignal: String?
    var Healthcheck: Healthcheck?
  }

  struct RootFilesystem: Codable {
    var type = "layers"
    var diff_ids: [Digest] = []
  }

  struct History: Codable {
    var created: String?
    var created_by: String?
    var comment: String?
    var empty_layer: Bool?
  }

  var created: String?
  var architecture: String
  var os: String
  var config: Run?
  var rootfs: RootFilesystem
  var history: [History]?
}
