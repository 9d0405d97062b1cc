// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Media
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

/// What the demonstration model does with photographs that it has not seen.
@Suite("The demonstration model", .serialized) struct DemonstrationTests {
  let demonstration: Demonstration

  init() throws { demonstration = try Demonstration() }

  @Test("the VAE alone brings photographs back at 26 dB")
  func reconstruction() async throws {
    var found: [Double] = []
    for name in Demonstration.pictures {
      let picture = try await demonstration.picture(name)
      found.append(try demonstration.reconstruction(picture).psnr(to: picture))
    }
    print("VAE: \(zip(Demonstration.pictures, found).map { "\($0) \($1)" })")
    #expect(found.reduce(0, +) / Double(found.count) >= 26)
    #expect(found.allSatisfy { $0 >= 25 })
  }

  @Test(
    "clips begin with the picture, move more for a higher bucket, and do not flicker",
    arguments: ["lake", "cat", "pagoda"]
  )
  func clips(_ name: String) async throws {
    let picture = try await demonstration.picture(name)
    var moved: [Double] = []
    for bucket in [30, 127, 220] {
      var request = demonstration.request
      request.motionBucket = bucket
      request.seeds = [1]
      let frames = try demonstration.clip(picture, request)
      #expect(frames.count >= 14)
      #expect(frames[0].psnr(to: picture) >= 22, "bucket \(bucket)")
      moved.append(try #require(displacement(from: frames[0], to: frames[frames.count - 1])))
      let brightness = frames.map { frame in
        frame.luma.reduce(0, +) / Float(frame.luma.count)
      }
      let changes = zip(brightness, brightness.dropFirst()).map { abs($0 - $1) }.sorted()
      #expect(changes[changes.count / 2] <= 1.5, "bucket \(bucket): brightness \(brightness)")
    }
    print("\(name) moves \(moved) px")
    #expect(moved[0] < moved[1] && moved[1] < moved[2], "\(moved)")
    #expect(moved[1] >= 2, "\(moved)")
  }

  @Test("another seed makes another clip, the same seed the same")
  func seeds() async throws {
    let picture = try await demonstration.picture("coffee")
    var request = demonstration.request
    request.steps = 4
    func clip(_ seed: UInt64) throws -> [UInt8] {
      request.seeds = [seed]
      return try demonstration.clip(picture, request).flatMap(\.pixels)
    }
    let first = try clip(1)
    #expect(try clip(1) == first)
    let other = try clip(2)
    let difference = zip(first, other).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    #expect(Double(difference) / Double(first.count) > 1)
  }

  @Test("diffusers makes the same clip of the checkpoint")
  func reference() throws {
    let file = try SafetensorsFile(path: Demonstration.here + "/Reference/coffee.safetensors")
    func bytes(_ name: String) throws -> [UInt8] {
      try #require(unsafe file.withBytes(of: name) { unsafe [UInt8]($0) })
    }
    var request = demonstration.request
    request.seeds = [42]
    let picture = try RGBImage(width: 256, height: 192, pixels: bytes("picture"))
    var frames: [RGBImage] = []
    var observer = GenerationObserver()
    observer.frame = { _, _, image in frames.append(image) }
    let output = try demonstration.pipeline.generate([picture], request, observer: observer)
    expectClose(
      channelsFirst(
        try output.latents.values(),
        images: frames.count,
        channels: output.latents.shape.columns
      ),
      try floats("latents", of: file),
      within: 1e-4,
      "latents"
    )
    let pixels = [0, 6, 13].flatMap { frames[$0].pixels }
    let differences = zip(pixels, try bytes("frames")).map { abs(Int($0) - Int($1)) }
    #expect(differences.max() ?? 255 <= 1)
    let share = Double(differences.filter { $0 > 0 }.count) / Double(differences.count)
    #expect(share <= 0.02, "\(share) of the bytes are off by one")
  }
}
