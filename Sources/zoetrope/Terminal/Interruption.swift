// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import Synchronization
import UnixSignals

/// Work that a person may end with Ctrl-C, and a service manager with SIGTERM, without leaving half of
/// a file behind.
enum Interruption {
  /// Runs work, and cancels it at the first such signal; a second one ends the program at once.
  ///
  /// - Parameter work: What to run.
  /// - Returns: What it returns.
  /// - Throws: What it throws; `ExitCode` with a shell's number for the signal that came.
  static func cancelling<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let work = Task { try await work() }
    let first = Mutex<UnixSignal?>(nil)
    let watch = Task {
      for await signal in signals {
        let isFirst = first.withLock { first in
          defer { first = first ?? signal }
          return first == nil
        }
        if !isFirst { Zoetrope.exit(withError: code(signal)) }
        work.cancel()
        Terminal.say("stopping after this step; once more to stop at once")
      }
    }
    defer { watch.cancel() }
    do { return try await work.value } catch {
      guard let signal = first.withLock(\.self) else { throw error }
      throw code(signal)
    }
  }

  private static func code(_ signal: UnixSignal) -> ExitCode {
    ExitCode(signal == .sigint ? 130 : 143)
  }
}
