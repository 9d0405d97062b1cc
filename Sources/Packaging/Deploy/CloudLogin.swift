// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The file in which `bentoml` keeps who is logged in where: `.yatai.yaml` in its home.
package struct CloudLogin {
  private struct Context {
    var name: String
    var endpoint: String
    var token: String
    var email: String?
  }

  private let path: String
  private var contexts: [Context] = []

  /// Reads the file, if there is one.
  ///
  /// - Parameter home: BentoML's folder, `~/.bentoml`.
  /// - Throws: ``PackagingError`` with `invalidFile` for a file that is not BentoML's.
  package init(home: String) throws(PackagingError) {
    path = home + "/.yatai.yaml"
    try Files.makeFolder(home)
    guard Files.kind(path) != nil else { return }
    let fields = try YAMLFields(
      try YAMLTree(path: path),
      path: path,
      names: ["contexts", "current_context_name"]
    )
    for context in try fields.list("contexts", names: ["name", "endpoint", "api_token", "email"]) {
      guard let name = try context.text("name"), let endpoint = try context.text("endpoint"),
        let token = try context.text("api_token")
      else { throw context.wrong(nil, "\(context.place)name, endpoint or api_token is missing") }
      contexts.append(
        Context(name: name, endpoint: endpoint, token: token, email: try context.text("email"))
      )
    }
  }

  /// Keeps a token under a name, which is then the current one.
  ///
  /// The file can be read by its owner alone.
  ///
  /// - Parameters:
  ///   - name: What others call it.
  ///   - endpoint: The address.
  ///   - token: The secret.
  /// - Throws: ``PackagingError`` with `invalidValue` or `fileSystem`.
  package mutating func store(
    name: String,
    endpoint: String,
    token: String
  ) throws(PackagingError) {
    guard endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://") else {
      throw PackagingError(.invalidValue, "the endpoint \(endpoint) is not an http address")
    }
    guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw PackagingError(.invalidValue, "the token must be one word")
    }
    contexts.removeAll { $0.name == name }
    contexts.append(Context(name: name, endpoint: endpoint, token: token))
    let document: Document = [
      "contexts": .list(
        contexts.map { context in
          var pairs: [(String, Document)] = [
            ("name", .text(context.name)), ("endpoint", .text(context.endpoint)),
            ("api_token", .text(context.token)),
          ]
          if let email = context.email { pairs.append(("email", .text(email))) }
          return .mapping(pairs)
        }
      ),
      "current_context_name": .text(name),
    ]
    try Files.write(Array(document.text.utf8), to: path, mode: 0o600)
  }
}
