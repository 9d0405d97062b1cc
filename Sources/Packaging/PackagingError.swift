// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why something cannot be packaged, stored or shipped.
package struct PackagingError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  package enum Code: Sendable {
    /// A file that a person wrote says something that it cannot say.
    case invalidFile
    /// A name, path or reference has a form that it cannot have.
    case invalidValue
    /// Something that was named is not there.
    case notFound
    /// Something of that name is there already.
    case alreadyExists
    /// Bytes are not the ones that their digest promises, or an archive is malformed.
    case damaged
    /// The system refused to read or write a file.
    case fileSystem
    /// A registry refused, or did not answer as registries do.
    case registry
  }

  /// The kind of failure.
  package let code: Code
  /// What is wrong and what to do, on one line.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
