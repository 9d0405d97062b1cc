// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Testing

/// `--compute`, on pretend GPUs.
@Suite("Compute types") struct ComputeTypeTests {
  @Test("float8 is computed where a GPU can, and refused with its name where it cannot")
  func float8() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let able = try await PretendGPU.bench(place, "--compute", "float8")
    #expect(able.status == 0 && able.error.isEmpty, "\(able.error)")
    let unable = try await PretendGPU.bench(place, capability: 89, "--compute", "float8")
    #expect(unable.status != 0 && unable.output.isEmpty)
    #expect(unable.error.contains("float8 needs compute capability 9.0"), "\(unable.error)")
    #expect(unable.error.contains("has 8.9"), "\(unable.error)")
    let exact = try await PretendGPU.bench(place, capability: 89, "--compute", "float16")
    #expect(exact.status == 0 && exact.error.isEmpty, "\(exact.error)")
  }

  @Test("a type that there is not is refused, and those that there are are named")
  func unknown() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let refused = try await PretendGPU.bench(place, "--compute", "float4")
    #expect(refused.status == 64)
    for type in ["float16", "bfloat16", "float32", "float8"] {
      #expect(refused.error.contains(type), "\(refused.error)")
    }
  }
}
