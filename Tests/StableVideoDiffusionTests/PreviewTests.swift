// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import StableVideoDiffusion
internal import TensorCore
import Testing

@Suite struct `Previews` {
  /// What the numbers of a clip and its frames are, and what was shown on the way.
  private func made(
    _ request: GenerationRequest,
    isPreviewed: Bool
  ) throws -> (latents: [Float], pixels: [[UInt8]], previews: [RGBImage], steps: [Int]) {
    var pixels: [[UInt8]] = []
    var previews: [RGBImage] = []
    var steps: [Int] = []
    var observer = GenerationObserver()
    observer.frame = { _, _, image in pixels.append(image.pixels) }
    if isPreviewed {
      observer.preview = { step, count, image in
        #expect(count == 3)
        steps.append(step)
        previews.append(image)
      }
    }
    let output = try Tiny.pipeline.get().generate([Tiny.picture()], request, observer: observer)
    return (try output.latents.values(), pixels, previews, steps)
  }

  @Test(arguments: [1, 3] as [Float])
  func `change nothing of the clip`(_ guidance: Float) throws {
    var request = Tiny.request
    request.maximumGuidance = guidance
    let plain = try made(request, isPreviewed: false)
    let shown = try made(request, isPreviewed: true)
    #expect(plain.latents == shown.latents)
    #expect(plain.pixels == shown.pixels)
    #expect(plain.previews.isEmpty)
    #expect(shown.steps == [1, 2, 3])
    #expect(shown.previews.allSatisfy { $0.width == 4 && $0.height == 3 })
  }

  @Test func `of the last step show the latents that the clip is made of`() throws {
    let request = Tiny.request
    let pipeline = try Tiny.pipeline.get()
    let shown = try made(request, isPreviewed: true)
    // With nothing but the last noise level left, the estimate is the result.
    let plan = Plan(request, pipeline.model, pictures: 1)
    var noise = NoiseSource(seeds: request.seeds)
    let encoded = try pipeline.encode([Tiny.picture()], plan, &noise)
    let first = encoded.shape[0] - 1
    let colours = LatentColours(
      of: try Tiny.picture().resized(width: 32, height: 24, filter: .lanczos),
      latents: try encoded.slice(first..<first + 1).values(),
      columns: 4,
      channels: 4
    )
    let scale = 1 / pipeline.model.vaeConfiguration.scalingFactor
    let middle = shown.latents[48..<96].map { $0 * scale }
    let wanted = colours.pixels(of: middle)
    let last = try #require(shown.previews.last)
    for (one, other) in zip(last.pixels, wanted) { #expect(abs(Int(one) - Int(other)) <= 1) }
  }

  @Test func `find a linear map again, and do without one`() throws {
    // 16 squares of 2 × 2 pixels, whose colours are a linear function of made-up latents.
    var latents: [Float] = []
    var colours: [[UInt8]] = []
    for index in 0..<16 {
      let (a, b) = (Float(index % 4), Float(index / 4 * index % 5))
      latents += [a, b]
      colours.append([UInt8(20 + 30 * a), UInt8(200 - 20 * b), UInt8(50 + 10 * a + 15 * b)])
    }
    var pixels: [UInt8] = []
    for y in 0..<8 { for x in 0..<8 { pixels += colours[y / 2 * 4 + x / 2] } }
    let picture = try RGBImage(width: 8, height: 8, pixels: pixels)
    let map = LatentColours(of: picture, latents: latents, columns: 4, channels: 2)
    for (one, other) in zip(map.pixels(of: latents), colours.joined()) {
      #expect(abs(Int(one) - Int(other)) <= 1)
    }
    // Latents that say nothing about the picture leave its average; numbers that are none, black.
    let flat = LatentColours(
      of: picture,
      latents: [Float](repeating: 1, count: 32),
      columns: 4,
      channels: 2
    )
    let average = (0..<3).map { band in Double(colours.reduce(0) { $0 + Int($1[band]) }) / 16 }
    #expect(flat.pixels(of: [1, 1]) == average.map { UInt8($0.rounded()) })
    #expect(map.pixels(of: [.nan, 0]) == [0, 0, 0])
  }
}
