// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird

/// Answers the requests to a service's endpoints, and to the tasks made of them.
struct EndpointResponder: Sendable {
  let handling: RequestHandling
  let tasks: TaskRunner

  /// Answers a request that ``RequestHandling`` has taken on.
  ///
  /// - Throws: ``ServingError`` for what the client should know; whatever the endpoint throws.
  func respond(
    to incoming: Incoming,
    at endpoint: RegisteredEndpoint,
    _ task: TaskAction?
  ) async throws -> Response {
    switch task {
    case nil:
      return try await handling.tellingClient(of: incoming) {
        try await handling.life(of: incoming).run { try await answer(incoming, endpoint) }
      }
    case .submit: return try await submit(incoming, endpoint)
    case .status, .get, .retry, .cancel: return try await manage(incoming, endpoint, task)
    }
  }

  // MARK: Calls

  /// Reads the request, waits for its turn, and has the endpoint answer it.
  private func answer(
    _ incoming: Incoming,
    _ endpoint: RegisteredEndpoint
  ) async throws -> Response {
    try handling.service.admit(incoming.body)
    return try await handling.gate.withPlace {
      try await handling.withDirectory { directory in
        let work = try endpoint.bind(await read(incoming, endpoint, into: directory))
        let answer = { @Sendable in
          let reply = try await offEventLoop { try await work(incoming.call(directory)) }
          return try Answer(reply).response()
        }
        // An endpoint that keeps its tasks has a line of its own for them and the others.
        if endpoint.keeper != nil { return try await answer() }
        return try await handling.gate.withTurn(answer)
      }
    }
  }

  private func read(
    _ incoming: Incoming,
    _ endpoint: RegisteredEndpoint,
    into directory: RequestDirectory
  ) async throws -> [String: FieldInput] {
    let reader = FormReader(
      entries: endpoint.form,
      limits: handling.service.limits,
      directory: directory
    )
    return try await reader.read(
      incoming.body,
      contentType: incoming.request.headers[.contentType]
    )
  }

  // MARK: Tasks

  private func submit(
    _ incoming: Incoming,
    _ endpoint: RegisteredEndpoint
  ) async throws -> Response {
    if let keeper = endpoint.keeper {
      return try await handling.life(of: incoming).run {
        try handling.service.admit(incoming.body)
        return try await handling.gate.withPlace {
          try await handling.withDirectory { directory in
            let inputs = try await read(incoming, endpoint, into: directory)
            return try Answer(
              await keeper.submit(inputs, incoming.call(directory)).brief
            ).response()
          }
        }
      }
    }
    let record = try await handling.life(of: incoming).run {
      try handling.service.admit(incoming.body)
      // Given back by the task when it ends.
      try handling.gate.takePlace()
      do {
        let directory = handling.newDirectory()
        do {
          let inputs = try await read(incoming, endpoint, into: directory)
          _ = try endpoint.bind(inputs)
          return try await tasks.start(
            endpoint,
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
        handling.gate.leavePlace()
        throw error
      }
    }
    return try Answer(record.state.brief).response()
  }

  /// Answers what concerns a task that there is.
  private func manage(
    _ incoming: Incoming,
    _ endpoint: RegisteredEndpoint,
    _ action: TaskAction?
  ) async throws -> Response {
    guard let id = incoming.request.uri.queryParameters["task_id"].map(String.init) else {
      throw ServingError(.invalidRequest, "task_id is required")
    }
    if let keeper = endpoint.keeper {
      return try await manage(incoming, action, id, keeper)
    }
    guard let record = try await tasks.find(id), record.path == endpoint.path else {
      throw Self.notFound
    }
    let isHead = incoming.isHead
    switch action {
    case .status: return try Answer(record.state.full).response(isHead: isHead)
    case .get:
      guard let answer = record.answer else { throw record.state.isNotCompleted }
      return try answer.response(isHead: isHead)
    case .retry:
      guard record.status != .inProgress else { throw record.state.isNotCompleted }
      try handling.gate.takePlace()
      do {
        let retried = try await tasks.retry(
          record,
          endpoint,
          incoming.trace,
          keyName: incoming.keyName
        )
        return try Answer(retried.state.brief).response()
      } catch {
        handling.gate.leavePlace()
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
    let directory = handling.newDirectory()
    defer { directory.remove() }
    let call = incoming.call(directory)
    guard let state = try await keeper.find(id, call) else { throw Self.notFound }
    let isHead = incoming.isHead
    switch action {
    case .status: return try Answer(state.full).response(isHead: isHead)
    case .get:
      guard state.status == .completed || state.status == .failed else {
        throw state.isNotCompleted
      }
      return try Answer(await keeper.result(id, call)).response(isHead: isHead)
    case .retry:
      try handling.service.admit(incoming.body)
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
