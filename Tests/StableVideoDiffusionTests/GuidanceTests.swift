// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorTesting
import Testing

@Suite struct GuidanceTests {
  private func scales(_ shape: GuidanceShape, frames: Int, high: Float = 3) throws -> [Float]? {
    var request = Tiny.request
    request.frames = frames
    request.maximumGuidance = high
    request.guidance = shape
    return Plan(request, try Tiny.pipeline.get().model, pictures: 1).guidance
  }

  @Test func `it is linear as in the reference unless told otherwise`() throws {
    #expect(GenerationRequest().guidance == .linear)
    let reference = EulerDiscreteScheduler.guidance(1, 3, frames: 14)
    #expect(try scales(.linear, frames: 14) == reference)
    #expect(try scales(.linear, frames: 14, high: 1) == nil)
  }

  @Test func `a triangle has its maximum in the middle and its minimum at both ends`() throws {
    #expect(try scales(.triangle, frames: 5) == [1, 2, 3, 2, 1])
    #expect(try scales(.triangle, frames: 4, high: 2.5) == [1, 2, 2, 1])
    #expect(try scales(.triangle, frames: 1) == [1])
    let many = try #require(try scales(.triangle, frames: 25))
    #expect(many == many.reversed() && many.max() == 3)
    #expect(try scales(.triangle, frames: 5, high: 1) == nil)
  }

  @Test func `scales of every frame are taken as they are`() throws {
    #expect(try scales(.perFrame([1, 0, 7.5]), frames: 3, high: 1) == [1, 0, 7.5])
    #expect(try scales(.perFrame([1, 0, 1]), frames: 3) == nil)
  }

  @Test func `the linear scales, given one by one, make the same clip, others another`() throws {
    func pixels(_ shape: GuidanceShape) throws -> [[UInt8]] {
      var request = Tiny.request
      request.guidance = shape
      var pixels: [[UInt8]] = []
      var observer = GenerationObserver()
      observer.frame = { pixels.append($2.pixels) }
      _ = try Tiny.pipeline.get().generate([Tiny.picture()], request, observer: observer)
      return pixels
    }
    let linear = try pixels(.linear)
    #expect(try pixels(.perFrame([1, 2, 3])) == linear)
    #expect(try pixels(.triangle) == pixels(.perFrame([1, 3, 1])))
    #expect(try pixels(.triangle) != linear)
  }

  @Test(arguments: [[], [1, 2], [1, 2, 3, 4], [1, .nan, 3]] as [[Float]])
  func `scales that do not fit the frames are refused`(_ scales: [Float]) throws {
    var request = Tiny.request
    request.guidance = .perFrame(scales)
    let error = #expect(throws: GenerationError.self) {
      try Tiny.pipeline.get().generate([Tiny.picture()], request)
    }
    #expect(error?.code == .argument("guidance_scales"))
  }

  @Test func `a checkpoint's digest tells it from others`() throws {
    let folder = try TemporaryFolder()
    for (name, seed) in [("a", 1001), ("b", 1001), ("c", 1002)] as [(String, UInt64)] {
      try TinyCheckpoint.write(to: folder.path + "/" + name, seed: seed, backend: CPUBackend())
    }
    let digests = try ["a", "b", "c"].map {
      try StableVideoDiffusionModel(folder: folder.path + "/" + $0, backend: CPUBackend()).digest
    }
    #expect(digests[0] == digests[1] && digests[0] != digests[2])
    #expect(digests[0].count == 64 && digests[0].allSatisfy(\.isHexDigit))
  }
}
