// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import GoldenRuns
import TensorCUDA
import TensorCore
import TensorReference

extension Report {
  /// The recorded runs of the reference, within their own limits: those in float32 in float32, those
  /// in 16 bits in 16 bits.
  ///
  /// Runs in float32 are also made in 16 bits, where no limit was recorded and some are ill-conditioned
  /// (diffusers in float16 is up to 0.09 off itself, in bfloat16 0.18): that shows blunders alone.
  mutating func checkGoldens(_ engine: CUDAEngine, _ element: Element, folder: String) {
    let runs = GoldenRun.all(in: folder)
    if runs.isEmpty {
      let note = "\(folder) holds no tolerances.json"
      add(Entry(suite: "goldens", name: folder, holds: false, note: note))
    }
    let backend = CUDABackend(engine, element)
    let suite = "goldens \(element)"
    for run in runs {
      let isReduced = element != .float32
      if !isReduced, run.limits.precision != "fp32" { continue }
      let isOwn = isReduced == (run.limits.precision == "fp16") && element != .bfloat16
      let limit = isOwn ? nil : element == .bfloat16 ? 0.5 : 0.25
      do {
        for comparison in try run.singleSteps(on: backend, limit: limit) {
          add(entry(suite, run, comparison))
        }
        guard isOwn else { continue }
        let made = try run.generation(on: backend)
        add(entry(suite, run, made.latents))
        add(entry(suite, run, made.numbers))
        add(
          Entry(
            suite: suite,
            name: "\(run) bytes",
            holds: made.most <= run.limits.limit_u8.max && made.mean <= run.limits.limit_u8.mean,
            error: made.mean,
            limit: run.limits.limit_u8.mean,
            note: "at most \(made.most) of \(run.limits.limit_u8.max), \(made.share) differ"
          )
        )
      } catch { add(Entry(suite: suite, name: "\(run)", holds: false, note: "\(error)")) }
    }
  }

  /// A LoRA, whose sums are float32 whatever is computed with.
  mutating func checkLoRA(_ engine: CUDAEngine, _ element: Element, folder: String) {
    let limits: [Element: Double] = [.float32: 5e-4, .float16: 1.7e-2]
    let suite = "lora \(element)"
    do {
      for comparison in try GoldenLoRA.comparisons(
        in: folder,
        on: CUDABackend(engine, element),
        limit: limits[element] ?? 0.15
      ) {
        add(
          Entry(
            suite: suite,
            name: comparison.label,
            holds: comparison.holds,
            error: comparison.difference.relative,
            limit: comparison.limit
          )
        )
      }
    } catch { add(Entry(suite: suite, name: "lora", holds: false, note: "\(error)")) }
  }

  private func entry(_ suite: String, _ run: GoldenRun, _ comparison: Comparison) -> Entry {
    Entry(
      suite: suite,
      name: "\(run) \(comparison.label)",
      holds: comparison.holds,
      error: comparison.difference.relative,
      limit: comparison.limit
    )
  }
}
