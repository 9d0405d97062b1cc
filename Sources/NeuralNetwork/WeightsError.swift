// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a model cannot be built from a checkpoint.
public struct WeightsError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable {
    /// The model needs a tensor that the checkpoint lacks.
    case missing
    /// A tensor's sizes are not those that the configuration asks for.
    case shape
    /// The checkpoint holds a tensor that the model has no use for.
    case unexpected
    /// A tensor does not hold floating-point numbers.
    case type
    /// A tensor could not be read or kept.
    case read
  }

  /// The kind of failure.
  public let code: Code
  /// The folder of the checkpoint.
  public let place: String
  /// The name of the tensor.
  public let tensor: String
  /// What is wrong with it.
  public let message: String

  /// Makes an error.
  ///
  /// - Parameters:
  ///   - code: The kind of failure.
  ///   - place: The folder of the checkpoint.
  ///   - tensor: The name of the tensor.
  ///   - message: What is wrong with it, to be read after its name.
  public init(_ code: Code, _ place: String, _ tensor: String, _ message: String) {
    self.code = code
    self.place = place
    self.tensor = tensor
    self.message = message
  }

  /// Folder, tensor and message on one line.
  public var description: String { "\(place): \(tensor) \(message)" }
}
