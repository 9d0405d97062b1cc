// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import HTTPTypes

/// What can be asked of an endpoint's tasks, in the routes that BentoML has for it.
enum TaskAction: String, CaseIterable, Sendable {
  case submit, status, get, retry, cancel

  /// The methods that its route takes.
  var methods: [HTTPRequest.Method] {
    switch self {
    case .submit, .retry: [.post]
    case .status, .get: [.get, .head]
    case .cancel: [.put]
    }
  }
}

/// How a task is, in BentoML's words.
enum TaskStatus: String, Sendable {
  /// It waits for its turn or is being worked on.
  case inProgress = "in_progress"
  /// It has its result.
  case completed
  /// It has an error for a result.
  case failed
  /// It was cancelled.
  case canceled
}

/// A request that is answered later.
struct TaskRecord: Sendable {
  /// 32 hexadecimal digits that cannot be guessed: who knows them may read the result.
  let id: String
  /// The endpoint's path.
  let path: String
  let inputs: [String: FieldInput]
  /// Holds the uploads and what was made of them, for as long as the task is kept.
  let directory: RequestDirectory
  let createdAt: Date
  var status = TaskStatus.inProgress
  /// When it ended.
  var executedAt: Date?
  /// What the endpoint answered, errors included.
  var answer: Answer?

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

  /// As BentoML writes times: in UTC, without saying so.
  private static func text(_ date: Date) -> String {
    date.formatted(
      .iso8601.year().month().day().dateTimeSeparator(.standard)
        .time(includingFractionalSeconds: true)
    )
  }
}
