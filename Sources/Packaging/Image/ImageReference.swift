// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The name of an image in a registry, as `registry.example/team/name:tag`.
package struct ImageReference: Sendable, Equatable, CustomStringConvertible {
  /// The registry's host, with its port if it has one.
  package let host: String
  package let repository: String
  /// A tag, or a digest.
  package let version: String

  /// Reads a reference as Docker writes it: without a host it is Docker Hub's, without a version
  /// `latest`.
  ///
  /// - Parameter text: The reference.
  /// - Throws: ``PackagingError`` with `invalidValue`.
  package init(_ text: String) throws(PackagingError) {
    func wrong() -> PackagingError {
      PackagingError(
        .invalidValue,
        "\"\(text)\" does not name an image: write registry.example/team/name:tag"
      )
    }
    var rest = text[...]
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      digest = Digest(rest[rest.index(after: at)...])
      guard digest != nil else { throw wrong() }
      rest = rest[..<at]
    }
    var tag = "latest"
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    var parts = rest.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    if let first = parts.first, parts.count > 1,
      first.contains(".") || first.contains(":") || first == "localhost"
    {
      host = first == "docker.io" ? "registry-1.docker.io" : first
      parts.removeFirst()
    } else {
      host = "registry-1.docker.io"
    }
    if host == "registry-1.docker.io", parts.count == 1 { parts.insert("library", at: 0) }
    let hostLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]"
    let tagLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
    guard host.lowercased().allSatisfy({ hostLetters.contains($0) }), !parts.isEmpty,
      parts.allSatisfy(Names.isName), (1...128).contains(tag.utf8.count),
      tag.allSatisfy({ tagLetters.contains($0) }), tag.first != ".", tag.first != "-"
    else { throw wrong() }
    repository = parts.joined(separator: "/")
    version = digest?.description ?? tag
  }

  package var description: String {
    "\(host)/\(repository)\(version.contains(":") ? "@" : ":")\(version)"
  }

  /// Whether it is on this machine, where registries are spoken to without TLS.
  var isLocal: Bool {
    let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } : host.prefix { $0 != ":" }
    return name == "localhost" || name.hasPrefix("127.") || name == "[::1"
  }
}
