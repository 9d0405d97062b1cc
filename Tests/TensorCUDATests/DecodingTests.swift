// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import Media
internal import StableVideoDiffusion
internal import TensorCUDA
internal import TensorCore
internal import TensorReference
internal import Testing

/// Frames that the pretend GPU is asked for ahead of their turn.
@Suite struct DecodingTests {
  /// What a decoding told its observer.
  private struct Told {
    var frames: [[Int]] = []
    var pixels: [[UInt8]] = []
    var values: [[Float]] = []
    var warnings: [String] = []
    var progress: [GenerationProgress] = []
    var error: (any Error)?
  }

  private static let shape: Shape = [1, 5, 2, 2, 4]
  private static let frameCount = 2 * 2 * 4

  private let fake: FakeLibraries
  private let engine: CUDAEngine

  init() throws {
    fake = try FakeLibraries()
    engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
  }

  private func pipeline(_ element: Element) throws -> StableVideoDiffusionPipeline {
    StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(
        folder: Fixtures.folder + "/tiny/model",
        variant: "fp16",
        backend: CUDABackend(engine, element)
      )
    )
  }

  /// Latents of five frames, one of which may hold numbers of its own.
  private func latents(_ frame: Int? = nil, _ number: Float = 0) -> [Float] {
    var random = TorchGenerator(seed: 5)
    var values = random.normal(Self.shape.count)
    if let frame {
      let place = frame * Self.frameCount
      values.replaceSubrange(
        place..<place + Self.frameCount,
        with: values[place..<place + Self.frameCount].map { $0 + number }
      )
    }
    return values
  }

  private func decoded(
    _ pipeline: StableVideoDiffusionPipeline,
    _ latents: [Float],
    chunk: Int = 2,
    cancelAtFrame: Int? = nil
  ) throws -> Told {
    var told = Told()
    var observer = GenerationObserver()
    observer.frame = { video, frame, image in
      told.frames.append([video, frame])
      told.pixels.append(image.pixels)
      if frame == cancelAtFrame { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
    }
    observer.floatFrame = { _, _, values in told.values.append(values) }
    observer.warning = { told.warnings.append($0) }
    observer.progress = { told.progress.append($0) }
    let shape = Shape([1, latents.count / Self.frameCount] + Self.shape.dimensions.dropFirst(2))
    let tensor = try pipeline.model.backend.upload(latents, shape: shape)
    do { try pipeline.decode(tensor, chunk: chunk, observer: observer) } catch {
      told.error = error
    }
    return told
  }

  /// The frames of chunks that are decoded each in a call of its own, so that none is asked for ahead.
  private func alone(
    _ pipeline: StableVideoDiffusionPipeline,
    _ latents: [Float],
    _ frames: Range<Int>
  ) throws -> Told {
    var all = Told()
    for start in stride(from: frames.lowerBound, to: frames.upperBound, by: 2) {
      let end = min(start + 2, frames.upperBound)
      let told = try decoded(
        pipeline,
        Array(latents[start * Self.frameCount..<end * Self.frameCount])
      )
      if let error = told.error { throw error }
      #expect(told.warnings.isEmpty)
      all.pixels += told.pixels
      all.values += told.values
    }
    return all
  }

  @Test(arguments: [Element.float16, .float32])
  func `frames are those of chunks that are decoded alone`(_ element: Element) throws {
    let pipeline = try pipeline(element)
    let resting = try fake.counts.pinned
    let told = try decoded(pipeline, latents())
    // One chunk's frames were on their way beside another's.
    #expect(try fake.counts.pinned == resting + 2)
    let alone = try alone(pipeline, latents(), 0..<5)
    #expect(told.error == nil && told.warnings.isEmpty)
    #expect(told.frames == (0..<5).map { [0, $0] })
    #expect(told.pixels == alone.pixels && told.values == alone.values)
    #expect(told.progress == [2, 4, 5].map { .decoded(frame: $0, of: 5) })
  }

  /// As a number it is in reach of float32, and not of float16.
  @Test(arguments: 0..<5)
  func `a chunk that float16 cannot hold is decoded once more, and those behind it, in float32`(
    _ frame: Int
  ) throws {
    let (short, precise) = try (pipeline(.float16), pipeline(.float32))
    let latents = latents(frame, 1e5)
    let told = try decoded(short, latents)
    let first = frame / 2 * 2
    #expect(told.error == nil)
    #expect(
      told.warnings == [
        "decoding frame \(first + 1) and on made numbers that are not finite: decoding in float32"
      ]
    )
    #expect(told.frames == (0..<5).map { [0, $0] })
    #expect(told.progress == [2, 4, 5].map { .decoded(frame: $0, of: 5) })
    let before = try alone(short, latents, 0..<first)
    let behind = try alone(precise, latents, first..<5)
    #expect(told.pixels == before.pixels + behind.pixels)
    #expect(told.values == before.values + behind.values)
  }

  @Test(arguments: [Element.float16, .float32])
  func `frames before a chunk that is no numbers in float32 either are told, and none of its own`(
    _ element: Element
  ) throws {
    let told = try decoded(pipeline(element), latents(3, .nan))
    #expect((told.error as? GenerationError)?.code == .notFinite)
    #expect(told.warnings.count == (element == .float16 ? 1 : 0))
    #expect(told.frames == [[0, 0], [0, 1]])
    #expect(told.progress == [.decoded(frame: 2, of: 5)])
  }

  @Test func `a task that is cancelled leaves nothing of what was asked for ahead`() async throws {
    let pipeline = try pipeline(.float16)
    let latents = latents()
    _ = try decoded(pipeline, latents, chunk: 1)
    let (resting, pinned) = (engine.allocator.usedBytes, try fake.counts.pinned)
    let (frames, wasCancelled) = try await Task {
      let told = try decoded(pipeline, latents, chunk: 1, cancelAtFrame: 1)
      return (told.frames, told.error is CancellationError)
    }.value
    #expect(wasCancelled && frames == [[0, 0], [0, 1]])
    #expect(engine.allocator.usedBytes == resting)
    #expect(try fake.counts.pinned == pinned)
    // What was left is no part of the next clip.
    let told = try decoded(pipeline, latents)
    #expect(try told.pixels == alone(pipeline, latents, 0..<5).pixels)
  }

  @Test func `a chunk that fails ahead of its turn fails behind the frames before it`() throws {
    let pipeline = try pipeline(.float16)
    let first = Array(latents()[..<(2 * Self.frameCount)])
    // Small tensors keep copies in other types from the first time on.
    _ = try decoded(pipeline, first)
    let before = try fake.counts.allocations
    _ = try decoded(pipeline, first)
    let chunk = try fake.counts.allocations - before
    let resting = engine.allocator.usedBytes
    try fake.fail("cuMemAlloc", 2, after: Int32(chunk + chunk / 2))
    let told = try decoded(pipeline, latents())
    #expect((told.error as? TensorError)?.code == .outOfMemory)
    #expect(told.frames == [[0, 0], [0, 1]])
    #expect(engine.allocator.usedBytes == resting)
  }
}
