// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import GoldenRuns
internal import TensorCPU
internal import TensorReference
internal import Testing

@Suite("Golden") struct GoldenTests {
  @Test(
    "a single step from the reference's latents predicts its velocity",
    arguments: GoldenRun.all
  )
  func singleStep(_ run: GoldenRun) throws {
    let comparisons = try run.singleSteps(on: CPUBackend())
    for comparison in comparisons {
      #expect(
        comparison.holds,
        "\(comparison.label): \(comparison.difference), allowed \(comparison.limit)"
      )
    }
    let worst = comparisons.dropFirst(2).map(\.difference.relative).max() ?? 0
    print("\(run): worst single step \(worst)")
  }

  @Test("a LoRA is added as peft adds it")
  func lora() throws {
    // Single steps of the runs are held to 5e-4.
    let all = try GoldenLoRA.comparisons(in: Fixtures.folder, on: CPUBackend(), limit: 1e-4)
    #expect(all.count == 8)
    for comparison in all {
      #expect(
        comparison.holds,
        "\(comparison.label): \(comparison.difference), allowed \(comparison.limit)"
      )
      print("LoRA, \(comparison.label): \(comparison.difference.relative)")
    }
  }

  @Test("a whole generation makes the reference's latents and frames", arguments: GoldenRun.all)
  func wholeGeneration(_ run: GoldenRun) throws {
    let made = try run.generation(on: CPUBackend())
    for comparison in [made.latents, made.numbers] {
      #expect(
        comparison.holds,
        "\(comparison.label): \(comparison.difference), allowed \(comparison.limit)"
      )
    }
    #expect(made.most <= run.limits.limit_u8.max)
    #expect(made.mean <= run.limits.limit_u8.mean)
    if run.limits.precision == "fp32" {
      #expect(made.most <= 1, "an fp32 byte is off by more than its own noise")
      // One run is so ill-conditioned that the reference's own bytes differ from float64's in more
      // than this; its limits above are what a correct implementation can be held to.
      if run.limits.golden_vs_f64_u8.fraction <= 0.02 {
        #expect(made.share <= 0.02, "too many fp32 bytes are off by one")
      }
    }
    print(
      "\(run): latents \(made.latents.difference.relative), bytes off \(made.share), most \(made.most)"
    )
  }
}
