// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Answers the requests to a service's operations.
struct OperationResponder: Sendable {
  let service: Service
  let gate: Gate
  let stopping: Occurrence
  let settings: HTTPServer.Settings

  /// A request on its way through.
  private struct Incoming: Sendable {
    let request: Request
    let body: IncomingBody
    let operation: HTTPOperation
    let watch: ConnectionWatch
    let keyName: String?
    let trace: TraceContext
    let logger: Logger
  }

  func respond(
    to request: Request,
    _ context: ConnectionContext,
    with operation: HTTPOperation,
    _ parameters: [String: Substring],
    _ keyName: String?,
    _ trace: TraceContext,
    _ logger: Logger
  ) async -> Response {
    let body = IncomingBody(
      request: request,
      channel: context.channel,
      pace: settings.uploadPace
    )
    var response: Response
    do {
      let incoming = Incoming(
        request: request,
        body: body,
        operation: operation,
        watch: try await context.channel.pipeline.handler(type: ConnectionWatch.self).get(),
        keyName: keyName,
        trace: trace,
        logger: logger
      )
      let inputs = try Self.inputs(parameters, request.uri.query, of: operation.forms)
      try operation.check(inputs)
      response = try await call(incoming, inputs, context)
    } catch {
      let error = ServingError(caught: error)
      error.log(to: logger)
      response = Response(status: .init(code: error.code.status))
      let answer = Answer(error, in: operation.envelope.map { ($0, trace.spanID) })
      if let refusal = try? answer.response(isHead: request.method == .head) { response = refusal }
    }
    if request.hasBody, !body.isRead { response.headers[.connection] = "close" }
    service.mark(&response, trace)
    return response
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

  private func call(
    _ incoming: Incoming,
    _ inputs: [String: FieldInput],
    _ context: ConnectionContext
  ) async throws -> Response {
    let life = RequestLife(
      timeout: service.traffic.timeout,
      clientGone: incoming.watch.clientGone,
      stopping: stopping,
      grace: settings.grace
    )
    let work: @Sendable () async throws -> Response = {
      try await life.run { try await answer(incoming, inputs) }
    }
    guard incoming.operation.takesTurn, let interval = settings.interimInterval,
      incoming.watch.takesInterimAnswers
    else { return try await work() }
    return try await InterimAnswers(
      channel: context.channel,
      interval: interval,
      isDue: { incoming.body.isRead || !incoming.request.hasBody }
    ).during(work)
  }

  private func answer(
    _ incoming: Incoming,
    _ inputs: [String: FieldInput]
  ) async throws -> Response {
    guard incoming.operation.takesTurn else {
      try service.limits.admit(incoming.body)
      return try await withWork(incoming, inputs) { work in try await work() }
    }
    try service.admit(incoming.body)
    return try await gate.withPlace {
      try await withWork(incoming, inputs) { work in try await gate.withTurn { try await work() } }
    }
  }

  /// Reads the request, and leaves it to `perform` when the work begins.
  private func withWork(
    _ incoming: Incoming,
    _ inputs: [String: FieldInput],
    _ perform: (_ work: () async throws -> Response) async throws -> Response
  ) async throws -> Response {
    try await RequestDirectory.with(under: settings.temporaryDirectory, prefix: service.name) {
      directory in
      var inputs = inputs
      let entries = incoming.operation.forms.body
      if !entries.isEmpty {
        let reader = FormReader(entries: entries, limits: service.limits, directory: directory)
        let type = incoming.request.headers[.contentType]
        inputs.merge(try await reader.read(incoming.body, contentType: type)) { $1 }
      }
      let work = try incoming.operation.bind(inputs)
      let call = Call(
        trace: incoming.trace,
        keyName: incoming.keyName,
        logger: incoming.logger,
        headers: incoming.request.headers,
        ownDirectory: directory
      )
      return try await perform {
        try Answer(await work(call)).response(
          to: incoming.request,
          endingAt: [incoming.watch.clientGone, stopping]
        )
      }
    }
  }
}
