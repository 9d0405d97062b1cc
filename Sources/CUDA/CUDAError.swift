// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// What went wrong with a GPU or one of its libraries.
package struct CUDAError: Error, Equatable, CustomStringConvertible {
  /// The kind of failure.
  package enum Code: Sendable {
    /// A library could not be opened.
    case library
    /// A library is too old or too new for what is wanted of it.
    case symbol
    /// There is no GPU, or none of that number, or it is too old.
    case device
    /// The GPU's memory is short.
    case outOfMemory
    /// The library has no way to compute what was asked for.
    case unsupported
    /// A kernel could not be compiled.
    case compilation
    /// A call failed.
    case call
  }

  package let code: Code
  /// The call that failed, as "cuLaunchKernel gate".
  package let call: String
  /// What went wrong, and where possible what to do.
  package let message: String

  package init(_ code: Code, _ call: String, _ message: String) {
    self.code = code
    self.call = call
    self.message = message
  }

  package var description: String { "\(call): \(message)" }
}
