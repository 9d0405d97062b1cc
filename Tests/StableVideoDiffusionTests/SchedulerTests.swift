// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// Against the tables of diffusers' scheduler.
@Suite struct SchedulerTests {
  private static let counts = [1, 2, 3, 4, 5, 10, 25, 30, 50]
  private let vectors: SafetensorsFile
  private let scheduler = EulerDiscreteScheduler()

  init() throws {
    vectors = try SafetensorsFile(path: Fixtures.folder + "/vectors/vectors.safetensors")
  }

  @Test(arguments: counts)
  func `noise levels are the reference's to the bit`(_ steps: Int) throws {
    #expect(try scheduler.sigmas(steps: steps) == floats("sched.\(steps).sigmas", of: vectors))
  }

  // The reference's logarithm is torch's, ours the C library's.
  @Test(arguments: counts)
  func `timesteps are the reference's but for the last bit of a logarithm`(_ steps: Int) throws {
    let expected = try floats("sched.\(steps).timesteps", of: vectors)
    let actual = scheduler.sigmas(steps: steps).dropLast().map(scheduler.timestep)
    try #require(actual.count == expected.count)
    for (a, b) in zip(actual, expected) { #expect(abs(a - b) <= b.ulp) }
  }

  @Test func `the first noise is scaled as the reference scales it`() throws {
    let data = try Data(contentsOf: URL(filePath: Fixtures.folder + "/vectors/vectors.json"))
    struct Numbers: Decodable {
      let scale: Float
      enum CodingKeys: String, CodingKey { case scale = "sched.25.init_noise_sigma" }
    }
    let expected = try JSONDecoder().decode(Numbers.self, from: data).scale
    for steps in Self.counts {
      #expect(scheduler.initialNoiseScale(scheduler.sigmas(steps: steps)) == expected)
    }
    let linspace = EulerDiscreteScheduler(scalesByVariance: false)
    #expect(linspace.initialNoiseScale([700, 1, 0]) == 700)
    #expect(scheduler.initialNoiseScale([3, 4, 0]) == Float(17).squareRoot())
  }

  @Test(
    arguments: [
      ("14.1.0.3.0", 1, 3, 14), ("25.1.0.3.0", 1, 3, 25), ("5.1.2.3.5", 1.2, 3.5, 5),
      ("1.1.0.3.0", 1, 3, 1),
    ] as [(String, Float, Float, Int)]
  )
  func `guidance rises as torch's linspace, to the bit`(
    _ name: String,
    _ low: Float,
    _ high: Float,
    _ frames: Int
  ) throws {
    let expected = try floats("guidance.\(name)", of: vectors)
    #expect(EulerDiscreteScheduler.guidance(low, high, frames: frames) == expected)
    #expect(
      EulerDiscreteScheduler.guidance(low, high, frames: frames, precision: .float16)
        == expected.map(Precision.float16.round)
    )
  }
}
