// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import StableVideoDiffusion
import Testing

@Suite struct GenerationRequestTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let argument: String
    let value: String
    let change: @Sendable (inout GenerationRequest) -> Void
    var testDescription: String { "\(argument) \(value)" }

    init(
      _ argument: String,
      _ value: String,
      _ change: @escaping @Sendable (inout GenerationRequest) -> Void
    ) {
      self.argument = argument
      self.value = value
      self.change = change
    }
  }

  static let sizes: [Case] = [0, -8, 4, 12, 16392, Int.max - 7].flatMap { size in
    [
      Case("width", "\(size)") { $0.width = size }, Case("height", "\(size)") { $0.height = size },
    ]
  }

  static let counts: [Case] =
    [0, -1, 4097, .max].map { (count: Int) in Case("num_frames", "\(count)") { $0.frames = count } }
    + [0, -1, 1001, .max].map { (count: Int) in
      Case("num_inference_steps", "\(count)") { $0.steps = count }
    }
    + [0, -1, .max].map { (count: Int) in Case("fps", "\(count)") { $0.framesPerSecond = count } }
    + [-1, .max].map { (count: Int) in
      Case("motion_bucket_id", "\(count)") { $0.motionBucket = count }
    }
    + [0, -1, 51, .max].map { (count: Int) in
      Case("cache", "\(count)") { $0.cache = DeepCache(interval: count) }
    }
    + [0, -2].map { (count: Int) in Case("decode_chunk_size", "\(count)") { $0.decodeChunk = count }
    }
    + [0, -1, 65, .max].map { (count: Int) in
      Case("num_videos_per_prompt", "\(count)") { $0.videosPerPicture = count }
    }

  static let numbers: [Case] =
    [Float.nan, .infinity, -.infinity].flatMap { number in
      [
        Case("min_guidance_scale", "\(number)") { $0.minimumGuidance = number },
        Case("max_guidance_scale", "\(number)") { $0.maximumGuidance = number },
        Case("noise_aug_strength", "\(number)") { $0.noiseAugmentation = number },
        Case("guidance_interval", "from \(number)") {
          $0.guidanceInterval = GuidanceInterval(low: number, high: 1)
        },
        Case("guidance_interval", "to \(number)") {
          $0.guidanceInterval = GuidanceInterval(low: 0, high: number)
        },
      ]
    } + [
      Case("noise_aug_strength", "-0.01") { $0.noiseAugmentation = -0.01 },
      Case("sigmas", "none") { $0.sigmas = [] }, Case("sigmas", "[1]") { $0.sigmas = [1] },
      Case("sigmas", "[1, 0, 0]") { $0.sigmas = [1, 0, 0] },
      Case("sigmas", "[-1, 0]") { $0.sigmas = [-1, 0] },
      Case("sigmas", "[nan, 0]") { $0.sigmas = [.nan, 0] },
      Case("sigmas", "[1, nan]") { $0.sigmas = [1, .nan] },
      Case("sigmas", "[1, -1]") { $0.sigmas = [1, -1] },
      Case("sigmas", "[inf, 0]") { $0.sigmas = [.infinity, 0] },
      Case("seed", "none") { $0.seeds = [] }, Case("seed", "two for one") { $0.seeds = [1, 2] },
      Case("guidance_interval", "-1:1") {
        $0.guidanceInterval = GuidanceInterval(low: -1, high: 1)
      },
      Case("guidance_interval", "2:2") {
        $0.guidanceInterval = GuidanceInterval(low: 2, high: 2)
      },
      Case("latents", "too few") { $0.latents = [1, 2, 3] },
      Case("latents", "none") { $0.latents = [] },
    ]

  @Test(arguments: sizes + counts + numbers)
  func `an argument out of range is refused by the reference's name`(_ test: Case) throws {
    var request = Tiny.request
    test.change(&request)
    var observer = GenerationObserver()
    observer.stepEnded = { _, _, latents in
      Issue.record("a step was run")
      return latents
    }
    let error = #expect(throws: GenerationError.self) {
      try Tiny.pipeline.get().generate([Tiny.picture()], request, observer: observer)
    }
    #expect(error?.code == .argument(test.argument))
    #expect(error?.description.hasPrefix(test.argument + ": ") == true)
  }

  @Test func `no picture at all is refused`() throws {
    let error = #expect(throws: GenerationError.self) {
      try Tiny.pipeline.get().generate([], Tiny.request)
    }
    #expect(error?.code == .argument("image"))
  }

  @Test func `the defaults are the reference's`() {
    let request = GenerationRequest()
    #expect(request.width == 1024 && request.height == 576 && request.frames == nil)
    #expect(request.steps == 25 && request.minimumGuidance == 1 && request.maximumGuidance == 3)
    #expect(request.framesPerSecond == 7 && request.motionBucket == 127)
    #expect(request.noiseAugmentation == 0.02 && request.decodeChunk == nil)
    #expect(request.videosPerPicture == 1 && request.timeContextOrder == .perClip)
    #expect(request.cache == nil && request.guidanceInterval == nil)
  }
}
