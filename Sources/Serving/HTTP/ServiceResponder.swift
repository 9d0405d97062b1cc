// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTPTypes
import Synchronization

/// What is known of a request besides its head and body.
struct ConnectionContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// Answers the requests of one service: its endpoints and its probes.
struct ServiceResponder: HTTPResponder {
  let service: Service
  let routes: [String: Route]
  let gate: Gate
  let metrics: ServiceMetrics
  let stopping: Occurrence
  let settings: HTTPServer.Settings
  let logger: Logger

  func respond(to request: Request, context: ConnectionContext) async throws -> Response {
    let path = request.uri.path
    let route = routes[path]
    if case .metrics = route { return await answer(request, context, path, route) }
    let shown = route == nil ? "other" : path
    let start = ContinuousClock.now
    metrics.began(shown, isProbe: route?.isProbe ?? false)
    let response = await answer(request, context, path, route)
    metrics.ended(shown, status: response.status.code, after: ContinuousClock.now - start)
    return response
  }

  private func answer(
    _ request: Request,
    _ context: ConnectionContext,
    _ path: String,
    _ route: Route?
  ) async -> Response {
    guard let route else {
      if path.hasSuffix("/"), routes[String(path.dropLast())] != nil {
        // Relative, so that it does not depend on the Host header, which anyone can set.
        return Response(
          status: .temporaryRedirect,
          headers: [.location: String(path.dropLast())]
        )
      }
      return refuse(request, .notFound)
    }
    guard route.methods.contains(request.method) else {
      let allow = route.methods.map(\.rawValue).joined(separator: ", ")
      return refuse(request, .methodNotAllowed, allow: allow)
    }
    switch route {
    case .probe(let isReadiness):
      return await probe(isReadiness: isReadiness, isHead: request.method == .head)
    case .document(let document):
      return fixed(document.body, headers: document.headers, isHead: request.method == .head)
    case .metrics:
      return fixed(
        ByteBuffer(string: metrics.text(gate)),
        headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
        isHead: request.method == .head
      )
    case .endpoint(let endpoint):
      return await answer(request, context, at: endpoint)
    }
  }

  // MARK: Probes and refusals

  private func probe(isReadiness: Bool, isHead: Bool) async -> Response {
    var status = HTTPResponse.Status.ok
    if isReadiness, !isServing {
      // BentoML's client polls this without a pause; holding the answer back sheds that load.
      try? await Task.sleep(for: .milliseconds(500))
      if !isServing { status = .serviceUnavailable }
    }
    return text("\n", status, isHead: isHead)
  }

  private var isServing: Bool { service.readiness.isReady && !stopping.hasHappened }

  private func refuse(
    _ request: Request,
    _ status: HTTPResponse.Status,
    allow: String? = nil
  ) -> Response {
    var response = text(status.reasonPhrase, status, isHead: request.method == .head)
    if let allow { response.headers[.allow] = allow }
    if request.hasBody { response.headers[.connection] = "close" }
    return response
  }

  private func text(_ text: String, _ status: HTTPResponse.Status, isHead: Bool) -> Response {
    let headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
    return fixed(ByteBuffer(string: text), status, headers: headers, isHead: isHead)
  }

  private func fixed(
    _ body: ByteBuffer,
    _ status: HTTPResponse.Status = .ok,
    headers: HTTPFields,
    isHead: Bool
  ) -> Response {
    var headers = headers
    headers[.contentLength] = String(body.readableBytes)
    return Response(
      status: status,
      headers: headers,
      body: isHead ? ResponseBody() : ResponseBody(byteBuffer: body)
    )
  }

  // MARK: Endpoints

  private func answer(
    _ request: Request,
    _ context: ConnectionContext,
    at endpoint: RegisteredEndpoint
  ) async -> Response {
    let start = ContinuousClock.now
    let trace = TraceContext(traceparent: request.headers[.traceparent])
    var logger = logger
    logger[metadataKey: "request"] = .string(trace.spanID)
    logger[metadataKey: "trace"] = .string(trace.traceID)
    let body = IncomingBody(request: request, channel: context.channel)
    var response: Response
    do {
      response = try await reply(to: request, body: body, context, at: endpoint, trace, logger)
    } catch {
      response = errorResponse(error, logger: logger)
    }
    if request.hasBody, !body.isRead { response.headers[.connection] = "close" }
    response.headers[.server] = service.product
    if let header = HTTPField.Name(service.requestIDHeader) {
      response.headers[header] = trace.spanID
    }
    if let header = service.traceIDHeader.flatMap({ HTTPField.Name($0) }) {
      response.headers[header] = trace.traceID
    }
    logger.info(
      "\(request.method) \(endpoint.path) \(response.status.code)",
      metadata: ["seconds": "\((ContinuousClock.now - start) / .seconds(1))"]
    )
    return response
  }

  private func reply(
    to request: Request,
    body: IncomingBody,
    _ context: ConnectionContext,
    at endpoint: RegisteredEndpoint,
    _ trace: TraceContext,
    _ logger: Logger
  ) async throws -> Response {
    let watch = try await context.channel.pipeline.handler(type: ConnectionWatch.self).get()
    let life = RequestLife(
      timeout: service.timeout,
      clientGone: watch.clientGone,
      stopping: stopping,
      grace: settings.grace
    )
    let work: @Sendable () async throws -> Response = {
      try await life.run {
        let call: @Sendable (String) -> Call = {
          Call(trace: trace, directory: $0, logger: logger)
        }
        return try await turn(request, body, at: endpoint, call)
      }
    }
    guard let interval = settings.interimInterval, watch.takesInterimAnswers else {
      return try await work()
    }
    return try await InterimAnswers(
      channel: context.channel,
      interval: interval,
      isDue: { body.isRead }
    ).during(work)
  }

