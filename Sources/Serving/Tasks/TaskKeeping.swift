// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import FoundationEssentials

/// An endpoint that does its work in a line of its own, and keeps its tasks itself.
///
/// The server keeps the tasks of any other endpoint in memory, in line with the requests that wait.
/// This one may keep them where they outlive the server.
public protocol TaskKeeping: Endpoint {
  /// Takes a task on.
  ///
  /// - Throws: ``ServingError`` for what the client should know.
  func submit(_ input: Input, _ call: Call) async throws -> TaskState
  /// How a task is; nil if there is none of that id that the call may see.
  ///
  /// - Throws: ``ServingError`` for what the client should know.
  func task(_ id: String, _ call: Call) async throws -> TaskState?
  /// What a task that ended has for a result.
  ///
  /// - Throws: ``ServingError`` if that is an error.
  func result(of id: String, _ call: Call) async throws -> Reply
  /// Takes a task on that does once more what another did; nil if there is no other.
  ///
  /// - Throws: ``ServingError`` for what the client should know.
  func retry(_ id: String, _ call: Call) async throws -> TaskState?
  /// Ends a task; one that has ended already stays as it is.
  ///
  /// - Returns: The task as it then is; nil if there is none of that id.
  /// - Throws: ``ServingError`` for what the client should know.
  func cancel(_ id: String, _ call: Call) async throws -> TaskState?
}

extension TaskKeeping {
  /// True.
  public var takesTasks: Bool { true }
}

/// How a task is.
public struct TaskState: Sendable {
  /// BentoML's words for it.
  public enum Status: String, Sendable {
    /// It waits for its turn or is being worked on.
    case inProgress = "in_progress"
    /// It has its result.
    case completed
    /// It has an error for a result.
    case failed
    /// It was cancelled.
    case canceled
  }

  /// What the task is asked for by: who knows it may read the result.
  public let id: String
  /// How far it is.
  public let status: Status
  /// When it was taken on.
  public let createdAt: Date
  /// When it ended.
  public let executedAt: Date?

  /// Describes a task.
  public init(id: String, status: Status, createdAt: Date, executedAt: Date? = nil) {
    self.id = id
    self.status = status
    self.createdAt = createdAt
    self.executedAt = executedAt
  }

  /// What a client hears that submits, retries or cancels.
  var brief: JSON { ["task_id": .string(id), "status": .string(status.rawValue)] }

  /// What a client hears that asks.
  var full: JSON {
    [
      "task_id": .string(id), "status": .string(status.rawValue),
      "created_at": .string(Self.text(createdAt)),
      "executed_at": executedAt.map { .string(Self.text($0)) } ?? .null,
    ]
  }

  var isNotCompleted: ServingError {
    ServingError(
      .invalidRequest,
      "task \(id) is \(status == .canceled ? "canceled" : "not completed yet")"
    )
  }

  var hasEnded: ServingError { ServingError(.invalidRequest, "task \(id) has ended already") }

  /// As BentoML writes times: in UTC, without saying so.
  private static func text(_ date: Date) -> String {
    date.formatted(
      .iso8601.year().month().day().dateTimeSeparator(.standard)
        .time(includingFractionalSeconds: true)
    )
  }
}

/// A ``TaskKeeping`` endpoint whatever the type of its input.
struct TaskKeeper: Sendable {
  let submit: @Sendable ([String: FieldInput], Call) async throws -> TaskState
  let find: @Sendable (String, Call) async throws -> TaskState?
  let result: @Sendable (String, Call) async throws -> Reply
  let retry: @Sendable (String, Call) async throws -> TaskState?
  let cancel: @Sendable (String, Call) async throws -> TaskState?

  init<Wrapped: TaskKeeping>(
    _ endpoint: Wrapped,
    _ schema: Result<FormSchema<Wrapped.Input>, ServingError>
  ) {
    submit = { inputs, call in
      let input = try schema.get().decode(inputs)
      return try await offEventLoop { try await endpoint.submit(input, call) }
    }
    find = { id, call in try await offEventLoop { try await endpoint.task(id, call) } }
    result = { id, call in try await offEventLoop { try await endpoint.result(of: id, call) } }
    retry = { id, call in try await offEventLoop { try await endpoint.retry(id, call) } }
    cancel = { id, call in try await offEventLoop { try await endpoint.cancel(id, call) } }
  }
}
