// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a shared library or one of its symbols cannot be had.
public struct SharedLibraryError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: Sendable {
    /// No file of any of the names was found.
    case notFound
    /// Files were found, and none could be opened.
    case notLoadable
    /// The library lacks a symbol.
    case missingSymbol
  }

  /// A place where the library was looked for, and why it was not taken from there.
  public struct Attempt: Sendable, Equatable {
    /// The file.
    public let path: String
    /// What was wrong with it.
    public let reason: String

    /// Makes an attempt.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - reason: What was wrong with it.
    public init(path: String, reason: String) {
      self.path = path
      self.reason = reason
    }
  }

  /// The kind of failure.
  public let code: Code
  /// What a person calls the library, as "cuDNN".
  public let library: String
  /// What is wrong.
  public let message: String
  /// The files that were there and could not be opened.
  public let attempts: [Attempt]

  init(_ code: Code, _ library: String, _ message: String, attempts: [Attempt] = []) {
    self.code = code
    self.library = library
    self.message = message
    self.attempts = attempts
  }

  /// Library and message on one line.
  public var description: String { "\(library): \(message)" }
}
