// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Answers the requests to a service's endpoints, and to the tasks made of them.
struct EndpointResponder: Sendable {
  let service: Service
  let gate: Gate
  let stopping: Occurrence
  let settings: HTTPServer.Settings
  let tasks: TaskRunner

  /// A request on its way through.
  private struct Incoming: Sendable {
    let request: Request
    let body: IncomingBody
    let endpoint: RegisteredEndpoint
    let watch: ConnectionWatch
    let trace: TraceContext
    let keyName: String?
    let logger: Logger

    func call(_ directory: RequestDirectory) -> Call {
      Call(
        trace: trace,
        keyName: keyName,
        logger: logger,
        headers: request.headers,
        ownDirectory: directory
      )
    }
  }

  func respond(
    to request: Request,
    _ context: ConnectionContext,
    at endpoint: RegisteredEndpoint,
    _ task: TaskAction?,
    _ trace: TraceContext,
    keyName: String?,
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
        endpoint: endpoint,
        watch: try await context.channel.pipeline.handler(type: ConnectionWatch.self).get(),
        trace: trace,
        keyName: keyName,
        logger: logger
      )
      response =
        switch task {
        case nil: try await call(incoming, context)
        case .submit: try await submit(incoming)
        case .status, .get, .retry, .cancel: try await manage(incoming, task)
        }
    } catch {
      let error = ServingError(caught: error)
      error.log(to: logger)
      response = Response(status: .init(code: error.code.status))
      if let answer = try? Answer(error).response() { response = answer }
    }
    if request.hasBody, !body.isRead { response.headers[.connection] = "close" }
    service.mark(&response, trace)
    return response
  }

  // MARK: Calls

  private func call(_ incoming: Incoming, _ context: ConnectionContext) async throws -> Response {
    let life = life(of: incoming)
    let work: @Sendable () async throws -> Response = {
      try await life.run { try await answer(incoming) }
    }
    guard let interval = settings.interimInterval, incoming.watch.takesInterimAnswers else {
      return try await work()
    }
    return try await InterimAnswers(
      channel: context.channel,
      interval: interval,
      isDue: { incoming.body.isRead }
    ).during(work)
  }

  /// Reads the request, waits for its turn, and has the endpoint answer it.
  private func answer(_ incoming: Incoming) async throws -> Response {
    try service.admit(incoming.body)
    return try await gate.withPlace {
      try await RequestDirectory.with(under: settings.temporaryDirectory, prefix: service.name) {
        directory in
        let inputs = try await read(incoming, into: directory)
        let work = { @Sendable in
          try Answer(await incoming.endpoint.answer(inputs, incoming.call(directory))).response()
        }
        // An endpoint that keeps its tasks has a line of its own for them and the others.
        if incoming.endpoint.keeper != nil { return try await work() }
        return try await gate.withTurn(work)
      }
    }
  }

  private func life(of incoming: Incoming) -> RequestLife {
    RequestLife(
      timeout: service.traffic.timeout,
      clientGone: incoming.watch.clientGone,
      stopping: stopping,
      grace: settings.grace,
      clock: settings.clock
    )
  }

  private func read(
    _ incoming: Incoming,
    into directory: RequestDirectory
  ) async throws -> [String: FieldInput] {
    let reader = FormReader(
      entries: incoming.endpoint.form,
      limits: service.limits,
      directory: directory
    )
    let inputs = try await reader.read(
      incoming.body,
      contentType: incoming.request.headers[.contentType]
    )
    try incoming.endpoint.check(inputs)
    return inputs
  }

  // MARK: Tasks

  private func submit(_ incoming: Incoming) async throws -> Response {
    if let keeper = incoming.endpoint.keeper {
      return try await life(of: incoming).run {
        try service.admit(incoming.body)
        return try await gate.withPlace {
          try await RequestDirectory.with(
            under: settings.temporaryDirectory,
            prefix: service.name
          ) { directory in
            let inputs = try await read(incoming, into: directory)
            return try Answer(
              await keeper.submit(inputs, incoming.call(directory)).brief
            ).response()
          }
        }
      }
    }
    let record = try await life(of: incoming).run {
      try service.admit(incoming.body)
      // Given back by the task when it ends.
      try gate.takePlace()
      do {
        let directory = RequestDirectory(
          under: settings.temporaryDirectory,
          prefix: service.name
        )
        do {
          let inputs = try await read(incoming, into: directory)
          return try await tasks.start(
            incoming.endpoint,
            inputs,
            directory,
            incoming.trace,
            keyName: incoming.keyName
          )
        } catch {
          directory.remove()
          throw error
        }
      } catch {
        gate.leavePlace()
        throw error
      }
    }
    return try Answer(record.state.brief).response()
  }

  /// Answers what concerns a task that there is.
  private func manage(_ incoming: Incoming, _ action: TaskAction?) async throws -> Response {
    guard let id = incoming.request.uri.queryParameters["task_id"].map(String.init) else {
      throw ServingError(.invalidRequest, "task_id is required")
    }
    if let keeper = incoming.endpoint.keeper {
      return try await manage(incoming, action, id, keeper)
    }
    guard let record = try await tasks.find(id), record.path == incoming.endpoint.path else {
      throw Self.notFound
    }
    let isHead = incoming.request.method == .head
    switch action {
    case .status: return try Answer(record.state.full).response(isHead: isHead)
    case .get:
      guard let answer = record.answer else { throw record.state.isNotCompleted }
      return try answer.response(isHead: isHead)
    case .retry:
      guard record.status != .inProgress else { throw record.state.isNotCompleted }
      try gate.takePlace()
      do {
        let retried = try await tasks.retry(
          record,
          incoming.endpoint,
          incoming.trace,
          keyName: incoming.keyName
        )
        return try Answer(retried.state.brief).response()
      } catch {
        gate.leavePlace()
        throw error
      }
    default: return try Answer(try await tasks.cancel(record).state.brief).response()
    }
  }

  /// Answers what concerns a task that the endpoint itself keeps.
  private func manage(
    _ incoming: Incoming,
    _ action: TaskAction?,
    _ id: String,
    _ keeper: TaskKeeper
  ) async throws -> Response {
    let directory = RequestDirectory(under: settings.temporaryDirectory, prefix: service.name)
    defer { directory.remove() }
    let call = incoming.call(directory)
    guard let state = try await keeper.find(id, call) else { throw Self.notFound }
    let isHead = incoming.request.method == .head
    switch action {
    case .status: return try Answer(state.full).response(isHead: isHead)
    case .get:
      guard state.status == .completed || state.status == .failed else {
        throw state.isNotCompleted
      }
      return try Answer(await keeper.result(id, call)).response(isHead: isHead)
    case .retry:
      try service.admit(incoming.body)
      guard state.status != .inProgress else { throw state.isNotCompleted }
      guard let retried = try await keeper.retry(id, call) else { throw Self.notFound }
      return try Answer(retried.brief).response()
    default:
      guard let cancelled = try await keeper.cancel(id, call) else { throw Self.notFound }
      guard cancelled.status == .canceled else { throw cancelled.hasEnded }
      return try Answer(cancelled.brief).response()
    }
  }

  private static let notFound = ServingError(.notFound, "task_id not found")
}

