// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Something that a service answers beside its endpoints: a method, a path and what is done.
///
/// An ``Endpoint`` works in line with others and can be a task; an operation is for all the rest, such
/// as asking how a job is, and answers at once unless it says that it takes its turn.
///
/// ```swift
/// struct JobAsked: Form {
///   @Field("The job.") var id: String
///   @Field("Whether all that happened is told too.") var verbose = false
/// }
///
/// HTTPOperation(
///   .get, "/jobs/{id}", "How a job is.",
///   takes: JobAsked.self,
///   replies: [.json("The job.")]
/// ) { input, call in
///   Reply(json: try await jobs.find(input.id, owner: call.keyName).json(verbose: input.verbose))
/// }
/// ```
///
/// A field whose name stands in braces in the path is a parameter of the path. The others are read
/// from the body, as an endpoint's are; for `get` and `delete`, which have none, from the query.
///
/// A parameter stands for one whole segment that is not empty. Its text is decoded, so it may hold a
/// slash and must not be made part of a file's path unchecked. Where two paths fit, the one that says
/// more literally wins, so what every service has cannot be taken over.
public struct HTTPOperation: Sendable {
  /// What a request wants.
  public enum Method: String, Sendable, CaseIterable {
    /// To see something; `HEAD`, to hear only of it, comes with it.
    case get = "GET"
    /// To have something done.
    case post = "POST"
    /// To have something be as it says.
    case put = "PUT"
    /// To have something changed.
    case patch = "PATCH"
    /// To have something gone.
    case delete = "DELETE"

    /// Whether its requests have a body.
    var hasBody: Bool { self != .get && self != .delete }
  }

  /// What a request wants.
  public let method: Method
  /// Where it is asked, such as `/jobs/{id}`.
  public let path: String
  /// What it does, in one sentence.
  public let summary: String
  /// What its replies may be when nothing went wrong.
  public let replies: [ReplyNote]
  /// The headers that it heeds besides the usual ones, and what each is for.
  public let headers: [(name: String, summary: String)]
  /// Whether strangers are refused, if the server has keys.
  public let needsKey: Bool
  /// Whether it waits in line with the endpoints, and for the service to be ready.
  public let takesTurn: Bool
  /// The heading that it stands under in documents.
  public var tag = "Service APIs"
  /// How its errors are written; nil for as those of endpoints are.
  public var envelope: ErrorEnvelope?
  /// The texts that fields may have which only the running service knows, by the fields' names on the
  /// wire, for documents and pages; the operation refuses others itself.
  public var choices: [String: [String]] = [:]

  private let declared: Result<[FormEntry], ServingError>
  /// Checks some of the fields, so that a wrong request is refused before its body is read.
  private let problems: @Sendable ([String: FieldInput], Set<String>) -> [InputProblem]
  /// Reads what was given; what comes out does the work.
  let bind:
    @Sendable ([String: FieldInput]) throws(ServingError) -> @Sendable (Call) async throws -> Reply

  /// Declares an operation.
  ///
  /// What is wrong with the declaration is said by the service that is made of it.
  ///
  /// - Parameters:
  ///   - method: What a request wants.
  ///   - path: Segments that begin with slashes, each a literal or a name in braces.
  ///   - summary: What it does, in one sentence, for the people who read the documentation.
  ///   - input: The parameters of the path, and the fields of the query or the body.
  ///   - replies: What its replies may be when nothing went wrong.
  ///   - headers: The headers that it heeds besides the usual ones, and what each is for.
  ///   - needsKey: Whether strangers are refused, if the server has keys.
  ///   - takesTurn: Whether it waits in line with the endpoints, and for the service to be ready.
  ///   - answer: Does the work; cancelled as an endpoint's is. It throws ``ServingError`` for what the
  ///     client should know; anything else is logged and answered with status 500.
  public init<Input: Form>(
    _ method: Method,
    _ path: String,
    _ summary: String,
    takes input: Input.Type,
    replies: [ReplyNote],
    headers: [(name: String, summary: String)] = [],
    needsKey: Bool = true,
    takesTurn: Bool = false,
    answer: @escaping @Sendable (Input, Call) async throws -> Reply
  ) {
    self.method = method
    self.path = path
    self.summary = summary
    self.replies = replies
    self.headers = headers
    self.needsKey = needsKey
    self.takesTurn = takesTurn
    let schema = Result { () throws(ServingError) in try FormSchema(Input.self) }
    declared = schema.map(\.entries)
    problems = { inputs, names in
      do throws(ServingError) {
        _ = try schema.get().decode(inputs)
        return []
      } catch {
        return error.problems.filter { $0.field.map(names.contains) ?? false }
      }
    }
    bind = { inputs throws(ServingError) in
      let input = try schema.get().decode(inputs)
      return { call in try await answer(input, call) }
    }
  }

