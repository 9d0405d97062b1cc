// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What went wrong with one request, or with starting the server.
public struct ServingError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure, which decides the HTTP status.
  public struct Code: Hashable, Sendable {
    /// A stable name for logs and tests.
    public let name: String
    /// The HTTP status sent; 500 for failures that never reach a client.
    public let status: Int

    package init(_ name: String, _ status: Int) {
      self.name = name
      self.status = status
    }

    /// Fields or body are not what the endpoint declares.
    public static let invalidInput = Code("invalid-input", 400)
    /// The request as a whole asks for what cannot be.
    public static let invalidRequest = Code("invalid-request", 400)
    /// The server has keys, and the request none of them.
    public static let unauthorized = Code("unauthorized", 401)
    /// There is nothing of that name.
    public static let notFound = Code("not-found", 404)
    /// What the path stands for does not take this method.
    public static let methodNotAllowed = Code("method-not-allowed", 405)
    /// It contradicts what was asked before, or how things are.
    public static let conflict = Code("conflict", 409)
    /// The body is larger than the service takes.
    public static let tooLarge = Code("too-large", 413)
    /// The content type is none that the service reads.
    public static let unsupportedMediaType = Code("unsupported-media-type", 415)
    /// The input is well-formed and still nothing can be made of it.
    public static let unprocessable = Code("unprocessable", 422)
    /// Every place in the queue is taken.
    public static let busy = Code("busy", 429)
    /// The service has not finished starting.
    public static let notReady = Code("not-ready", 503)
    /// The server is shutting down.
    public static let stopping = Code("stopping", 503)
    /// A resource, memory say, is short for now.
    public static let outOfResources = Code("out-of-resources", 503)
    /// The request took longer than the service allows.
    public static let timedOut = Code("timed-out", 504)
    /// The disk is full.
    public static let insufficientStorage = Code("insufficient-storage", 507)
    /// The client closed its side of the connection before the answer.
    public static let clientGone = Code("client-gone", 400)
    /// A fault of the server; the cause is logged and not sent.
    public static let internalFault = Code("internal-fault", 500)
    /// The address cannot be listened on.
    public static let cannotListen = Code("cannot-listen", 500)
    /// What was given to configure the server cannot be used.
    public static let badConfiguration = Code("bad-configuration", 500)
    /// A service or a form is declared in a way that cannot be served.
    public static let badDeclaration = Code("bad-declaration", 500)
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what went wrong and what to do about it.
  public let message: String
  /// What is wrong with each field; only for ``Code/invalidInput``.
  public let problems: [InputProblem]
  /// Seconds after which a new try is sensible.
  public let retryAfter: Int?
  /// What brought this about; logged, never sent.
  public let cause: (any Error)?

  /// Creates an error that concerns the request as a whole.
  public init(
    _ code: Code,
    _ message: String,
    retryAfter: Int? = nil,
    cause: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.problems = []
    self.retryAfter = retryAfter
    self.cause = cause
  }

  /// Creates the error for input that is not what the endpoint declares.
  public init(_ problems: [InputProblem]) {
    self.code = .invalidInput
    // The noun stays singular whatever the count: clients of BentoML match this line.
    self.message = "\(problems.count) validation error for Input"
    self.problems = problems
    self.retryAfter = nil
    self.cause = nil
  }

  /// The message, the problem of each field, and the cause.
  public var description: String {
    var text = ([message] + problems.map(\.description)).joined(separator: "; ")
    if let cause { text += " (\(cause))" }
    return text
  }

  /// The error as a client sees it.
  var body: JSON {
    if problems.isEmpty { return .object([("error", .string(message))]) }
    let detail = problems.map { problem in
      JSON.object([
        ("type", .string(problem.type)),
        ("loc", .array(problem.field.map { [.string($0)] } ?? [])),
        ("msg", .string(problem.message)),
      ])
    }
    return .object([("error", .string(message)), ("detail", .array(detail))])
  }
}

/// One thing that is wrong with the input of a request.
public struct InputProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// A stable name for the kind of problem, such as `missing` or `int_parsing`.
  public let type: String
  /// The field concerned, by its name in the form; nil if it is the body as a whole.
  public let field: String?
  /// One line that says what is wrong.
  public let message: String

  /// Creates a problem of one field, or of the body if `field` is nil.
  public init(_ type: String, field: String? = nil, _ message: String) {
    self.type = type
    self.field = field
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
