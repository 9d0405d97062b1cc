// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import StableVideoDiffusion
import Synchronization
import TensorCUDA
import TensorCore

/// What each stage of a generation asks of a GPU, as `zoetrope bench --profile` tells it.
final class BenchProfile: Sendable {
  private enum Stage: String, CaseIterable {
    case encode
    case first = "first step"
    case steps = "other steps"
    case decode
  }

  private let profile: Profile
  private let engine: CUDAEngine
  /// What the GPU can do at best, measured here: operations a second, and bytes a second read and written.
  private let ceilings: (operations: Double, bytes: Double)
  private let stages = Mutex<[Stage: [Profile.Entry]]>([:])
  private let failure = Mutex<CUDAError?>(nil)

  /// Measures the GPU's ceilings and begins a profile.
  ///
  /// - Parameter backend: Where the model computes.
  /// - Throws: `TensorError` or `CUDAError` if the GPU fails.
  init(_ backend: CUDABackend) throws {
    engine = backend.engine
    ceilings = try Self.ceilings(backend)
    profile = Profile(engine.device)
    engine.profile = profile
  }

  /// Takes what was measured since the last progress as that of the stage that has ended.
  func note(_ progress: GenerationProgress) {
    let stage: Stage
    switch progress {
    case .encoding: return
    case .denoised(0, _): stage = .encode
    case .denoised(1, _): stage = .first
    case .denoised: stage = .steps
    case .decoded: stage = .decode
    }
    do throws(CUDAError) {
      let entries = try profile.take()
      stages.withLock { $0[stage, default: []] += entries }
    } catch { failure.withLock { $0 = error } }
  }

  /// Prints a table for each stage, the longest first.
  ///
  /// - Throws: `CUDAError` if the GPU failed while it was measured.
  func print() throws {
    engine.profile = nil
    if let failure = failure.withLock({ $0 }) { throw failure }
    let (operations, bytes) = ceilings
    Terminal.print(
      "at best         \(Self.rounded(operations / 1e12)) TFLOP/s, \(Self.rounded(bytes / 1e12, 2)) TB/s"
    )
    for stage in Stage.allCases {
      let entries = stages.withLock { $0[stage] ?? [] }
      guard !entries.isEmpty else { continue }
      let total = entries.reduce(0) { $0 + $1.seconds }
      let work = entries.reduce(0) { $0 + $1.operations } / 1e12
      Terminal.print(
        "\n\(stage.rawValue): \(Self.rounded(total * 1000)) ms on the GPU for \(Self.rounded(work)) TFLOP"
      )
      Terminal.print("     ms  calls  TFLOP/s    TB/s  of best  work")
      for entry in Profile.Entry.joined(entries).prefix(60) where entry.seconds > 0.0005 * total {
        let share = max(entry.operations / operations, entry.bytes / bytes) / entry.seconds
        let columns = [
          (Self.rounded(entry.seconds * 1000, 2), 7), ("\(entry.count)", 7),
          (entry.operations > 0 ? Self.rounded(entry.operations / entry.seconds / 1e12) : "", 9),
          (entry.bytes > 0 ? Self.rounded(entry.bytes / entry.seconds / 1e12, 2) : "", 8),
          (share > 0 ? "\(Int((share * 100).rounded())) %" : "", 9),
        ]
        Terminal.print(
          columns.map { text, width in
            String(repeating: " ", count: max(0, width - text.count)) + text
          }.joined() + "  " + entry.name
        )
      }
    }
  }

  private static func rounded(_ value: Double, _ digits: Int = 1) -> String {
    let scale = digits == 1 ? 10.0 : 100.0
    return "\((value * scale).rounded() / scale)"
  }

  private static func ceilings(_ backend: CUDABackend) throws -> (Double, Double) {
    let device = backend.engine.device
    let side = 8192
    let uniform = { (key: UInt64) throws in
      try backend.cast(
        backend.uniform([side, side], key: key, mean: 0, width: 1),
        to: backend.element,
        "bench"
      )
    }
    let (x, weight) = (try uniform(1), try backend.prepare(uniform(2)))
    func seconds(_ rounds: Int, _ work: () throws -> Void) throws -> Double {
      try work()
      let start = try Event(device)
      for _ in 0..<rounds { try work() }
      return try Event(device).seconds(since: start) / Double(rounds)
    }
    let product = try seconds(5) { _ = try x.linear(weight) }
    let copy = try seconds(5) { _ = try backend.concatenateRows([x, x, x, x]) }
    let bytes = 2 * 4 * side * side * backend.element.byteCount
    return (2 * Double(side * side) * Double(side) / product, Double(bytes) / copy)
  }
}
