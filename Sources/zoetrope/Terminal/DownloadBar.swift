// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import Hub
import Synchronization

/// A line that grows while files are fetched, with what comes a second and the time that is left.
final class DownloadBar: Sendable {
  private struct State {
    var first: (done: Int, at: ContinuousClock.Instant)?
    var shown: ContinuousClock.Instant?
  }

  private let state = Mutex(State())

  func show(_ progress: ModelFetcher.Progress) {
    let now = ContinuousClock.now
    let line: String? = state.withLock { state in
      let first = state.first ?? (progress.done, now)
      state.first = first
      // Bytes come far more often than anyone can see.
      if let shown = state.shown, now - shown < .milliseconds(100) { return nil }
      state.shown = now
      return Self.line(progress, since: first.done, elapsed: (now - first.at) / .seconds(1))
    }
    if let line { Terminal.write("\r\u{1B}[K" + line, to: STDERR_FILENO) }
  }

  /// Takes the line away.
  func clear() {
    guard state.withLock({ $0.shown != nil }) else { return }
    Terminal.write("\r\u{1B}[K", to: STDERR_FILENO)
  }

  static func line(_ progress: ModelFetcher.Progress, since: Int, elapsed: Double) -> String {
    let cells = ProgressBar.cells(progress.done, progress.total)
    var line =
      "fetching  \(cells) \(Output.megabytes(progress.done)) of \(Output.megabytes(progress.total))"
    let rate = Double(progress.done - since) / max(elapsed, 0.001)
    if elapsed > 1, rate > 1 {
      let left = (Double(progress.total - progress.done) / rate).rounded(.up)
      line += "  \(Output.megabytes(Int(rate)))/s  \(Int(left)) s left"
    }
    return line
  }
}
