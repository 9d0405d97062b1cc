// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
public import Logging

/// One thing that a service does: a form comes in, a reply goes out.
public protocol Endpoint: Sendable {
  /// What a request gives.
  associatedtype Input: Form
  /// Where clients post their requests, such as `/generate`.
  var path: String { get }
  /// What the endpoint does, in one sentence, for the people who read its documentation.
  var summary: String { get }
  /// What a reply consists of.
  var output: ReplyKind { get }
  /// Whether requests can also be submitted as tasks, to be asked for later.
  var takesTasks: Bool { get }
  /// The texts that fields may have which only the running service knows, by the fields' names on the
  /// wire, for documents and pages; the endpoint refuses others itself.
  var choices: [String: [String]] { get }
  /// Does the work. The task is cancelled when the client goes away, when the time is up, and when
  /// the server has stopped waiting; nothing else runs in the place of this call until it returns.
  ///
  /// - Throws: ``ServingError`` for what the client should know. Anything else is logged and
  ///   answered with status 500.
  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply
}

extension Endpoint {
  /// False.
  public var takesTasks: Bool { false }
  /// None.
  public var choices: [String: [String]] { [:] }
}

/// What an endpoint is told about the request besides its form.
public struct Call: Sendable {
  /// The request's place in a trace; its span identifies the request to the client and in the log.
  public let trace: TraceContext
  /// The name of the API key that the request showed; nil if the server has no keys, and for a
  /// stranger where strangers are served.
  public let keyName: String?
  /// Adds the request's id to every line.
  public let logger: Logger
  let ownDirectory: RequestDirectory
  private let headers: HTTPFields

  init(
    trace: TraceContext,
    keyName: String?,
    logger: Logger,
    headers: HTTPFields = [:],
    ownDirectory: RequestDirectory
  ) {
    self.trace = trace
    self.logger = logger
    self.ownDirectory = ownDirectory
    self.keyName = keyName
    self.headers = headers
  }

  /// The value of one of the request's headers, whatever the case of its name.
  ///
  /// - Returns: nil if there is none, and for a task, whose request is gone.
  public func header(_ name: String) -> String? {
    HTTPField.Name(name).flatMap { headers[$0] }
  }

  /// The path of a directory of this request's own, without a slash at the end.
  ///
  /// It goes when the request ends, and that of a task when the task is forgotten.
  ///
  /// - Throws: ``ServingError`` if it cannot be made.
  public var directory: String {
    get throws(ServingError) { try ownDirectory.path }
  }
}

/// Collects the endpoints of a service.
@resultBuilder
public enum EndpointList {
  /// Takes one endpoint and learns its form.
  public static func buildExpression(_ endpoint: some Endpoint) -> RegisteredEndpoint {
    RegisteredEndpoint(endpoint)
  }

  /// Takes one endpoint that keeps its tasks itself, and learns its form.
  public static func buildExpression(_ endpoint: some TaskKeeping) -> RegisteredEndpoint {
    RegisteredEndpoint(keepingTasks: endpoint)
  }

  /// Takes the endpoints in their order.
  public static func buildBlock(_ endpoints: RegisteredEndpoint...) -> [RegisteredEndpoint] {
    endpoints
  }
}

/// An endpoint whatever the type of its input.
public struct RegisteredEndpoint: Sendable {
  /// What is left to do once the form is filled in.
  typealias Work = @Sendable (Call) async throws -> Reply

  let path: String
  let summary: String
  let output: ReplyKind
  let takesTasks: Bool
  let choices: [String: [String]]
  /// What the form's declaration gave, or what is wrong with it.
  let declared: Result<[FormEntry], ServingError>
  /// Fills the form in, so that a wrong request need not wait for its turn to hear of it.
  let bind: @Sendable ([String: FieldInput]) throws -> Work
  /// Who keeps the tasks; nil for the server itself.
  let keeper: TaskKeeper?

  /// The path without its slash, such as `generate`.
  var name: String { String(path.dropFirst()) }

  /// The fields; none if the declaration is wrong, which a service refuses to be made of.
  var form: [FormEntry] {
    ((try? declared.get()) ?? []).map { $0.offering(choices[$0.name]) }
  }

  init<Wrapped: Endpoint>(_ endpoint: Wrapped) {
    path = endpoint.path
    summary = endpoint.summary
    output = endpoint.output
    takesTasks = endpoint.takesTasks
    choices = endpoint.choices
    let schema = Result { () throws(ServingError) in try FormSchema(Wrapped.Input.self) }
    declared = schema.map(\.entries)
    bind = { inputs in
      let form = try schema.get().decode(inputs)
      return { call in try await endpoint(form, call) }
    }
    keeper = nil
  }

  init<Wrapped: TaskKeeping>(keepingTasks endpoint: Wrapped) {
    let plain = RegisteredEndpoint(endpoint)
    path = plain.path
    summary = plain.summary
    output = plain.output
    takesTasks = plain.takesTasks
    choices = plain.choices
    declared = plain.declared
    bind = plain.bind
    keeper = TaskKeeper(
      endpoint,
      Result { () throws(ServingError) in try FormSchema(Wrapped.Input.self) }
    )
  }
}
