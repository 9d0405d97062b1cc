// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Why a model cannot be fetched, or used from the cache.
package struct HubError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  package enum Code: Sendable {
    /// A name, an address or another setting has a form that it cannot have.
    case invalidValue
    /// The repository, the revision or a file of it is not there, or not for this token to see.
    case notFound
    /// The repository is gated, or the token is not accepted.
    case refused
    /// The Hub cannot be reached, or does not answer as the Hub does.
    case unreachable
    /// The repository holds no pipeline that can be used.
    case unusable
    /// What came, or what is kept, does not have its hash.
    case damaged
    /// There is not enough room on the disk.
    case diskFull
    /// The system refused to read or write a file.
    case fileSystem
  }

  /// The kind of failure.
  package let code: Code
  /// What is wrong and what to do, on one line.
  package let message: String

  /// Makes an error.
  ///
  /// - Parameters:
  ///   - code: The kind of failure.
  ///   - message: What is wrong and what to do, on one line.
  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}

/// A failure that may pass: what was tried is worth another try.
struct PassingFailure: Error {
  let reason: String
  /// How long the other side asks to wait.
  var wait: Duration?
  /// Whether an address that was signed for a while is no longer good.
  var isExpired = false
}

/// Text of another's making, fit for one line of a log.
func printable(_ text: String, limit: Int = 200) -> String {
  let safe = text.unicodeScalars.map { scalar in
    scalar.properties.generalCategory == .control ? "?" : String(scalar)
  }
  return safe.count > limit ? safe.prefix(limit).joined() + "…" : safe.joined()
}
