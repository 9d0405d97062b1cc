// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes

extension RegisteredEndpoint {
  /// The routes of an endpoint's tasks.
  func taskPaths(of service: String) -> [(name: String, value: JSON)] {
    TaskAction.allCases.map { action in
      var members: [(name: String, value: JSON)] = [
        ("tags", ["Service APIs"]), ("summary", .string(action.summary)),
        ("operationId", .string("\(service)__\(name)_\(action.rawValue)")),
      ]
      switch action {
      case .submit: members.append(("requestBody", requestBody))
      default: members.append(("parameters", [Self.taskID]))
      }
      members.append(("responses", .object(responses(of: action))))
      let method = action.methods[0].rawValue.lowercased()
      return ("\(path)/\(action.rawValue)", .object([(method, .object(members))]))
    }
  }

  private static let taskID: JSON = [
    "name": "task_id", "in": "query", "required": true, "schema": ["type": "string"],
    "description": "What submitting the task gave.",
  ]

  private func responses(of action: TaskAction) -> [(name: String, value: JSON)] {
    let task: JSON = [
      "description": "The task.",
      "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Task"]]],
    ]
    if action == .submit { return [("200", task)] + Self.failures }
    let missing: [(name: String, value: JSON)] = [
      ("400", Self.failure("The id is missing, or the task is not in a state for this.")),
      ("404", Self.failure("There is no such task, or no more.")),
      ("500", Self.failure("The server failed; its log says why.")),
    ]
    switch action {
    case .get:
      // The answer that was kept may be any that the endpoint gives.
      let kept = Self.failures.filter { failure in !missing.contains { $0.name == failure.name } }
      return [("200", success)] + missing + kept
    case .retry:
      let kept = Self.failures.filter { ["429", "503", "507"].contains($0.name) }
      return [("200", task)] + missing + kept
    default: return [("200", task)] + missing
    }
  }
}

extension TaskAction {
  fileprivate var summary: String {
    switch self {
    case .submit: "Begins a task: the work goes on when the connection is closed."
    case .status: "How a task is."
    case .get: "What a task made; may be asked again and again."
    case .retry: "Begins a task that does once more what another did."
    case .cancel: "Ends a task before it is done."
    }
  }
}

extension TaskRecord {
  /// What is said of a task.
  static let schema: JSON = [
    "type": "object", "required": ["task_id", "status"],
    "properties": [
      "task_id": ["type": "string"],
      "status": ["type": "string", "enum": ["in_progress", "completed", "failed", "canceled"]],
      "created_at": ["type": "string", "description": "When it was submitted, in UTC."],
      "executed_at": [
        "type": "string", "nullable": true, "description": "When it ended, in UTC.",
      ],
    ],
  ]
}
