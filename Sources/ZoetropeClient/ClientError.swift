// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a server did not do what it was asked.
public struct ClientError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable, Equatable {
    /// The server answered with this status.
    case refused(status: Int)
    /// The server cannot be reached.
    case unreachable
    /// The task has failed; the message is the server's reason.
    case failed
    /// The task was cancelled, by whomever.
    case cancelled
    /// The answer is not what this client knows.
    case unexpectedAnswer
    /// A file of this machine cannot be read or written.
    case file
  }

  /// The kind of failure.
  public let code: Code
  /// One line: what went wrong and what to do about it.
  public let message: String

  /// The message.
  public var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
