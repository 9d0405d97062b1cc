// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird

/// Answers the requests to a service's operations.
struct OperationResponder: Sendable {
  let handling: RequestHandling

  /// Answers a request that ``RequestHandling`` has taken on.
  ///
  /// - Throws: ``ServingError`` for what the client should know; whatever the operation throws.
  func respond(
    to incoming: Incoming,
    with operation: HTTPOperation,
    _ parameters: [String: Substring]
  ) async throws -> Response {
    let inputs = try Self.inputs(parameters, incoming.request.uri.query, of: operation.forms)
    try operation.check(inputs)
    let work = { @Sendable in
      try await handling.life(of: incoming).run { try await answer(incoming, operation, inputs) }
    }
    guard operation.takesTurn else { return try await work() }
    return try await handling.tellingClient(of: incoming, during: work)
  }

  /// What the path and the query give.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput` if one is not UTF-8.
  private static func inputs(
    _ parameters: [String: Substring],
    _ query: String?,
    of forms: OperationForms
  ) throws(ServingError) -> [String: FieldInput] {
    var inputs: [String: FieldInput] = [:]
    if !forms.query.isEmpty {
      guard let pairs = PercentEncoding.query(query ?? "") else {
        throw ServingError([InputProblem("string_unicode", "the query is not UTF-8")])
      }
      for (name, value) in pairs { inputs[name] = .text(value) }
    }
    for (name, value) in parameters {
      guard let text = PercentEncoding.segment(value) else {
        throw ServingError([InputProblem("string_unicode", field: name, "\(name) is not UTF-8")])
      }
      inputs[name] = .text(text)
    }
    return inputs
  }

  private func answer(
    _ incoming: Incoming,
    _ operation: HTTPOperation,
    _ inputs: [String: FieldInput]
  ) async throws -> Response {
    guard operation.takesTurn else {
      try handling.service.limits.admit(incoming.body)
      return try await withWork(incoming, operation, inputs) { work in try await work() }
    }
    try handling.service.admit(incoming.body)
    return try await handling.gate.withPlace {
      try await withWork(incoming, operation, inputs) { work in
        try await handling.gate.withTurn { try await work() }
      }
    }
  }

  /// Reads the request, and leaves it to `perform` when the work begins.
  private func withWork(
    _ incoming: Incoming,
    _ operation: HTTPOperation,
    _ inputs: [String: FieldInput],
    _ perform: (_ work: () async throws -> Response) async throws -> Response
  ) async throws -> Response {
    try await handling.withDirectory { directory in
      var inputs = inputs
      let entries = operation.forms.body
      if !entries.isEmpty {
        let reader = FormReader(
          entries: entries,
          limits: handling.service.limits,
          directory: directory
        )
        let type = incoming.request.headers[.contentType]
        inputs.merge(try await reader.read(incoming.body, contentType: type)) { $1 }
      }
      let work = try operation.bind(inputs)
      let call = incoming.call(directory)
      return try await perform {
        try Answer(await offEventLoop { try await work(call) }).response(
          to: incoming.request,
          endingAt: [incoming.watch.clientGone, handling.stopping]
        )
      }
    }
  }
}
