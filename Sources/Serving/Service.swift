// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// A set of endpoints that share a queue, limits and a name.
///
/// ```swift
/// let service = try Service("StableDiffusionVideo", product: "Zoetrope/1.0") {
///   GenerateClip(generator: engine)
/// }
/// ```
public struct Service: Sendable {
  /// The service's name: letters, digits, hyphens and underscores.
  public let name: String
  /// What the service is, in a sentence or two, for the people who read its documentation.
  public var summary = ""
  /// What the `server` header says, such as `Zoetrope/1.0`.
  public let product: String
  /// The version of the service, as its documents and metrics say it.
  public var version = "not available"
  /// What the service needs of a machine.
  public var resources = Resources()
  /// How much the service takes on at once.
  public var traffic = Traffic()
  /// How long the result of a task is kept after it ended.
  public var taskRetention = Duration.seconds(86_400)
  /// How many tasks that ended are kept; the oldest go first.
  public var keptTasks = 200
  /// The most that is taken of a request's body.
  public var limits = BodyLimits()
  /// Headers of replies that scripts on pages of other sites may read besides the usual ones.
  public var exposedHeaders: [String] = []
  /// The header that carries a request's id.
  public var requestIDHeader = "x-request-id"
  /// The header that carries the id of a request's trace; nil for none.
  public var traceIDHeader: String?
  /// What the names of the service's metrics begin with.
  public var metricsNamespace = "serving"
  /// What the page at `/` shows besides a form for each endpoint.
  public var page = PageContent()
  /// Whether requests can be served yet; ready from the start unless it is replaced.
  public var readiness = Readiness(isReady: true)

  /// How many requests are worked on and how many wait, of a service that has a line of its own.
  package var load: (@Sendable () -> (running: Int, waiting: Int))?
  /// Runs for as long as the server does, which waits for its end; told when the server stops, and
  /// how long running work may then go on.
  package var background: (@Sendable (_ stopping: Occurrence, _ grace: Duration) async -> Void)?

  let endpoints: [RegisteredEndpoint]
  let operations: [HTTPOperation]

  /// Declares a service.
  ///
  /// - Parameters:
  ///   - name: Letters, digits, hyphens and underscores; it appears in documents, logs, metrics and
  ///     the names of temporary directories.
  ///   - product: What the `server` header says.
  ///   - operations: What it answers besides.
  ///   - endpoints: What the service does.
  /// - Throws: ``ServingError`` with code `badDeclaration` if a form has a property that is not a
  ///   `@Field` or a default out of its range, if a path is not what it must be or is taken, if the
  ///   parameters of a path are not the fields declared for it, or if the name has other characters
  ///   than it may.
  public init(
    _ name: String,
    product: String,
    operations: [HTTPOperation] = [],
    @EndpointList endpoints: () -> [RegisteredEndpoint]
  ) throws(ServingError) {
    self.name = name
    self.product = product
    self.operations = operations
    self.endpoints = endpoints()
    guard Self.isWord(name) else {
      throw ServingError(.badDeclaration, "the name \(name) is not a word of ASCII letters")
    }
    var paths = Set(Route.infrastructure)
    for endpoint in self.endpoints {
      _ = try endpoint.declared.get()
      guard endpoint.path.hasPrefix("/"), Self.isWord(endpoint.name) else {
        throw ServingError(.badDeclaration, "the path \(endpoint.path) is not a slash and a word")
      }
      guard paths.insert(endpoint.path).inserted else {
        throw ServingError(.badDeclaration, "the path \(endpoint.path) is taken")
      }
      guard endpoint.takesTasks else { continue }
      for action in TaskAction.allCases { paths.insert("\(endpoint.path)/\(action.rawValue)") }
    }
    let taken = Dictionary(uniqueKeysWithValues: paths.map { ($0, Route.metrics) })
    _ = try RouteTable(exact: taken, operations: operations)
  }

  /// Names go into paths, headers and pages, so nothing in them may need escaping.
  private static func isWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
  }
}

/// Whether a service can serve yet.
public final class Readiness: Sendable {
  private let ready: Mutex<Bool>

  /// Creates a readiness, `false` while a model is still to be loaded.
  public init(isReady: Bool) { ready = Mutex(isReady) }

  /// Whether requests are served.
  public var isReady: Bool {
    get { ready.withLock { $0 } }
    set { ready.withLock { $0 = newValue } }
  }
}
