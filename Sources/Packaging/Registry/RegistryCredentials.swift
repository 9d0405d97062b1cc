// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// Who asks a registry.
package struct RegistryCredentials: Sendable, Equatable {
  package let user: String
  package let password: String

  package init(user: String, password: String) {
    self.user = user
    self.password = password
  }

  /// What HTTP's basic authentication sends.
  var basic: String { "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }

  /// What the environment says (`ZOETROPE_REGISTRY_USER`, `ZOETROPE_REGISTRY_PASSWORD`), else what
  /// `docker login`, `podman login` or `skopeo login` left in a file.
  ///
  /// - Parameters:
  ///   - host: The registry.
  ///   - environment: The variables.
  /// - Returns: The credentials; nil if nobody left any.
  /// - Throws: ``PackagingError`` with `damaged` for a file that is not theirs.
  package static func find(
    host: String,
    environment: [String: String]
  ) throws(PackagingError) -> RegistryCredentials? {
    if let user = environment["ZOETROPE_REGISTRY_USER"],
      let password = environment["ZOETROPE_REGISTRY_PASSWORD"]
    {
      return RegistryCredentials(user: user, password: password)
    }
    struct File: Decodable {
      struct Entry: Decodable {
        let auth: String?
      }
      let auths: [String: Entry]?
    }
    let paths = [
      environment["REGISTRY_AUTH_FILE"],
      environment["DOCKER_CONFIG"].map { $0 + "/config.json" },
      environment["XDG_RUNTIME_DIR"].map { $0 + "/containers/auth.json" },
      environment["HOME"].map { $0 + "/.docker/config.json" },
    ]
    for path in paths.compactMap(\.self) where Files.kind(path) != nil {
      let file = try decoded(try Files.read(path, limit: 1 << 20), as: File.self, from: path)
      let names =
        host == "registry-1.docker.io" ? ["https://index.docker.io/v1/", "docker.io"] : [host]
      for name in names {
        guard let auth = file.auths?[name]?.auth, let data = Data(base64Encoded: auth) else {
          continue
        }
        let pair = String(decoding: data, as: UTF8.self)
          .split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard pair.count == 2 else { continue }
        return RegistryCredentials(user: String(pair[0]), password: String(pair[1]))
      }
    }
    return nil
  }
}

/// What a registry asks for before it answers: the value of `WWW-Authenticate`.
struct RegistryChallenge: Equatable {
  /// In small letters: `basic` or `bearer`.
  let scheme: String
  private(set) var parameters: [String: String] = [:]

  /// - Parameter text: The field's value.
  init?(_ text: String) {
    let parts = text.split(separator: " ", maxSplits: 1)
    guard let scheme = parts.first else { return nil }
    self.scheme = scheme.lowercased()
    var rest = parts.count == 2 ? parts[1] : ""
    while let equals = rest.firstIndex(of: "=") {
      let name = rest[..<equals].drop { $0 == "," || $0 == " " }.lowercased()
      rest = rest[rest.index(after: equals)...]
      let isQuoted = rest.first == "\""
      if isQuoted { rest.removeFirst() }
      let end = rest.firstIndex(of: isQuoted ? "\"" : ",") ?? rest.endIndex
      parameters[name] = String(rest[..<end])
      rest = rest[end...].dropFirst()
    }
  }
}
