// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite("Lossy modes") struct LossyTests {
  private static let golden = Result {
    try SafetensorsFile(path: Fixtures.folder + "/lossy/golden.safetensors")
  }

  private static let interval = GuidanceInterval(low: 0.5, high: 60)

  private static func picture() throws -> RGBImage {
    let bytes = unsafe try golden.get().withBytes(of: "picture") { unsafe [UInt8]($0) }
    return try RGBImage(width: 48, height: 32, pixels: bytes ?? [])
  }

  private static func request(
    steps: Int = 5,
    seed: UInt64 = 7,
    videos: Int = 1,
    _ cache: Int? = nil,
    _ interval: GuidanceInterval? = nil
  ) -> GenerationRequest {
    var request = GenerationRequest()
    (request.width, request.height, request.frames) = (48, 32, 3)
    request.steps = steps
    request.seeds = [seed]
    request.videosPerPicture = videos
    request.cache = cache.map { DeepCache(interval: $0) }
    request.guidanceInterval = interval
    return request
  }

  /// The latents after each step.
  private static func latents(
    _ request: GenerationRequest,
    _ pipeline: StableVideoDiffusionPipeline? = nil
  ) throws -> [[Float]] {
    var made: [[Float]] = []
    var previews = 0
    var observer = GenerationObserver()
    observer.preview = { _, _, _ in previews += 1 }
    observer.stepEnded = { _, _, latents in
      made.append(try latents.values())
      return latents
    }
    var timings = GenerationTimings()
    _ = try (pipeline ?? Tiny.pipeline.get()).denoise(
      [Self.picture()],
      request,
      observer: observer,
      timings: &timings
    )
    #expect(previews == made.count)
    return made
  }

  @Test(
    "every step makes the reference's latents",
    arguments: [
      ("cache2", request(seed: 2, 2)), ("cache3", request(seed: 2, 3)),
      ("interval", request(seed: 2, nil, interval)),
      ("both", request(steps: 6, videos: 2, 3, interval)),
    ]
  )
  func golden(_ name: String, _ request: GenerationRequest) throws {
    let made = try Self.latents(request)
    let golden = try floats(name, of: Self.golden.get())
    let count = golden.count / request.steps
    for (step, latents) in made.enumerated() {
      let expected = Array(golden[step * count..<(step + 1) * count])
      expectClose(latents, expected, within: 5e-4, "\(name), step \(step + 1)")
    }
  }

  @Test("what leaves nothing out is the exact clip, bit for bit")
  func exact() throws {
    let exact = try Self.latents(Self.request())
    #expect(try Self.latents(Self.request(1)) == exact)
    #expect(try Self.latents(Self.request(nil, GuidanceInterval(low: 0, high: 1000))) == exact)
  }

  @Test("an interval without a level is no guidance, bit for bit")
  func empty() throws {
    var unguided = Self.request()
    unguided.maximumGuidance = 1
    let none = Self.request(nil, GuidanceInterval(low: 800, high: 1000))
    #expect(try Self.latents(none) == Self.latents(unguided))
    #expect(Plan(none, try Tiny.pipeline.get().model, pictures: 1).halves == 1)
  }

  @Test("the first step is whole, and a clip depends on nothing that was made before")
  func repeats() throws {
    let exact = try Self.latents(Self.request())
    let first = try Self.latents(Self.request(50))
    #expect(first[0] == exact[0] && first[1] != exact[1])
    let both = Self.request(2, Self.interval)
    #expect(try Self.latents(both) == Self.latents(both))
  }

  @Test("the ends of an interval are as in the paper: above the lower, up to the higher")
  func ends() throws {
    let model = try Tiny.pipeline.get().model
    var request = Self.request(nil, GuidanceInterval(low: 1, high: 10))
    request.sigmas = [11, 10, 2, 1, 0.5, 0]
    let plan = Plan(request, model, pictures: 1)
    #expect((0..<5).map { plan.guidance(at: $0) != nil } == [false, true, true, false, false])
  }

  @Test(
    "one half of a batch is predicted as beside the other",
    arguments: TimeContextOrder.allCases
  )
  func half(_ order: TimeContextOrder) throws {
    let model = try Tiny.pipeline.get().model
    var random = TorchGenerator(seed: 4)
    func tensor(_ shape: Shape) throws -> Tensor {
      try model.backend.upload(random.normal(shape.count), shape: shape)
    }
    let conditioning = try model.unet.prepare(
      context: tensor([4, model.unetConfiguration.crossAttentionDim]),
      imageLatents: tensor([4, 4, 6, 4]),
      halves: 2,
      frames: 3,
      order: order
    )
    let times = try model.unet.times([0.5], ids: [6, 127, 0.02], backend: model.backend)
    let sample = try tensor([6, 4, 6, 4])
    let joint = try model.unet(sample, time: times[0], conditioning).values()
    for half in 0..<2 {
      let alone = try model.unet(sample, time: times[0], conditioning.half(half)).values()
      let count = joint.count / 2
      expectClose(alone, Array(joint[half * count..<(half + 1) * count]), within: 1e-5, "\(half)")
    }
    #expect(throws: TensorError.self) { try conditioning.half(2) }
  }

  @Test("few steps of a consistency model can be spared too")
  func consistency() throws {
    let folder = try TemporaryFolder()
    let pipeline = StableVideoDiffusionPipeline(try AnimateLCMTests.load(folder))
    let exact = try Self.latents(Self.request(steps: 4), pipeline)
    #expect(try Self.latents(Self.request(steps: 4, 1), pipeline) == exact)
    let cached = try Self.latents(Self.request(steps: 4, 2, Self.interval), pipeline)
    #expect(cached.count == 4 && cached.allSatisfy { $0.allSatisfy(\.isFinite) })
    #expect(cached[3] != exact[3])
  }

  @Test("a whole clip is decoded of such latents")
  func clip() throws {
    var frames = 0
    var observer = GenerationObserver()
    observer.frame = { _, _, _ in frames += 1 }
    _ = try Tiny.pipeline.get().generate(
      [Self.picture()],
      Self.request(3, Self.interval),
      observer: observer
    )
    #expect(frames == 3)
  }

  @Test("choices are read as they are written")
  func texts() {
    #expect(DeepCache("deep") == DeepCache(interval: 3))
    #expect(DeepCache("deep:2")?.interval == 2 && DeepCache(interval: 2).description == "deep:2")
    for text in ["", "deep:", "deep:0", "deep:51", "deep:2:3", "deep:x", "Deep", "none", ":2"] {
      #expect(DeepCache(text) == nil, "\(text)")
    }
    let interval = GuidanceInterval(low: 0.3, high: 20)
    #expect(GuidanceInterval("0.3:20") == interval)
    #expect(GuidanceInterval(interval.description) == interval)
    for text in ["", "1", "2:1", "1:1", "-1:2", "0:inf", "nan:1", "1:2:3", "none", ":", "a:b"] {
      #expect(GuidanceInterval(text) == nil, "\(text)")
    }
  }
}
