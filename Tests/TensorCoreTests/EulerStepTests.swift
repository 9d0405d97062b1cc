// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Safetensors
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Against steps that diffusers' scheduler took.
@Suite struct EulerStepTests {
  @Test(arguments: Precision.allCases)
  func `three steps are the reference's to the bit`(_ precision: Precision) throws {
    let vectors = try SafetensorsFile(path: Fixtures.folder + "/vectors/vectors.safetensors")
    let sigmas = try floats("sched.3.sigmas", of: vectors)
    let place = "step.\(precision == .float32 ? "f32" : "f16")"
    for index in 0..<3 {
      let step = EulerStep(sigma: sigmas[index], next: sigmas[index + 1], precision: precision)
      let sample = try floats("\(place).x\(index)", of: vectors)
      let velocity = try floats("\(place).v\(index)", of: vectors)
      let scaled = sample.map { precision.round($0 / step.inputScale) }
      #expect(try scaled == floats("\(place).scaled\(index)", of: vectors), "step \(index)")
      let next = zip(sample, velocity).map { step.advance($0, velocity: $1) }
      #expect(try next == floats("\(place).x\(index + 1)", of: vectors), "step \(index)")
    }
  }

  @Test func `a precision rounds to the nearest number it has, ties to even`() {
    #expect(Precision.float32.round(1.1) == 1.1)
    #expect(Precision.float16.round(0.02) == 0x1.47cp-6)
    #expect(Precision.float16.round(2049) == 2048)
    #expect(Precision.float16.round(2051) == 2052)
    #expect(Precision.float16.round(70_000) == .infinity)
  }
}
