// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import SharedLibrary
internal import Synchronization

/// A function of a library, looked up when it is first called: a library that lacks it is of use as
/// long as nobody needs it.
@safe final class EntryPoint<Function>: Sendable {
  private let library: SharedLibrary
  private let symbol: String
  private let address = Atomic<UInt>(0)

  init(_ library: SharedLibrary, _ symbol: String) {
    self.library = library
    self.symbol = symbol
  }

  /// The function.
  ///
  /// - Throws: `CUDAError` with code `.symbol` if the library lacks it.
  var function: Function {
    get throws(CUDAError) {
      var address = address.load(ordering: .relaxed)
      if address == 0 {
        do { address = try library.address(of: symbol) } catch {
          throw CUDAError(.symbol, symbol, "\(error.message); a newer \(library.name) has it")
        }
        self.address.store(address, ordering: .relaxed)
      }
      // A C function pointer is an address; its type is the one that CCUDA declares for the symbol.
      return unsafe unsafeBitCast(address, to: Function.self)
    }
  }

  /// Whether the library has the function.
  var exists: Bool { (try? library.address(of: symbol)) != nil }
}
