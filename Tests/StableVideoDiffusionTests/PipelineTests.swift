// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import StableVideoDiffusion
internal import TensorCore
import Testing

/// How a generation behaves; what numbers it makes is the golden tests' matter.
@Suite struct PipelineTests {
  private let pipeline: StableVideoDiffusionPipeline

  init() throws { pipeline = try Tiny.pipeline.get() }

  /// What a generation told its observer.
  struct Told: Sendable {
    var progress: [GenerationProgress] = []
    var steps: [Int] = []
    var frames: [[Int]] = []
    var pixels: [[UInt8]] = []
    var wasCancelled = false
  }

  /// Runs a generation and cancels its task where told to.
  private func told(
    _ request: GenerationRequest,
    pictures: Int = 1,
    cancelledBefore: Bool = false,
    cancelAtStep: Int? = nil,
    cancelAtFrame: Int? = nil
  ) async throws -> Told {
    let pipeline = pipeline
    return try await Task {
      if cancelledBefore { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
      var told = Told()
      var observer = GenerationObserver()
      observer.progress = { told.progress.append($0) }
      observer.stepEnded = { step, _, latents in
        told.steps.append(step)
        if step == cancelAtStep { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
        return latents
      }
      observer.frame = { video, frame, image in
        told.frames.append([video, frame])
        told.pixels.append(image.pixels)
        if told.frames.count == cancelAtFrame {
          unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
        }
      }
      let all = try (0..<pictures).map { try TestPicture.make(["b", "a"][$0 % 2], 40, 30) }
      do { _ = try pipeline.generate(all, request, observer: observer) } catch is CancellationError
      {
        told.wasCancelled = true
      }
      return told
    }.value
  }

  @Test func `a generation tells of every stage in order`() async throws {
    var request = Tiny.request
    request.decodeChunk = 2
    let told = try await told(request)
    #expect(
      told.progress == [
        .encoding, .denoised(step: 0, of: 3), .denoised(step: 1, of: 3), .denoised(step: 2, of: 3),
        .denoised(step: 3, of: 3), .decoded(frame: 2, of: 3), .decoded(frame: 3, of: 3),
      ]
    )
    #expect(told.steps == [0, 1, 2])
    #expect(told.frames == [[0, 0], [0, 1], [0, 2]])
    #expect(told.pixels.allSatisfy { $0.count == 32 * 24 * 3 })
  }

  @Test func `the same request makes the same bytes, another seed others`() async throws {
    let first = try await told(Tiny.request)
    let second = try await told(Tiny.request)
    #expect(first.pixels == second.pixels)
    var request = Tiny.request
    request.seeds = [8]
    let third = try await told(request)
    #expect(first.pixels != third.pixels)
  }

  @Test func `a cancelled task stops before the first step`() async throws {
    let told = try await told(Tiny.request, cancelledBefore: true)
    #expect(told.wasCancelled && told.steps.isEmpty && told.frames.isEmpty)
  }

  @Test func `a task that is cancelled in a step stops before the next`() async throws {
    let told = try await told(Tiny.request, cancelAtStep: 1)
    #expect(told.wasCancelled && told.steps == [0, 1] && told.frames.isEmpty)
  }

  @Test func `a task that is cancelled while decoding stops behind its chunk`() async throws {
    var request = Tiny.request
    request.decodeChunk = 1
    let told = try await told(request, cancelAtFrame: 2)
    #expect(told.wasCancelled && told.frames == [[0, 0], [0, 1]])
  }

  @Test func `latents that a callback gives take the place of the pipeline's`() throws {
    var observer = GenerationObserver()
    observer.stepEnded = { step, _, latents in
      step == 2 ? try latents.scaled(by: 0) : latents
    }
    let output = try pipeline.generate([Tiny.picture()], Tiny.request, observer: observer)
    #expect(try output.latents.values().allSatisfy { $0 == 0 })
    #expect(output.latents.shape == [1, 3, 3, 4, 4])
    #expect(output.timings.steps.count == 3)
  }

  @Test func `what a callback throws ends the generation`() throws {
    struct Enough: Error {}
    var observer = GenerationObserver()
    observer.stepEnded = { _, _, _ in throw Enough() }
    #expect(throws: Enough.self) {
      try pipeline.generate([Tiny.picture()], Tiny.request, observer: observer)
    }
  }