  /// Reads the request, waits for its turn, and has the endpoint answer it.
  private func turn(
    _ request: Request,
    _ body: IncomingBody,
    at endpoint: RegisteredEndpoint,
    _ call: @Sendable (_ directory: String) -> Call
  ) async throws -> Response {
    guard service.readiness.isReady else {
      throw ServingError(.notReady, "the model is still being loaded", retryAfter: 5)
    }
    if let length = body.announcedByteCount, length > service.limits.bodyBytes {
      throw service.limits.bodyTooLarge
    }
    return try await gate.withPlace {
      try await RequestDirectory.with(under: settings.temporaryDirectory, prefix: service.name) {
        directory in
        let reader = FormReader(
          entries: endpoint.form,
          limits: service.limits,
          directory: directory
        )
        let inputs = try await reader.read(body, contentType: request.headers[.contentType])
        try endpoint.check(inputs)
        let call = call(directory.path)
        return try await gate.withTurn {
          try response(for: await endpoint.answer(inputs, call))
        }
      }
    }
  }

  private func response(for reply: Reply) throws -> Response {
    var headers: HTTPFields = [.contentType: reply.contentType]
    for (name, value) in reply.headers {
      guard let name = HTTPField.Name(name) else {
        throw ServingError(.badDeclaration, "\(name) cannot be the name of a header")
      }
      headers[name] = value
    }
    switch reply.content {
    case .json(let value):
      return fixed(ByteBuffer(string: value.text), headers: headers, isHead: false)
    case .file(let path, let fileName):
      headers[.contentDisposition] = "attachment; filename=\"\(fileName)\""
      return Response(status: .ok, headers: headers, body: body(of: try OpenFile(path)))
    }
  }

  private func body(of file: OpenFile) -> ResponseBody {
    // The open file outlives its name, so the directory can go before the first byte is sent and
    // nothing is left behind if sending fails.
    ResponseBody(contentLength: file.byteCount) { writer in
      var offset = 0
      while offset < file.byteCount {
        let chunk = try await file.read(
          from: offset,
          count: min(128 << 10, file.byteCount - offset)
        )
        offset += chunk.readableBytes
        try await writer.write(chunk)
      }
      try await writer.finish(nil)
    }
  }

  private func errorResponse(_ error: any Error, logger: Logger) -> Response {
    let known: ServingError
    switch error {
    case let error as ServingError: known = error
    case is CancellationError where Task.isCancelled:
      known = ServingError(.stopping, "the server is shutting down: try again later")
    default: known = ServingError(.internalFault, "", cause: error)
    }
    var shown = known
    if known.code.status == 500 {
      logger.error("\(known.code.name): \(known)")
      shown = ServingError(
        known.code,
        "the server failed; its log says why, under the id of this request"
      )
    } else {
      logger.info("\(known.code.name): \(known)")
    }
    var headers: HTTPFields = [.contentType: "application/json"]
    if let seconds = known.retryAfter { headers[.retryAfter] = String(seconds) }
    return Response(
      status: HTTPResponse.Status(code: known.code.status),
      headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(string: shown.body.text))
    )
  }
}

extension HTTPField.Name {
  fileprivate static let traceparent = Self("traceparent") ?? .via
}

extension Request {
  /// Whether bytes follow the head.
  fileprivate var hasBody: Bool {
    headers[.transferEncoding] != nil || (headers[.contentLength].map { $0 != "0" } ?? false)
  }
}

/// A request's body as it arrives, which knows whether all of it has been read.
private final class IncomingBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  typealias Failure = any Error

  let request: Request
  let channel: any Channel
  private let wasRead = Atomic(false)

  init(request: Request, channel: any Channel) {
    self.request = request
    self.channel = channel
  }

  /// Whether the last byte has been read.
  var isRead: Bool { wasRead.load(ordering: .relaxed) }

  /// The number of bytes that the client said it would send.
  var announcedByteCount: Int? { request.headers[.contentLength].flatMap { Int($0) } }

  struct AsyncIterator: AsyncIteratorProtocol {
    typealias Failure = any Error
    let body: IncomingBody
    var chunks: RequestBody.AsyncIterator
    var hasBegun = false

    @concurrent
    mutating func next() async throws -> ByteBuffer? {
      if !hasBegun {
        hasBegun = true
        if body.request.headers[.expect]?.lowercased() == "100-continue" {
          let head = HTTPResponse(status: .continue)
          try await body.channel.writeAndFlush(HTTPResponsePart.head(head))
        }
      }
      do {
        if let chunk = try await chunks.next() { return chunk }
      } catch {
        try Task.checkCancellation()
        throw ServingError(
          [InputProblem("body_incomplete", "the connection ended before the body was complete")])
      }
      try Task.checkCancellation()
      body.wasRead.store(true, ordering: .relaxed)
      return nil
    }
  }

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(body: self, chunks: request.body.makeAsyncIterator())
  }
}
