// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import Glibc
internal import Subprocess

/// Makes a write fail, for the whole process and once and for all, that would otherwise end it: to a
/// program that has ended, or beyond a limit on the size of files.
func surviveFailedWrites() {
  _ = signalsAreIgnored
}

private let signalsAreIgnored: Bool = {
  signal(SIGPIPE, SIG_IGN)
  signal(SIGXFSZ, SIG_IGN)
  return true
}()

/// Runs `body`, cancels it when `limit` has passed, and waits for it to be gone.
///
/// - Returns: what `body` returned, or nil when it was too late.
func withDeadline<Result: Sendable>(
  _ limit: Duration,
  _ body: @Sendable @escaping () async throws -> Result
) async throws -> Result? {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    let first = try await group.next() ?? nil
    if first == nil { try Task.checkCancellation() }
    return first
  }
}

/// Writes all of a program's input and ends it.
///
/// A program that ends before it has read everything is no error here: why it did is in its status
/// and its messages. (Subprocess's own `.array` input must not be used for a program that may do
/// that: when the pipe breaks, its writer is dropped unclosed and ends this process.)
func feed(_ bytes: [UInt8], to writer: StandardInputWriter) async throws {
  _ = try? await writer.write(bytes)
  try await writer.finish()
}

/// The last `limit` bytes a program wrote, as lines joined by a semicolon, without control
/// characters: fit for a one-line message.
func tail(of output: SubprocessOutputSequence, limit: Int) async -> String {
  var kept: [UInt8] = []
  do {
    for try await buffer in output {
      unsafe buffer.withUnsafeBytes { unsafe kept.append(contentsOf: $0) }
      if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
    }
  } catch {
    // What was read before the pipe broke is still the best explanation there is.
  }
  let lines = String(decoding: kept.suffix(limit), as: UTF8.self)
    .split(whereSeparator: \.isNewline)
  return lines.map { line in
    String(String.UnicodeScalarView(line.unicodeScalars.filter { $0.value >= 32 }))
  }.joined(separator: "; ")
}
