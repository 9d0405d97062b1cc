// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore

#if canImport(Glibc)
internal import Glibc
#endif

/// The demonstration model, loaded once, and pictures that it was not trained on.
struct Demonstration: Sendable {
  static let pictures = ["lake", "osprey", "mountains", "cat", "coffee", "pagoda"]

  let pipeline: StableVideoDiffusionPipeline

  init() throws {
    pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(folder: Self.checkpoint, backend: CPUBackend())
    )
  }

  static let here = folder(of: #filePath)
  private static let checkpoint = folder(of: folder(of: here)) + "/Models/demo"

  private static func folder(of path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  }

  /// What the model's makers recommend.
  var request: GenerationRequest {
    var request = GenerationRequest()
    request.apply(pipeline.model.recommended)
    return request
  }

  /// A picture at the size of the frames.
  func picture(_ name: String) async throws -> RGBImage {
    let picture = try await PictureReader().read(path: "\(Self.here)/Pictures/\(name).jpg")
    return try picture.fitted(width: request.width, height: request.height, fit: .stretch)
  }

  /// The frames of a clip.
  func clip(_ picture: RGBImage, _ request: GenerationRequest) throws -> [RGBImage] {
    var frames: [RGBImage] = []
    var observer = GenerationObserver()
    observer.frame = { _, _, image in frames.append(image) }
    _ = try pipeline.generate([picture], request, observer: observer)
    return frames
  }

  /// A picture through encoder and decoder, as the middle of three equal frames.
  func reconstruction(_ picture: RGBImage) throws -> RGBImage {
    let model = pipeline.model
    let values = picture.pixels.map { Float($0) / 127.5 - 1 }
    let shape = Shape([1, picture.height, picture.width, 3])
    let latents = try model.vae.encode(model.backend.upload(values, shape: shape))
    let three = try model.backend.upload(
      Array(repeating: latents.values(), count: 3).flatMap { $0 },
      shape: Shape([1, 3] + latents.shape.dimensions.dropFirst())
    )
    var frames: [RGBImage] = []
    var observer = GenerationObserver()
    observer.frame = { _, _, image in frames.append(image) }
    try pipeline.decode(
      three.scaled(by: model.vaeConfiguration.scalingFactor),
      chunk: nil,
      observer: observer
    )
    return frames[1]
  }
}

extension RGBImage {
  /// The peak signal-to-noise ratio to another picture of the size, in dB.
  func psnr(to other: RGBImage) -> Double {
    var sum = 0.0
    for (mine, theirs) in zip(pixels, other.pixels) {
      let error = Double(mine) - Double(theirs)
      sum += error * error
    }
    return 10 * log10(255 * 255 * Double(pixels.count) / sum)
  }

  /// The brightness of each pixel, 0 to 255.
  var luma: [Float] {
    stride(from: 0, to: pixels.count, by: 3).map { index in
      0.299 * Float(pixels[index]) + 0.587 * Float(pixels[index + 1]) + 0.114
        * Float(pixels[index + 2])
    }
  }
}
