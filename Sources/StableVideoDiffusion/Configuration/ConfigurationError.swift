// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a checkpoint's configuration cannot be used.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public let path: String
  /// The key, or none where the file as a whole is at fault.
  public let key: String?
  /// What is wrong and what would be right.
  public let message: String

  /// Makes an error.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - key: The key, if one is at fault.
  ///   - message: What is wrong and what would be right.
  public init(_ path: String, _ key: String?, _ message: String) {
    self.path = path
    self.key = key
    self.message = message
  }

  /// File, key and message on one line.
  public var description: String {
    key.map { "\(path): \($0): \(message)" } ?? "\(path): \(message)"
  }
}
