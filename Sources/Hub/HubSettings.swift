// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// Where models come from and are kept, and with what patience.
package struct HubSettings: Sendable {
  /// The address of the Hub, without a slash at its end.
  package var endpoint = "https://huggingface.co"
  /// The folder that holds a folder for each repository.
  package var cache: String
  /// Who asks; sent to the Hub alone.
  package var token: String?
  /// Whether nothing may be asked of anyone.
  package var isOffline = false
  /// Through whom addresses are reached.
  package var proxies = Proxies()
  /// How many connections bring bytes at the same time.
  package var connections = 8
  /// How many bytes one request brings.
  package var pieceSize = 16 << 20
  /// How long a connection may bring nothing.
  package var patience = Duration.seconds(60)
  /// How often something is tried that gets no further.
  package var attempts = 8
  /// What waiting is measured with.
  package var clock: any Clock<Duration> = ContinuousClock()
  /// How many bytes there is room for in the file system of a folder; nil if that is not known.
  package var freeSpace: @Sendable (String) -> Int? = { Files.freeSpace($0) }

  /// Settings that leave all but the cache as it is for everyone.
  ///
  /// - Parameter cache: The folder that holds a folder for each repository.
  package init(cache: String) { self.cache = cache }

  /// Reads the variables that the Hub's own tools read.
  ///
  /// - Parameters:
  ///   - environment: The variables.
  ///   - token: A token that goes before those of variables and file.
  /// - Throws: ``HubError`` with code `invalidValue` if there is no folder for the cache, or an address
  ///   is none.
  package init(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    token: String? = nil
  ) throws(HubError) {
    func value(_ names: String...) -> String? {
      names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    func path(_ text: String) -> String {
      guard text == "~" || text.hasPrefix("~/"), let home = value("HOME") else { return text }
      return home + text.dropFirst()
    }
    func isTrue(_ text: String?) -> Bool {
      ["1", "ON", "YES", "TRUE"].contains(text?.uppercased() ?? "")
    }
    let general = value("XDG_CACHE_HOME") ?? value("HOME").map { $0 + "/.cache" }
    let home = value("HF_HOME").map(path) ?? general.map { path($0) + "/huggingface" }
    let cache = value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE").map(path) ?? home.map { $0 + "/hub" }
    guard var cache else {
      throw HubError(.invalidValue, "where are models kept? set HF_HOME, HF_HUB_CACHE or HOME")
    }
    while cache.count > 1, cache.hasSuffix("/") { cache.removeLast() }
    self.cache = cache
    if var endpoint = value("HF_ENDPOINT") {
      while endpoint.hasSuffix("/") { endpoint.removeLast() }
      guard Origin(endpoint) != nil else {
        throw HubError(.invalidValue, "HF_ENDPOINT \(printable(endpoint)) is not an address")
      }
      self.endpoint = endpoint
    }
    isOffline = isTrue(value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    let file = value("HF_TOKEN_PATH").map(path) ?? home.map { $0 + "/token" }
    let candidates = [
      token, value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
      file.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) },
    ]
    self.token = candidates.lazy.compactMap { $0?.filter { !$0.isWhitespace } }
      .first { !$0.isEmpty }
    proxies = try Proxies(environment: environment)
  }
}

/// What a token may be sent to: scheme, host and port of an address.
struct Origin: Equatable {
  let scheme: String
  let host: String
  let port: Int

  /// - Parameter address: An absolute address.
  init?(_ address: String) {
    guard let url = URL(string: address), let host = url.host(), !host.isEmpty,
      let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme)
    else { return nil }
    self.scheme = scheme
    self.host = host.lowercased()
    port = url.port ?? (scheme == "https" ? 443 : 80)
  }
}
