// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Synchronization

/// A set of endpoints that share a queue, limits and a name.
///
/// ```swift
/// let service = try Service("stable-video-diffusion", product: "Zoetrope/1.0") {
///   GenerateClip(generator: engine)
/// }
/// ```
public struct Service: Sendable {
  /// The service's name: a word for logs and for temporary directories.
  public let name: String
  /// What the `server` header says, such as `Zoetrope/1.0`.
  public let product: String
  /// How many requests are worked on at once.
  public var concurrency = 1
  /// How many requests may wait besides.
  public var queue = 8
  /// How long a request may take in all: upload, waiting and work.
  public var timeout = Duration.seconds(600)
  /// The most that is taken of a request's body.
  public var limits = BodyLimits()
  /// The header that carries a request's id.
  public var requestIDHeader = "x-request-id"
  /// Whether requests can be served yet; ready from the start unless it is replaced.
  public var readiness = Readiness(isReady: true)

  let endpoints: [RegisteredEndpoint]

  /// Declares a service.
  ///
  /// - Parameters:
  ///   - name: A word for logs and for temporary directories.
  ///   - product: What the `server` header says.
  ///   - endpoints: What the service does.
  /// - Throws: ``ServingError`` with code `badDeclaration` if a form has a property that is not a
  ///   `@Field`, or two endpoints have one path.
  public init(
    _ name: String,
    product: String,
    @EndpointList endpoints: () -> [RegisteredEndpoint]
  ) throws(ServingError) {
    self.name = name
    self.product = product
    self.endpoints = endpoints()
    var paths: Set<String> = []
    for endpoint in self.endpoints {
      _ = try endpoint.entries.get()
      guard endpoint.path.hasPrefix("/"), paths.insert(endpoint.path).inserted else {
        throw ServingError(
          .badDeclaration,
          "\(endpoint.path) must begin with a slash and be the path of one endpoint only"
        )
      }
    }
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
