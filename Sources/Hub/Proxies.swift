// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// Through whom addresses are reached, as the variables say that most programs read.
package struct Proxies: Sendable, Equatable {
  /// One proxy.
  package struct Proxy: Sendable, Equatable {
    /// Its name or address.
    package let host: String
    /// Its port.
    package let port: Int
    /// Who asks it, if it wants to know.
    package let user: String?
    /// The user's password.
    package let password: String?
  }

  /// By the scheme of the address: `http` or `https`.
  package private(set) var byScheme: [String: Proxy] = [:]
  private var exceptions: [String] = []

  /// None.
  package init() {}

  /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
  ///
  /// - Parameter environment: The variables.
  /// - Throws: ``HubError`` with code `invalidValue` for a proxy that is no `http://HOST:PORT`.
  package init(environment: [String: String]) throws(HubError) {
    func value(_ name: String) -> (name: String, text: String)? {
      for name in [name.lowercased(), name] {
        if let text = environment[name], !text.isEmpty { return (name, text) }
      }
      return nil
    }
    for scheme in ["http", "https"] {
      guard let (name, text) = value("\(scheme.uppercased())_PROXY") ?? value("ALL_PROXY") else {
        continue
      }
      byScheme[scheme] = try Self.parse(name, text)
    }
    exceptions = (value("NO_PROXY")?.text ?? "").split { $0 == "," || $0.isWhitespace }
      .map { $0.lowercased() }
  }

  private static func parse(_ name: String, _ text: String) throws(HubError) -> Proxy {
    let address = text.contains("://") ? text : "http://" + text
    // The value may hold a password: it is not repeated.
    guard let url = URL(string: address), url.scheme?.lowercased() == "http",
      let host = url.host(), !host.isEmpty
    else {
      throw HubError(.invalidValue, "\(name) is not http://HOST:PORT, the only kind of proxy taken")
    }
    return Proxy(
      host: host,
      port: url.port ?? 80,
      user: url.user(percentEncoded: false),
      password: url.password(percentEncoded: false)
    )
  }

  /// The proxy for an address; nil for none.
  func proxy(for origin: Origin) -> Proxy? {
    let isExcepted = exceptions.contains { exception in
      if exception == "*" { return true }
      var name = exception[...]
      if let colon = name.lastIndex(of: ":"), let port = Int(name[name.index(after: colon)...]) {
        guard port == origin.port else { return false }
        name = name[..<colon]
      }
      while name.hasPrefix(".") || name.hasPrefix("*") { name = name.dropFirst() }
      return origin.host == name || origin.host.hasSuffix(".\(name)")
    }
    return isExcepted ? nil : byScheme[origin.scheme]
  }
}
