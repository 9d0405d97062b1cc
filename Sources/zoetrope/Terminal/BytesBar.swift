// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import Synchronization

/// A line that grows while files are fetched or written, with what comes a second and the time that is
/// left.
final class BytesBar: Sendable {
  private struct State {
    var first: (done: Int, at: ContinuousClock.Instant)?
    var shown: ContinuousClock.Instant?
  }

  private let verb: String
  private let state = Mutex(State())

  /// - Parameter verb: What is done with the bytes, as "fetching".
  init(_ verb: String) { self.verb = verb }

  func show(_ done: Int, of total: Int) {
    let now = ContinuousClock.now
    let text = state.withLock { state -> String? in
      let first = state.first ?? (done, now)
      state.first = first
      // Bytes come far more often than anyone can see.
      if let shown = state.shown, now - shown < .milliseconds(100) { return nil }
      state.shown = now
      return Self.line(
        verb,
        done,
        of: total,
        since: first.done,
        elapsed: (now - first.at) / .seconds(1)
      )
    }
    if let text { Terminal.write("\r\u{1B}[K" + text, to: STDERR_FILENO) }
  }

  /// Takes the line away.
  func clear() {
    guard state.withLock({ $0.shown != nil }) else { return }
    Terminal.write("\r\u{1B}[K", to: STDERR_FILENO)
  }

  private static func line(
    _ verb: String,
    _ done: Int,
    of total: Int,
    since: Int,
    elapsed: Double
  ) -> String {
    let cells = ProgressBar.cells(done, total)
    var line = "\(verb)  \(cells) \(Output.megabytes(done)) of \(Output.megabytes(total))"
    let rate = Double(done - since) / max(elapsed, 0.001)
    if elapsed > 1, rate > 1 {
      let left = (Double(total - done) / rate).rounded(.up)
      line += "  \(Output.megabytes(Int(rate)))/s  \(Int(left)) s left"
    }
    return line
  }
}
