// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOCore

/// A job as a server tells of it.
struct JobAnswer: Decodable {
  struct Problem: Decodable {
    let message: String
  }

  let id: String
  let state: String
  let stage: String?
  let done: Int
  let total: Int
  let part: Double
  let eta_seconds: Double?
  let queue_position: Int?
  private let seedText: String?
  private let error: Problem?

  enum CodingKeys: String, CodingKey {
    case id, state, stage, done, total, eta_seconds, queue_position, error
    case part = "progress"
    case seedText = "seed"
  }

  init(_ text: String) throws(ClientError) {
    do { self = try JSONDecoder().decode(Self.self, from: Data(text.utf8)) } catch {
      throw ClientError(.unexpectedAnswer, "the server's answer does not tell of a job")
    }
  }

  init(_ answer: ZoetropeClient.Answer) throws(ClientError) {
    try self.init(String(buffer: answer.body))
  }

  var seed: UInt64? { seedText.flatMap { UInt64($0) } }

  /// Why there is no clip.
  var failure: ClientError {
    ClientError(.failed, error?.message ?? "the task has failed")
  }

  var progress: TaskProgress {
    get throws(ClientError) {
      let status: ClipTaskStatus
      switch state {
      case "queued", "running": status = .inProgress
      case "succeeded": status = .completed
      case "failed": status = .failed
      case "cancelled": status = .canceled
      default: throw ClientError(.unexpectedAnswer, "the server has a job in state \(state)")
      }
      var progress = TaskProgress(status: status)
      progress.stage = stage
      progress.done = done
      progress.total = total
      progress.fraction = part
      progress.secondsLeft = eta_seconds
      progress.queuePosition = queue_position
      return progress
    }
  }
}
