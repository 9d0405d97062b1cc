// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import NIOCore

/// What a path leads to.
enum Route: Sendable {
  /// Whether the server runs, or can take work.
  case probe(isReadiness: Bool)
  /// Something that is the same for as long as the server runs.
  case document(Document)
  /// What the server has counted.
  case metrics
  /// One of the service's endpoints, or its tasks.
  case endpoint(RegisteredEndpoint, TaskAction?)
  /// What the service does beside them, each for a method of its own.
  case operations([HTTPOperation])

  /// The paths that every service has.
  static let infrastructure =
    [
      "/", "/livez", "/readyz", "/healthz", "/schema.json", "/docs.json", "/metrics",
    ] + Page.paths

  /// Whether it says nothing of how much the service is used.
  var isProbe: Bool {
    if case .probe = self { true } else { false }
  }

  /// Whether it costs something, or tells something of how the service is used.
  func needsKey(for method: HTTPRequest.Method) -> Bool {
    switch self {
    case .probe, .document: false
    case .metrics, .endpoint: true
    case .operations: operation(for: method)?.needsKey ?? true
    }
  }

  /// The operation that a method asks for, if there is one.
  func operation(for method: HTTPRequest.Method) -> HTTPOperation? {
    guard case .operations(let operations) = self else { return nil }
    let wanted = method == .head ? HTTPRequest.Method.get : method
    return operations.first { $0.method.rawValue == wanted.rawValue }
  }

  /// How refusals are written.
  var envelope: ErrorEnvelope? {
    guard case .operations(let operations) = self else { return nil }
    return operations.lazy.compactMap(\.envelope).first
  }

  /// The methods that the path takes.
  var methods: [HTTPRequest.Method] {
    switch self {
    case .probe, .document, .metrics: [.get, .head]
    case .endpoint(_, let task): task?.methods ?? [.post]
    case .operations(let operations):
      operations.flatMap { operation -> [HTTPRequest.Method] in
        switch operation.method {
        case .get: [.get, .head]
        case .post: [.post]
        case .put: [.put]
        case .patch: [.patch]
        case .delete: [.delete]
        }
      }
    }
  }
}

/// A body that is made once.
struct Document: Sendable {
  let body: ByteBuffer
  let headers: HTTPFields

  init(_ text: String, type: String, headers: HTTPFields = [:]) {
    self.body = ByteBuffer(string: text)
    var headers = headers
    headers[.contentType] = type
    self.headers = headers
  }
}

extension Service {
  /// Everything that the service answers to, by path.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if two things have one path.
  var routes: RouteTable {
    get throws(ServingError) { try RouteTable(exact: exactRoutes, operations: operations) }
  }

  private var exactRoutes: [String: Route] {
    var routes: [String: Route] = [
      "/schema.json": .document(Document(schema.text, type: "application/json")),
      "/docs.json": .document(Document(openAPI.text, type: "application/json")),
      "/livez": .probe(isReadiness: false),
      "/healthz": .probe(isReadiness: false),
      "/readyz": .probe(isReadiness: true),
      "/metrics": .metrics,
    ]
    for (path, document) in Page.documents(for: self) { routes[path] = .document(document) }
    for endpoint in endpoints {
      routes[endpoint.path] = .endpoint(endpoint, nil)
      for task in TaskAction.allCases where endpoint.takesTasks {
        routes["\(endpoint.path)/\(task.rawValue)"] = .endpoint(endpoint, task)
      }
    }
    return routes
  }
}
