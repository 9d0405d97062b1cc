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
  var status = TaskState.Status.inProgress
  /// When it ended.
  var executedAt: Date?
  /// What the endpoint answered, errors included.
  var answer: Answer?

  /// The task as clients see it.
  var state: TaskState {
    TaskState(id: id, status: status, createdAt: createdAt, executedAt: executedAt)
  }
}
