// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import FoundationEssentials
import Safetensors
import StableVideoDiffusion
import TensorCUDA
import TensorCore
import TensorReference

/// What diffusers made on this GPU: `Benchmarks/full_size_reference.py` writes it.
private struct FullSizeReference: Decodable {
  struct Result: Decodable {
    let float16Error: Double
    let float16Seconds: Double?
  }

  let seed: UInt64
  let timestep: Float
  let ids: [Float]
  let chunk: Int
  let torch: String
  let velocity, frames: Result
}

extension Report {
  /// One step of the UNet and the decoding of a clip at full size against diffusers in float32, with the
  /// same made-up weights: in 16 bits no further from it than 1.1 times diffusers in float16.
  mutating func checkReference(_ engine: CUDAEngine, _ element: Element, folder: String?) {
    let suite = "reference \(element)"
    do {
      guard let folder else {
        throw MissingReference(description: "--reference DIR is missing")
      }
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let told = try decoder.decode(
        FullSizeReference.self,
        from: Data(contentsOf: URL(filePath: folder + "/reference.json"))
      )
      let file = try SafetensorsFile(path: folder + "/reference.safetensors")
      let model = try self.model(engine, element, told, folder)
      add(try step(model, file, told, suite))
      add(try decoding(model, file, told, suite))
      add(
        Entry(
          suite: suite,
          name: "memory",
          holds: true,
          note: "\(engine.allocator.peakBytes >> 20) MiB at most"
        )
      )
    } catch { add(Entry(suite: suite, name: "reference", holds: false, note: "\(error)")) }
  }

  private func model(
    _ engine: CUDAEngine,
    _ element: Element,
    _ told: FullSizeReference,
    _ folder: String
  ) throws -> StableVideoDiffusionModel {
    let place = FileManager.default.temporaryDirectory.path + "/zoetrope-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: place) }
    try FullConfiguration.write(frames: 25, to: place)
    for component in ["unet", "vae", "image_encoder"] {
      let data = try Data(contentsOf: URL(filePath: "\(folder)/\(component)/config.json"))
      try data.write(to: URL(filePath: "\(place)/\(component)/config.json"))
    }
    return try StableVideoDiffusionModel(
      folder: place,
      randomSeed: told.seed,
      backend: CUDABackend(engine, element)
    )
  }

  /// One step with guidance: the halves are unconditional and conditional.
  private func step(
    _ model: StableVideoDiffusionModel,
    _ file: SafetensorsFile,
    _ told: FullSizeReference,
    _ suite: String
  ) throws -> Entry {
    let sample = try tensor("sample", of: file, model)
    let image = try tensor("image", of: file, model)
    let context = try floats("context", of: file)
    let none = try image.scaled(by: 0)
    let conditioning = try model.unet.prepare(
      context: model.backend.upload(
        context.map { _ in 0 } + context,
        shape: [2, context.count]
      ),
      imageLatents: model.backend.concatenateRows([none, image]),
      halves: 2,
      frames: sample.shape[0]
    )
    let times = try model.unet.times([told.timestep], ids: told.ids, backend: model.backend)
    // The first time, plans are made.
    _ = try model.unet(sample, time: times[0], conditioning).slice(0..<1).values()
    let clock = ContinuousClock()
    let start = clock.now
    let velocity = try model.unet(sample, time: times[0], conditioning)
    _ = try velocity.slice(0..<1).values()
    let seconds = (clock.now - start) / .seconds(1)
    return entry(
      suite,
      "velocity",
      channelsFirst(
        try velocity.values(),
        images: velocity.shape[0],
        channels: velocity.shape.columns
      ),
      try floats("velocity", of: file),
      told.velocity,
      seconds
    )
  }

  private func decoding(
    _ model: StableVideoDiffusionModel,
    _ file: SafetensorsFile,
    _ told: FullSizeReference,
    _ suite: String
  ) throws -> Entry {
    let latents = try tensor("latents", of: file, model)
    var frames: [Float] = []
    var observer = GenerationObserver()
    observer.floatFrame = { _, _, values in
      frames += channelsFirst(values, images: 1, channels: 3)
    }
    let clock = ContinuousClock()
    let start = clock.now
    try StableVideoDiffusionPipeline(model).decode(
      latents.reshaped(Shape([1] + latents.shape.dimensions)),
      chunk: told.chunk,
      observer: observer
    )
    let seconds = (clock.now - start) / .seconds(1)
    return entry(suite, "frames", frames, try floats("frames", of: file), told.frames, seconds)
  }

  /// A tensor `[..., channels, height, width]` of the file as `[images, height, width, channels]`.
  private func tensor(
    _ name: String,
    of file: SafetensorsFile,
    _ model: StableVideoDiffusionModel
  ) throws -> Tensor {
    let values = try floats(name, of: file)
    let sizes = file.entries[name]?.shape ?? []
    guard sizes.count >= 4 else {
      throw MissingReference(description: "\(name) has the shape \(sizes)")
    }
    let (channels, height, width) = (
      sizes[sizes.count - 3], sizes[sizes.count - 2], sizes[sizes.count - 1]
    )
    let images = values.count / (channels * height * width)
    return try model.backend.upload(
      channelsLast(values, images: images, channels: channels),
      shape: [images, height, width, channels]
    )
  }

  private func entry(
    _ suite: String,
    _ name: String,
    _ actual: [Float],
    _ expected: [Float],
    _ told: FullSizeReference.Result,
    _ seconds: Double
  ) -> Entry {
    let isWhole = actual.count == expected.count
    let error = isWhole ? Difference(actual, expected).relative : .infinity
    let theirs = told.float16Seconds.map { ", \(Self.short($0 * 1000)) ms" } ?? ""
    return Entry(
      suite: suite,
      name: name,
      holds: error <= 1.1 * told.float16Error,
      error: error,
      limit: 1.1 * told.float16Error,
      milliseconds: seconds * 1000,
      note: "diffusers in float16: \(Self.short(told.float16Error))\(theirs)"
    )
  }
}

/// Why there is nothing to compare with.
private struct MissingReference: Error, CustomStringConvertible {
  let description: String
}
