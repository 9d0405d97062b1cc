// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import Media
internal import StableVideoDiffusion
internal import TensorCUDA
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

/// What sparing memory does on the pretend GPU, where every allocation is counted.
@Suite struct LowMemoryTests {
  /// Two clips of one model, what rested on the GPU before, between and behind them, and the most that
  /// a clip had in use.
  private func clips(
    _ memory: MemoryMode,
    _ fake: FakeLibraries
  ) throws -> (latents: [[Float]], resting: [Int], most: Int) {
    let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
    let backend = CUDABackend(engine, .float32, workingBytes: MemoryNeed.workingBytes(memory))
    let pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(
        folder: Fixtures.folder + "/tiny/model",
        variant: "fp16",
        memory: memory,
        backend: backend
      )
    )
    let picture = try RGBImage(
      width: 32,
      height: 16,
      pixels: (0..<32 * 16 * 3).map { UInt8($0 % 251) }
    )
    var request = GenerationRequest()
    (request.width, request.height, request.frames, request.steps) = (32, 16, 2, 1)
    var latents: [[Float]] = []
    var resting = [engine.allocator.usedBytes]
    engine.allocator.resetPeak()
    for _ in 0..<2 {
      var timings = GenerationTimings()
      latents.append(
        try pipeline.denoise(
          [picture],
          request,
          observer: GenerationObserver(),
          timings: &timings
        ).values()
      )
      resting.append(engine.allocator.usedBytes)
    }
    return (latents, resting, engine.allocator.peakBytes)
  }

  @Test func `the image encoder leaves the GPU, comes back for each clip, and nothing leaks`()
    throws
  {
    let fake = try FakeLibraries()
    let standard = try clips(.standard, fake)
    let low = try clips(.low, fake)
    #expect(low.latents[0] == low.latents[1])
    expectClose(low.latents[0], standard.latents[0], within: 1e-6, "latents")
    #expect(low.resting[0] < standard.resting[0])
    // Small tensors keep copies in other types from the first clip on.
    #expect(low.resting[1] == low.resting[2])
    #expect(low.most <= standard.most)
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.unboundCalls == 0)
  }

  @Test func `memory that runs out while the image encoder comes back is given back`() throws {
    let fake = try FakeLibraries()
    do {
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      let model = try StableVideoDiffusionModel(
        folder: Fixtures.folder + "/tiny/model",
        variant: "fp16",
        memory: .low,
        backend: CUDABackend(engine, .float16)
      )
      let resting = engine.allocator.usedBytes
      try fake.fail("cuMemAlloc", 2, after: 20)
      let error = #expect(throws: (any Error).self) { try model.imageEncoder() }
      #expect("\(error.map { "\($0)" } ?? "")".contains("MiB"))
      #expect(engine.allocator.usedBytes == resting)
      _ = try model.imageEncoder()
      #expect(engine.allocator.usedBytes == resting)
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.liveBytes == 0)
  }
}
