// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// A request on its way to what answers it.
struct Incoming: Sendable {
  let request: Request
  let body: IncomingBody
  let channel: any Channel
  let watch: ConnectionWatch
  let trace: TraceContext
  /// The name of the API key that it showed.
  let keyName: String?
  let logger: Logger

  var isHead: Bool { request.method == .head }

  /// What the service's code is told of it.
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

/// What is done with every request that reaches the service's code.
struct RequestHandling: Sendable {
  let service: Service
  let gate: Gate
  let stopping: Occurrence
  let settings: HTTPServer.Settings
  let scratch: ScratchDirectory

  /// Answers a request, in any case.
  ///
  /// - Parameters:
  ///   - request: The request.
  ///   - channel: Its connection.
  ///   - trace: Its place in a trace.
  ///   - keyName: The name of the API key that it showed.
  ///   - logger: Told of what fails.
  ///   - envelope: How errors are written; nil for as endpoints do.
  ///   - work: Makes the answer.
  /// - Returns: The answer, which may be an error.
  func respond(
    to request: Request,
    on channel: any Channel,
    _ trace: TraceContext,
    keyName: String?,
    _ logger: Logger,
    errorsIn envelope: ErrorEnvelope? = nil,
    _ work: (Incoming) async throws -> Response
  ) async -> Response {
    let body = IncomingBody(request: request, channel: channel, pace: settings.uploadPace)
    var response: Response
    do {
      let incoming = Incoming(
        request: request,
        body: body,
        channel: channel,
        watch: try await ConnectionWatch.of(channel),
        trace: trace,
        keyName: keyName,
        logger: logger
      )
      response = try await work(incoming)
    } catch {
      let error = ServingError(caught: error)
      error.log(to: logger)
      response = Response(status: .init(code: error.code.status))
      let answer = Answer(error, in: envelope.map { ($0, trace.spanID) })
      if let refusal = try? answer.response(isHead: request.method == .head) { response = refusal }
    }
    if request.hasBody, !body.isRead { response.headers[.connection] = "close" }
    service.mark(&response, trace)
    return response
  }

  /// What may end a request early.
  func life(of incoming: Incoming) -> RequestLife {
    RequestLife(
      timeout: service.traffic.timeout,
      clientGone: incoming.watch.clientGone,
      stopping: stopping,
      grace: settings.grace,
      timers: settings.timers ?? EventLoopTimers(eventLoop: incoming.channel.eventLoop),
      executor: EventLoopTasks(incoming.channel.eventLoop)
    )
  }

  /// Has the client hear now and then, while `work` runs, that the server is there.
  ///
  /// - Throws: What `work` throws.
  func tellingClient(
    of incoming: Incoming,
    during work: @Sendable () async throws -> Response
  ) async throws -> Response {
    guard let interval = settings.interimInterval, incoming.watch.takesInterimAnswers else {
      return try await work()
    }
    return try await InterimAnswers(
      channel: incoming.channel,
      interval: interval,
      isDue: { incoming.body.isRead || !incoming.request.hasBody }
    ).during(work)
  }

  /// Has a directory for a request's files while `body` runs.
  ///
  /// - Throws: What `body` throws.
  func withDirectory<Value>(
    _ body: (RequestDirectory) async throws -> Value
  ) async throws -> Value {
    let directory = newDirectory()
    defer { directory.remove() }
    return try await body(directory)
  }

  /// A directory that the caller removes.
  func newDirectory() -> RequestDirectory {
    RequestDirectory(in: scratch)
  }
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
