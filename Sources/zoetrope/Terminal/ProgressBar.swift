// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import StableVideoDiffusion
import Synchronization

/// A line that grows while a clip is made, with the time that is left by the steps measured so far.
final class ProgressBar: Sendable {
  private struct State {
    var denoisingSince: ContinuousClock.Instant?
    var decodingSince: ContinuousClock.Instant?
    var isShown = false
  }

  private let state = Mutex(State())
  private let clock = ContinuousClock()

  func show(_ progress: GenerationProgress) {
    let line: String = state.withLock { state in
      state.isShown = true
      switch progress {
      case .encoding:
        state.denoisingSince = clock.now
        return "encoding the picture"
      case .denoised(let step, let total):
        let since = state.denoisingSince ?? clock.now
        if step == total { state.decodingSince = clock.now }
        return Self.bar("denoising", step, total, clock.now - since)
      case .decoded(let frame, let total):
        return Self.bar("decoding", frame, total, clock.now - (state.decodingSince ?? clock.now))
      }
    }
    write(line)
  }

  /// Says that other work comes first.
  ///
  /// - Parameter others: How much.
  func wait(for others: Int) {
    state.withLock { $0.isShown = true }
    write(others == 0 ? "waiting: next in line" : "waiting: \(others) before this one")
  }

  private func write(_ line: String) { Terminal.write("\r\u{1B}[K" + line, to: STDERR_FILENO) }

  /// Takes the line away.
  func clear() {
    guard state.withLock({ $0.isShown }) else { return }
    Terminal.write("\r\u{1B}[K", to: STDERR_FILENO)
  }

  static func bar(_ name: String, _ done: Int, _ total: Int, _ elapsed: Duration) -> String {
    let left = Int(
      (elapsed / .seconds(1) / Double(max(done, 1)) * Double(total - done)).rounded(.up)
    )
    let name = name + String(repeating: " ", count: max(0, 10 - name.count))
    return "\(name)\(cells(done, total)) \(done)/\(total)"
      + (done < total ? "  \(left) s left" : "")
  }

  /// The line's drawn part.
  static func cells(_ done: Int, _ total: Int) -> String {
    let width = 24
    let filled = Int(Double(width) * Double(done) / Double(max(total, 1)))
    return "[" + String(repeating: "━", count: filled)
      + String(repeating: " ", count: width - filled) + "]"
  }
}