  @Test(arguments: [0, 2])
  func `latents of another shape from a callback are refused`(_ at: Int) throws {
    for shape in [[5], [1, 3, 3, 4, 5], [3, 1, 3, 4, 4]] as [Shape] {
      var observer = GenerationObserver()
      observer.stepEnded = { step, _, latents in
        step == at
          ? try latents.backend.upload([Float](repeating: 0, count: shape.count), shape: shape)
          : latents
      }
      let error = #expect(throws: TensorError.self) {
        try pipeline.generate([Tiny.picture()], Tiny.request, observer: observer)
      }
      #expect(error?.message.contains("\(shape)") == true)
    }
  }

  @Test(arguments: [Float.nan, .infinity])
  func `numbers that are none end the generation with an error`(_ number: Float) throws {
    var observer = GenerationObserver()
    observer.stepEnded = { step, _, latents in
      step == 0 ? try latents.scaled(by: number) : latents
    }
    let error = #expect(throws: GenerationError.self) {
      try pipeline.generate([Tiny.picture()], Tiny.request, observer: observer)
    }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("denoising") == true)

    var request = Tiny.request
    request.latents = [Float](repeating: 1, count: 3 * 4 * 3 * 4)
    request.latents?[5] = number
    let given = #expect(throws: GenerationError.self) {
      try pipeline.generate([Tiny.picture()], request)
    }
    #expect(given?.code == .notFinite)
  }

  @Test func `latents that are no numbers are not decoded to a picture`() throws {
    let values = [Float](repeating: .nan, count: 2 * 3 * 4 * 4)
    let latents = try pipeline.model.backend.upload(values, shape: [1, 2, 3, 4, 4])
    let error = #expect(throws: GenerationError.self) {
      try pipeline.decode(latents, chunk: nil, observer: GenerationObserver())
    }
    #expect(error?.code == .notFinite)
    #expect(error?.message.contains("decoding") == true)
  }

  @Test func `chunks of no frames and latents of no clip are refused`() throws {
    let backend = pipeline.model.backend
    let latents = try backend.upload([Float](repeating: 0, count: 96), shape: [1, 2, 3, 4, 4])
    for chunk in [0, -1] {
      let error = #expect(throws: GenerationError.self) {
        try pipeline.decode(latents, chunk: chunk, observer: GenerationObserver())
      }
      #expect(error?.code == .argument("decode_chunk_size"))
    }
    for shape in [[96], [2, 3, 4, 4], [1, 0, 3, 4, 4]] as [Shape] {
      let wrong = try backend.upload([Float](repeating: 0, count: shape.count), shape: shape)
      #expect(throws: TensorError.self) {
        try pipeline.decode(wrong, chunk: nil, observer: GenerationObserver())
      }
    }
  }

  /// As in the reference a chunk that begins in one video and ends in the next is a clip of its own.
  @Test func `chunks run over the frames of all videos`() throws {
    var operands = TorchGenerator(seed: 3)
    let values = operands.normal(2 * 3 * 3 * 4 * 4)
    let backend = pipeline.model.backend
    func decoded(_ shape: Shape, chunk: Int?) throws -> (frames: [[Int]], pixels: [[UInt8]]) {
      var frames: [[Int]] = []
      var pixels: [[UInt8]] = []
      var observer = GenerationObserver()
      observer.frame = { video, frame, image in
        frames.append([video, frame])
        pixels.append(image.pixels)
      }
      try pipeline.decode(
        backend.upload(values, shape: shape),
        chunk: chunk,
        observer: observer
      )
      return (frames, pixels)
    }
    let straddling = try decoded([2, 3, 3, 4, 4], chunk: 2)
    let pairs = try decoded([3, 2, 3, 4, 4], chunk: nil)
    #expect(straddling.frames == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])
    #expect(pairs.frames == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]])
    #expect(straddling.pixels == pairs.pixels)
    let whole = try decoded([2, 3, 3, 4, 4], chunk: nil)
    #expect(try whole.pixels == decoded([2, 3, 3, 4, 4], chunk: 3).pixels)
    #expect(whole.pixels != straddling.pixels)
    let large = try decoded([2, 3, 3, 4, 4], chunk: 100)
    #expect(large.frames == straddling.frames)
  }

  @Test func `several pictures and several videos of each come in order`() async throws {
    var request = Tiny.request
    request.frames = 2
    request.steps = 1
    request.videosPerPicture = 2
    request.seeds = [1, 2, 3, 4]
    let told = try await told(request, pictures: 2)
    #expect(told.frames == (0..<4).flatMap { [[$0, 0], [$0, 1]] })
    #expect(Set(told.pixels).count == 8)
  }

  @Test func `without guidance half the work gives a clip as well`() async throws {
    var request = Tiny.request
    request.maximumGuidance = 1
    request.frames = 1
    request.steps = 1
    let told = try await told(request)
    #expect(told.frames == [[0, 0]])
  }
}
