// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension Service {
  /// The operations, those of one path together.
  var operationPaths: [(name: String, value: JSON)] {
    var paths: [(name: String, methods: [(name: String, value: JSON)])] = []
    for operation in operations {
      let document = operation.document
      if let index = paths.firstIndex(where: { $0.name == operation.path }) {
        paths[index].methods.append(document)
      } else {
        paths.append((operation.path, [document]))
      }
    }
    return paths.map { ($0.name, .object($0.methods)) }
  }

  /// The headings of their own that operations stand under, in their order.
  var operationTags: [String] {
    var tags: [String] = []
    for operation in operations where operation.tag != "Service APIs" {
      if !tags.contains(operation.tag) { tags.append(operation.tag) }
    }
    return tags
  }

  /// The shapes of errors that operations have of their own.
  var operationSchemas: [(name: String, value: JSON)] {
    var schemas: [(name: String, value: JSON)] = []
    for case let envelope? in operations.map(\.envelope)
    where !schemas.contains(where: { $0.name == envelope.name }) {
      schemas.append((envelope.name, envelope.schema))
    }
    return schemas
  }
}

extension HTTPOperation {
  fileprivate var document: (name: String, value: JSON) {
    var members: [(name: String, value: JSON)] = [
      ("tags", [.string(tag)]), ("summary", .string(summary)),
      ("operationId", .string(identifier)),
    ]
    let parameters =
      forms.path.map { $0.parameter(in: "path") } + forms.query.map { $0.parameter(in: "query") }
      + headers.map { header -> JSON in
        [
          "name": .string(header.name), "in": "header", "required": false,
          "schema": ["type": "string"], "description": .string(header.summary),
        ]
      }
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    if !forms.body.isEmpty { members.append(("requestBody", .requestBody(of: forms.body))) }
    members.append(("responses", .object(responses)))
    return (method.rawValue.lowercased(), .object(members))
  }

  /// `get_jobs_id_clip` of `GET /jobs/{id}/clip`.
  private var identifier: String {
    let words = path.split { !$0.isLetter && !$0.isNumber }
    return ([method.rawValue.lowercased()] + words.map { String($0) }).joined(separator: "_")
  }

  private var responses: [(name: String, value: JSON)] {
    let good = replies.map { note -> (name: String, value: JSON) in
      var members: [(name: String, value: JSON)] = [("description", .string(note.summary))]
      if !note.content.isEmpty { members.append(("content", .object(note.content))) }
      return (String(note.status), .object(members))
    }
    let isFile = method == .get && replies.contains { $0.isFile }
    let partial: [(name: String, value: JSON)] =
      isFile
      ? [
        ("206", ["description": "The part of it that was asked for."]),
        ("304", ["description": "The client has it already."]),
        ("416", ["description": "It has no such part."]),
      ] : []
    let schema = envelope?.name ?? "Error"
    var known = Set(replies.map { String($0.status) })
    return good + partial
      + failures.filter { known.insert($0.status).inserted }
      .map { ($0.status, .failure($0.summary, schema)) }
  }

  private var failures: [(status: String, summary: String)] {
    var failures: [(status: String, summary: String)] = []
    let hasBody = !forms.body.isEmpty
    if hasBody || !forms.query.isEmpty || !forms.path.isEmpty {
      failures.append(("400", "A field is missing or wrong, or the request is malformed."))
    }
    if needsKey { failures.append(("401", "The server has keys, and the request none of them.")) }
    // A query may name things too, such as the last of the page before.
    if !forms.path.isEmpty || !forms.query.isEmpty {
      failures.append(("404", "There is no such thing, or no more."))
    }
    if method != .get {
      failures.append(("409", "It contradicts what was asked before, or how things are."))
    }
    if hasBody {
      failures += [
        ("413", "The body is larger than is taken."),
        ("415", "The body is of a type that is not read."),
        ("507", "The disk of the server is full."),
      ]
    }
    if takesTurn || method == .post {
      failures.append(("429", "The queue is full; Retry-After says when to come back."))
    }
    return failures + [
      ("500", "The server failed; its log says why."),
      ("503", "The server is starting or stopping; Retry-After says when to come back."),
    ]
  }
}

extension ReplyNote {
  fileprivate var isFile: Bool {
    content.contains { $0.name != "application/json" && $0.name != "text/event-stream" }
  }
}

extension FormEntry {
  fileprivate func parameter(in place: String) -> JSON {
    [
      "name": .string(name), "in": .string(place), "required": .bool(place == "path" || isRequired),
      "schema": openAPISchema(fileFormat: "binary"), "description": .string(summary),
    ]
  }
}
