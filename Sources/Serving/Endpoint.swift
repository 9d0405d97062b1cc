// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Logging

/// One thing that a service does: a form comes in, a reply goes out.
public protocol Endpoint: Sendable {
  /// What a request gives.
  associatedtype Input: Form
  /// Where clients post their requests, such as `/generate`.
  var path: String { get }
  /// Does the work. The task is cancelled when the client goes away, when the time is up, and when
  /// the server has stopped waiting; nothing else runs in the place of this call until it returns.
  ///
  /// - Throws: ``ServingError`` for what the client should know. Anything else is logged and
  ///   answered with status 500.
  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply
}

/// What an endpoint is told about the request besides its form.
public struct Call: Sendable {
  /// Identifies the request to the client and in the log.
  public let id: String
  /// A directory of this request's own, without a slash at the end; it goes when the request ends.
  public let directory: String
  /// Adds the request's id to every line.
  public let logger: Logger
}

/// A file that answers a request.
public struct Reply: Sendable {
  /// Where the file is: opened before the request's directory goes, so it may lie in it.
  public let path: String
  /// Its media type, such as `video/mp4`.
  public let contentType: String
  /// The name under which a client should save it: letters, digits, dots and hyphens.
  public let fileName: String
  /// Further headers, by name.
  public let headers: [String: String]

  /// Answers with a file.
  public init(
    file path: String,
    contentType: String,
    fileName: String,
    headers: [String: String] = [:]
  ) {
    self.path = path
    self.contentType = contentType
    self.fileName = fileName
    self.headers = headers
  }
}

/// Collects the endpoints of a service.
@resultBuilder
public enum EndpointList {
  /// Takes one endpoint and learns its form.
  public static func buildExpression(_ endpoint: some Endpoint) -> RegisteredEndpoint {
    RegisteredEndpoint(endpoint)
  }

  /// Takes the endpoints in their order.
  public static func buildBlock(_ endpoints: RegisteredEndpoint...) -> [RegisteredEndpoint] {
    endpoints
  }
}

/// An endpoint whatever the type of its input.
public struct RegisteredEndpoint: Sendable {
  let path: String
  /// What the form's declaration gave, or what is wrong with it.
  let entries: Result<[FormEntry], ServingError>
  let answer: @Sendable ([String: FieldInput], Call) async throws -> Reply
  /// Checks the inputs alone, so that a wrong request need not wait for its turn to hear of it.
  let check: @Sendable ([String: FieldInput]) throws -> Void

  init<Wrapped: Endpoint>(_ endpoint: Wrapped) {
    path = endpoint.path
    let schema = Result { () throws(ServingError) in try FormSchema(Wrapped.Input.self) }
    entries = schema.map(\.entries)
    answer = { inputs, call in try await endpoint(schema.get().decode(inputs), call) }
    check = { inputs in _ = try schema.get().decode(inputs) }
  }
}