extension Service {
  /// Refuses what cannot be taken, before it is read.
  ///
  /// - Throws: ``ServingError`` with code `notReady` or `tooLarge`.
  func admit(_ body: IncomingBody) throws(ServingError) {
    guard readiness.isReady else {
      throw ServingError(.notReady, "the model is still being loaded", retryAfter: 5)
    }
    try limits.admit(body)
  }

  /// Says who answered, and under which ids to ask about it.
  func mark(_ response: inout Response, _ trace: TraceContext) {
    response.headers[.server] = product
    if let header = HTTPField.Name(requestIDHeader) { response.headers[header] = trace.spanID }
    if let header = traceIDHeader.flatMap({ HTTPField.Name($0) }) {
      response.headers[header] = trace.traceID
    }
  }
}

extension BodyLimits {
  /// Refuses a body that is said to be too large, before it is read.
  ///
  /// - Throws: ``ServingError`` with code `tooLarge`.
  func admit(_ body: IncomingBody) throws(ServingError) {
    if let length = body.announcedByteCount, length > bodyBytes { throw bodyTooLarge }
  }
}

extension ServingError {
  /// The one place that says what a client hears of an error that nobody else foresaw.
  init(caught error: any Error) {
    switch error {
    case let error as ServingError: self = error
    case is CancellationError where Task.isCancelled:
      self.init(.stopping, "the server is shutting down: try again later")
    default: self.init(.internalFault, "", cause: error)
    }
  }

  func log(to logger: Logger) {
    logger.log(level: code.status == 500 ? .error : .info, "\(code.name): \(self)")
  }
}
