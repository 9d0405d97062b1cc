// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Testing

/// `--memory`, on the processor and on pretend GPUs of several sizes.
@Suite("Memory modes") struct MemoryModeTests {
  @Test("a GPU too small for the standard mode is used in the low one, and a line says so")
  func automatic() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let small = try await PretendGPU.bench(place, megabytes: 520)
    #expect(small.status == 0, "\(small.error)")
    #expect(
      small.errorLines.count == 1 && small.error.contains("--memory low is used"),
      "\(small.error)"
    )
    let asked = try await PretendGPU.bench(place, megabytes: 520, "--memory", "low")
    #expect(asked.status == 0 && asked.error.isEmpty, "\(asked.error)")
    let large = try await PretendGPU.bench(place, megabytes: 4096)
    #expect(large.status == 0 && large.error.isEmpty, "\(large.error)")
  }

  @Test("an explicit mode wins, and the error names the one that fits")
  func explicit() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let refused = try await PretendGPU.bench(place, megabytes: 520, "--memory", "standard")
    #expect(refused.status != 0)
    #expect(refused.error.contains("of 520 are free, enough for --memory low"), "\(refused.error)")
    let hopeless = try await PretendGPU.bench(place, megabytes: 100)
    #expect(hopeless.status != 0)
    #expect(hopeless.error.contains("of 100 are free"), "\(hopeless.error)")
    #expect(!hopeless.error.contains("--memory low"), "\(hopeless.error)")
  }

  @Test("more frames than can be decoded at once are refused before anything is computed")
  func decoding() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let clip = ["--width", "512", "--height", "512", "--num-frames", "200"]
    let refused = try await PretendGPU.bench(place, megabytes: 1024, clip: clip)
    #expect(refused.status != 0 && refused.output.isEmpty)
    #expect(refused.error.contains("decode_chunk_size: to decode 200 frames"), "\(refused.error)")
  }

  @Test("a mode that is none is refused, and the processor takes both")
  func words() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let wrong = try await CommandTests.generate(place, [Assets.photograph, "--memory", "tiny"])
    #expect(wrong.status != 0 && wrong.error.contains("--memory"), "\(wrong.error)")
    let clip = place.path + "/clip.gif"
    let low = try await CommandTests.generate(
      place,
      [Assets.photograph, "-o", clip, "--device", "cpu", "--memory", "low"]
    )
    #expect(low.status == 0, "\(low.error)")
    #expect(try place.files() == ["clip.gif"])
  }
}
