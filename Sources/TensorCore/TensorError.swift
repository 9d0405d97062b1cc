// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What went wrong in an operation on tensors.
public struct TensorError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable, Equatable {
    /// Operands whose shapes do not fit the operation or each other.
    case shape
    /// Memory that could not be had; the needed bytes are in the message.
    case outOfMemory
    /// A library below failed; its status is in the message.
    case library
  }

  /// The kind of failure.
  public let code: Code
  /// The operation that failed, as "convolution".
  public let operation: String
  /// What was wrong.
  public let message: String

  /// Makes an error.
  ///
  /// - Parameters:
  ///   - code: The kind of failure.
  ///   - operation: The operation that failed.
  ///   - message: What was wrong.
  public init(_ code: Code, _ operation: String, _ message: String) {
    self.code = code
    self.operation = operation
    self.message = message
  }

  /// The operation and the message on one line.
  public var description: String { "\(operation): \(message)" }
}