  /// Declares an operation that reads nothing of a request but its headers.
  ///
  /// - Parameters:
  ///   - method: What a request wants.
  ///   - path: Segments that begin with slashes, each a literal.
  ///   - summary: What it does, in one sentence, for the people who read the documentation.
  ///   - replies: What its replies may be when nothing went wrong.
  ///   - headers: The headers that it heeds besides the usual ones, and what each is for.
  ///   - needsKey: Whether strangers are refused, if the server has keys.
  ///   - takesTurn: Whether it waits in line with the endpoints, and for the service to be ready.
  ///   - answer: Does the work; cancelled as an endpoint's is. It throws ``ServingError`` for what the
  ///     client should know; anything else is logged and answered with status 500.
  public init(
    _ method: Method,
    _ path: String,
    _ summary: String,
    replies: [ReplyNote],
    headers: [(name: String, summary: String)] = [],
    needsKey: Bool = true,
    takesTurn: Bool = false,
    answer: @escaping @Sendable (Call) async throws -> Reply
  ) {
    self.init(
      method,
      path,
      summary,
      takes: NoFields.self,
      replies: replies,
      headers: headers,
      needsKey: needsKey,
      takesTurn: takesTurn
    ) { _, call in try await answer(call) }
  }

  /// The fields by where they come from; none if the declaration is wrong, which a service refuses to
  /// be made of.
  var forms: OperationForms {
    guard let declared = try? declared.get(), let pattern = try? PathPattern(path) else {
      return OperationForms()
    }
    let entries = declared.map { $0.offering(choices[$0.name]) }
    let others = entries.filter { !pattern.names.contains($0.name) }
    return OperationForms(
      path: entries.filter { pattern.names.contains($0.name) },
      query: method.hasBody ? [] : others,
      body: method.hasBody ? others : []
    )
  }

  /// Refuses what the path and the query give, if it is wrong.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput`.
  func check(_ inputs: [String: FieldInput]) throws(ServingError) {
    let forms = forms
    let problems = problems(inputs, Set((forms.path + forms.query).map(\.name)))
    guard problems.isEmpty else { throw ServingError(problems) }
  }

  /// Refuses what cannot be served.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration`.
  func validate() throws(ServingError) {
    let entries = try declared.get()
    let pattern = try PathPattern(path)
    for name in pattern.names where !entries.contains(where: { $0.name == name }) {
      throw ServingError(.badDeclaration, "the parameter \(name) of \(path) has no field")
    }
    let forms = forms
    if let file = (forms.path + forms.query).first(where: \.isFile) {
      throw ServingError(.badDeclaration, "\(file.name) of \(path) is a file outside a body")
    }
    if let field = forms.path.first(where: { !$0.isRequired }) {
      throw ServingError(.badDeclaration, "\(field.name) of \(path) has a default in vain")
    }
    if let name = envelope?.name, name == "Error" || name == "Task" || !name.allSatisfy(\.isLetter)
    {
      throw ServingError(.badDeclaration, "an envelope cannot be called \(name)")
    }
  }
}

/// The fields that an operation reads.
struct OperationForms: Sendable {
  var path: [FormEntry] = []
  var query: [FormEntry] = []
  var body: [FormEntry] = []
}

/// A form without fields.
struct NoFields: Form {}

/// How the errors of some operations are written, where clients expect a shape of their own.
public struct ErrorEnvelope: Sendable {
  let name: String
  let schema: JSON
  let body: @Sendable (ServingError, _ requestID: String) -> JSON

  /// Describes a shape.
  ///
  /// - Parameters:
  ///   - name: What documents call it: letters only, and not `Error` or `Task`.
  ///   - schema: What it looks like, in OpenAPI 3.0's dialect of JSON Schema.
  ///   - body: Writes an error, given also the id of the request. Of a fault of the server only what
  ///     the client may know comes in. Status and `Retry-After` are as they are for others.
  public init(
    name: String,
    schema: JSON,
    body: @escaping @Sendable (ServingError, _ requestID: String) -> JSON
  ) {
    self.name = name
    self.schema = schema
    self.body = body
  }
}

/// What documents say of one kind of reply.
public struct ReplyNote: Sendable {
  let status: Int
  let summary: String
  /// The media types, and what each looks like.
  let content: [(name: String, value: JSON)]

  /// A JSON value.
  ///
  /// - Parameters:
  ///   - summary: What it is, in one sentence.
  ///   - status: The status it comes with.
  ///   - schema: What it looks like, in OpenAPI 3.0's dialect of JSON Schema.
  /// - Returns: The note.
  public static func json(
    _ summary: String,
    status: Int = 200,
    schema: JSON = ["type": "object"]
  ) -> ReplyNote {
    ReplyNote(
      status: status,
      summary: summary,
      content: [("application/json", ["schema": schema])]
    )
  }

  /// A file.
  ///
  /// - Parameters:
  ///   - summary: What it is, in one sentence.
  ///   - mediaTypes: Its media types, such as `video/mp4`.
  /// - Returns: The note.
  public static func file(_ summary: String, _ mediaTypes: String...) -> ReplyNote {
    let schema: JSON = ["schema": ["type": "string", "format": "binary"]]
    return ReplyNote(status: 200, summary: summary, content: mediaTypes.map { ($0, schema) })
  }

  /// Server-Sent Events.
  ///
  /// - Parameter summary: What they tell, in one sentence.
  /// - Returns: The note.
  public static func events(_ summary: String) -> ReplyNote {
    let schema: JSON = ["schema": ["type": "string"]]
    return ReplyNote(status: 200, summary: summary, content: [("text/event-stream", schema)])
  }

  /// Nothing, with status 204.
  ///
  /// - Parameter summary: What it means, in one sentence.
  /// - Returns: The note.
  public static func empty(_ summary: String) -> ReplyNote {
    ReplyNote(status: 204, summary: summary, content: [])
  }
}
