// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Media
internal import NeuralNetwork
internal import StableVideoDiffusion
internal import Synchronization
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

/// How much memory generations take, and what sparing it does to them.
@Suite struct MemoryTests {
  private func model(
    _ memory: MemoryMode,
    _ folder: String = Tiny.folder,
    on backend: any Backend = CPUBackend()
  ) throws -> StableVideoDiffusionModel {
    try StableVideoDiffusionModel(
      folder: folder,
      variant: "fp16",
      memory: memory,
      backend: backend
    )
  }

  private func latents(
    _ memory: MemoryMode,
    _ request: GenerationRequest,
    on backend: any Backend = CPUBackend()
  ) throws -> [Float] {
    var timings = GenerationTimings()
    return try StableVideoDiffusionPipeline(model(memory, on: backend)).denoise(
      [TestPicture.make("b", 40, 30)],
      request,
      observer: GenerationObserver(),
      timings: &timings
    ).values()
  }

  /// Which sums a library makes in which order may depend on how many rows there are.
  @Test(arguments: TimeContextOrder.allCases)
  func `sparing memory changes nothing but rounding`(_ order: TimeContextOrder) throws {
    var request = Tiny.request
    request.timeContextOrder = order
    request.videosPerPicture = 2
    request.seeds = [3, 4]
    let standard = try latents(.standard, request)
    expectClose(try latents(.low, request), standard, within: 2e-6, "\(order)")
  }

  @Test func `by the operations' definitions sparing memory changes nothing at all`() throws {
    var request = Tiny.request
    (request.width, request.height, request.frames, request.steps) = (32, 16, 2, 1)
    let standard = try latents(.standard, request, on: ReferenceBackend())
    #expect(try latents(.low, request, on: ReferenceBackend()) == standard)
  }

  @Test func `without guidance there is one half, and it is the same`() throws {
    var request = Tiny.request
    request.maximumGuidance = 1
    #expect(try latents(.low, request) == latents(.standard, request))
  }

  @Test func `the image encoder is there while it is used alone`() throws {
    let backend = CountingBackend()
    let standard = CountingBackend()
    let kept = try model(.standard, on: standard)
    let spared = try model(.low, on: backend)
    let resting = backend.count.used
    #expect(resting < standard.count.used)
    let pipeline = StableVideoDiffusionPipeline(spared)
    for _ in 0..<2 {
      _ = try pipeline.generate([Tiny.picture()], Tiny.request)
      #expect(backend.count.used == resting)
    }
    withExtendedLifetime((kept, pipeline)) {}
  }

