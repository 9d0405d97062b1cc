// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What is known of a request besides its head and body.
struct ConnectionContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}

/// Answers every request of one service.
struct ServiceResponder: HTTPResponder {
  let handling: RequestHandling
  let routes: RouteTable
  let metrics: ServiceMetrics
  let endpoints: EndpointResponder
  let operations: OperationResponder
  let crossOrigin: CrossOrigin
  let logger: Logger

  private var service: Service { handling.service }
  private var settings: HTTPServer.Settings { handling.settings }

  func respond(to request: Request, context: ConnectionContext) async throws -> Response {
    let path = request.uri.path
    let match = routes.find(path)
    let route = match?.route
    let trace = TraceContext(traceparent: request.headers[.traceparent])
    var logger = logger
    logger[metadataKey: "request"] = .string(trace.spanID)
    logger[metadataKey: "trace"] = .string(trace.traceID)
    let start = ContinuousClock.now
    let shown = match?.name ?? "other"
    let isCounted = if case .metrics = route { false } else { true }
    if isCounted { metrics.began(shown, isProbe: route?.isProbe ?? false) }
    var response: Response
    if let preflight = crossOrigin.preflight(request) {
      response = preflight
    } else {
      response = await answer(request, context, match, trace, &logger)
    }
    crossOrigin.mark(&response, for: request)
    let elapsed = ContinuousClock.now - start
    if isCounted { metrics.ended(shown, status: response.status.code, after: elapsed) }
    // Probes come every few seconds for as long as the server runs.
    if route?.isProbe != true, isCounted {
      logger.info(
        "\(request.method) \(path) \(response.status.code)",
        metadata: [
          "client": "\(context.channel.remoteAddress?.ipAddress ?? "unknown")",
          "seconds": "\((elapsed / .milliseconds(1)).rounded() / 1000)",
        ]
      )
    }
    return response
  }

  private func answer(
    _ request: Request,
    _ context: ConnectionContext,
    _ match: RouteTable.Match?,
    _ trace: TraceContext,
    _ logger: inout Logger
  ) async -> Response {
    let path = request.uri.path
    guard let match else {
      if path.hasSuffix("/"), routes.find(String(path.dropLast())) != nil {
        // Relative, so that it does not depend on the Host header, which anyone can set.
        return Response(
          status: .temporaryRedirect,
          headers: [.location: String(path.dropLast())]
        )
      }
      return refuse(request, .notFound)
    }
    let route = match.route
    guard route.methods.contains(request.method) else {
      let allow = route.methods.map(\.rawValue).joined(separator: ", ")
      guard case .operations = route else {
        return refuse(request, .methodNotAllowed, allow: allow)
      }
      let error = ServingError(.methodNotAllowed, "\(path) takes \(allow)")
      return refuse(request, error, route, trace, headers: [.allow: allow])
    }
    var keyName: String?
    if !settings.keys.isEmpty {
      keyName = settings.keys.name(for: request.headers[.authorization])
      guard keyName != nil || !route.needsKey(for: request.method) else {
        let error = ServingError(.unauthorized, "Authorization error")
        return refuse(request, error, route, trace, headers: [.wwwAuthenticate: "Bearer"])
      }
      if let keyName { logger[metadataKey: "key"] = .string(keyName) }
    }
    switch route {
    case .probe(let isReadiness):
      return await probe(isReadiness: isReadiness, isHead: request.method == .head)
    case .document(let document):
      return fixed(document.body, headers: document.headers, isHead: request.method == .head)
    case .metrics:
      return fixed(
        ByteBuffer(string: metrics.text(service.load?() ?? handling.gate.work)),
        headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
        isHead: request.method == .head
      )
    case .endpoint(let endpoint, let task):
      return await handling.respond(
        to: request,
        on: context.channel,
        trace,
        keyName: keyName,
        logger
      ) { incoming in try await endpoints.respond(to: incoming, at: endpoint, task) }
    case .operations:
      guard let operation = route.operation(for: request.method) else {
        return refuse(request, .methodNotAllowed)
      }
      return await handling.respond(
        to: request,
        on: context.channel,
        trace,
        keyName: keyName,
        logger,
        errorsIn: operation.envelope
      ) { incoming in
        try await operations.respond(to: incoming, with: operation, match.parameters)
      }
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

  private var isServing: Bool { service.readiness.isReady && !handling.stopping.hasHappened }

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

  /// Refuses in the words of what the path leads to.
  private func refuse(
    _ request: Request,
    _ error: ServingError,
    _ route: Route,
    _ trace: TraceContext,
    headers: HTTPFields
  ) -> Response {
    var answer = Answer(error, in: route.envelope.map { ($0, trace.spanID) })
    for field in headers { answer.headers[field.name] = field.value }
    var response = Response(status: .init(code: error.code.status))
    if let refusal = try? answer.response(isHead: request.method == .head) { response = refusal }
    if request.hasBody { response.headers[.connection] = "close" }
    service.mark(&response, trace)
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
}

extension HTTPField.Name {
  fileprivate static let traceparent = Self("traceparent") ?? .via
}