  @Test func `an image encoder whose files are gone or others is an error that says so`() throws {
    let folder = try TemporaryFolder()
    let place = try folder.copy(ofFixture: "tiny/model")
    let backend = CountingBackend()
    let pipeline = StableVideoDiffusionPipeline(try model(.low, place, on: backend))
    let resting = backend.count.used
    let path = place + "/image_encoder/model.fp16.safetensors"
    let bytes = try Data(contentsOf: URL(filePath: path))
    var others = bytes
    // The first number behind the header, whose length comes first.
    others[8 + Int(bytes[0]) + Int(bytes[1]) << 8 + Int(bytes[2]) << 16] ^= 1
    try others.write(to: URL(filePath: path))
    let changed = #expect(throws: ConfigurationError.self) {
      try pipeline.generate([Tiny.picture()], Tiny.request)
    }
    #expect(changed?.description.contains("image_encoder: ") == true)
    #expect(changed?.message.contains("have changed since the model was loaded") == true)

    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.removeItem(atPath: place + "/image_encoder/model.safetensors")
    let gone = #expect(throws: (any Error).self) {
      try pipeline.generate([Tiny.picture()], Tiny.request)
    }
    #expect("\(gone.map { "\($0)" } ?? "")".contains("image_encoder"))
    #expect(backend.count.used == resting)

    try bytes.write(to: URL(filePath: path))
    _ = try pipeline.generate([Tiny.picture()], Tiny.request)
  }

  /// What the task was told to do at its first residual block's end, and what it did.
  private final class Halves: Sendable {
    let joins = Mutex(0)
    let isCancelling = Mutex(false)
  }

  @Test func `a task that is cancelled in the first half does not begin the second`() async throws {
    let seen = Halves()
    let backend = CountingBackend { operation in
      guard operation == "concatenate columns" else { return }
      seen.joins.withLock { $0 += 1 }
      if seen.isCancelling.withLock(\.self) { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
    }
    let pipeline = StableVideoDiffusionPipeline(try model(.low, on: backend))
    var request = Tiny.request
    request.steps = 1
    _ = try pipeline.generate([Tiny.picture()], request)
    let whole = seen.joins.withLock { joins in
      defer { joins = 0 }
      return joins
    }
    seen.isCancelling.withLock { $0 = true }
    let task = Task { [request] in
      _ = try pipeline.generate([Tiny.picture()], request)
    }
    let result = await task.result
    #expect(throws: CancellationError.self) { try result.get() }
    #expect(seen.joins.withLock(\.self) == whole / 2 && whole > 0)
  }

  /// Bytes at most in each stage of a clip of SVD-XT's own size, two frames decoded at a time.
  private func stages(
    _ memory: MemoryMode
  ) throws -> (resting: Int, encode: Int, denoise: Int, decode: Int) {
    let folder = try TemporaryFolder()
    try FullConfiguration.write(frames: 25, to: folder.path)
    let backend = CountingBackend(
      workingBytes: MemoryNeed.workingBytes(memory),
      runsAhead: true
    )
    let pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(
        folder: folder.path,
        randomSeed: 1001,
        memory: memory,
        backend: backend
      )
    )
    let resting = backend.count.used
    var request = GenerationRequest()
    request.steps = 1
    request.decodeChunk = 2
    backend.count.resetPeak()
    var peaks: [Int] = []
    var observer = GenerationObserver()
    observer.progress = { progress in
      guard case .denoised = progress else { return }
      peaks.append(backend.count.peak)
      backend.count.resetPeak()
    }
    _ = try pipeline.generate([TestPicture.make("a", 64, 36)], request, observer: observer)
    return (resting, peaks[0], peaks[1], backend.count.peak)
  }

  @Test(arguments: MemoryMode.allCases)
  func `a clip of the published size fits into what is estimated`(_ memory: MemoryMode) throws {
    let stages = try stages(memory)
    print(
      "memory",
      memory,
      stages.resting >> 20,
      stages.encode >> 20,
      stages.denoise >> 20,
      stages.decode >> 20
    )
    let most = max(stages.encode, stages.denoise, stages.decode)
    let need = MemoryNeed(
      weights: 1_524_623_082 + 97_742_847,
      imageEncoderWeights: 632_076_800,
      map: 25 * 72 * 128 * 320,
      decoded: MemoryNeed.decoding(
        frames: 2,
        pixels: 1024 * 576,
        channels: [128, 256, 512, 512]
      )
    ).bytes(memory, elementBytes: 2)
    #expect((most...most + 1 << 30).contains(need))
    #expect(most < (memory == .low ? 5 : 8) << 30)
  }

  @Test func `the mode is the one asked for, or the first that fits`() throws {
    let need = MemoryNeed(
      weights: 1_600_000_000,
      imageEncoderWeights: 600_000_000,
      map: 25 * 72 * 128 * 320,
      decoded: MemoryNeed.decoding(
        frames: 2,
        pixels: 1024 * 576,
        channels: [128, 256, 512, 512]
      )
    )
    let standard = need.bytes(.standard, elementBytes: 2)
    let low = need.bytes(.low, elementBytes: 2)
    #expect(low < standard)
    for (wanted, free, mode) in [
      (nil, standard, .standard), (nil, standard - 1, .low), (nil, low, .low),
      (.low, standard, .low), (.standard, standard, .standard),
    ] as [(MemoryMode?, Int, MemoryMode)] {
      let chosen = try need.mode(wanted, free: free, elementBytes: 2)
      #expect(chosen.mode == mode)
      // Nobody is told of what they asked for.
      #expect((chosen.remark != nil) == (wanted == nil && mode == .low))
    }
    for (wanted, free, needed, isEased) in [
      (.standard, low, standard, true), (.standard, low - 1, standard, false),
      (nil, low - 1, low, false), (.low, low - 1, low, false),
    ] as [(MemoryMode?, Int, Int, Bool)] {
      let error = #expect(throws: MemoryShortage.self) {
        try need.mode(wanted, free: free, elementBytes: 2)
      }
      #expect(error?.needed == needed && error?.isEased == isEased)
    }
  }

  @Test func `the least that decoding takes is less than it takes`() throws {
    let least =
      2 * MemoryNeed.decoding(frames: 2, pixels: 1024 * 576, channels: [128, 256, 512, 512])
    #expect(least > 1 << 30)
    let stages = try stages(.low)
    #expect(stages.resting + least <= stages.decode)
  }
}
