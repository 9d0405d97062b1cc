// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media
internal import StableVideoDiffusion
package import TensorCore
package import TensorReference

/// Something that a run made beside what the reference made.
package struct Comparison: Sendable {
  package let label: String
  package let difference: Difference
  /// The highest relative root-mean-square difference allowed.
  package let limit: Double

  package var holds: Bool { difference.relative <= limit }

  init(_ label: String, _ actual: [Float], _ expected: [Float], _ limit: Double) {
    self.label = label
    // Another count is as far away as can be.
    difference = Difference(
      actual.count == expected.count ? actual : expected.map { _ in .infinity },
      expected
    )
    self.limit = limit
  }
}

extension GoldenRun {
  /// Each step from the reference's own latents.
  ///
  /// - Parameters:
  ///   - backend: Where to compute.
  ///   - limit: How far the velocity may be; none for the run's own limits.
  /// - Returns: The comparisons, stage by stage.
  /// - Throws: What the pipeline throws.
  package func singleSteps(on backend: any Backend, limit: Double? = nil) throws -> [Comparison] {
    let golden = try open()
    let request = try self.request(golden)
    let pictures = try self.pictures(golden)
    let pipeline = try pipeline(on: backend)
    let model = pipeline.model
    let plan = Plan(request, model, pictures: pictures.count)
    var noise = NoiseSource(seeds: request.seeds)
    let stage = limit == nil && request.precision == .float32 ? 2e-5 : 2e-2
    var all: [Comparison] = []

    let context = try pipeline.embed(pictures, plan)
    all.append(
      Comparison(
        "embeddings",
        try context.values(),
        try golden.values("encoder_hidden_states"),
        stage
      )
    )
    let imageLatents = try pipeline.encode(pictures, plan, &noise)
    all.append(
      Comparison(
        "image latents",
        channelsFirst(
          try imageLatents.values(),
          images: imageLatents.shape[0],
          channels: imageLatents.shape.columns
        ),
        try golden.values("vae_image_latents_cfg"),
        stage
      )
    )

    let conditioning = try model.unet.prepare(
      context: context,
      imageLatents: imageLatents,
      halves: plan.halves,
      frames: plan.frames,
      order: request.timeContextOrder
    )
    let times = try model.unet.times(plan.timesteps, ids: plan.ids, backend: model.backend)
    var latents = try pipeline.firstLatents(plan, &noise)
    let images = plan.videos * plan.frames
    let channels = plan.latentShape.columns
    for index in times.indices {
      let step = EulerStep(
        sigma: plan.sigmas[index],
        next: plan.sigmas[index + 1],
        precision: request.precision
      )
      let sample = try latents.reshaped(plan.imageShape).scaled(by: 1 / step.inputScale)
      let velocity = try model.unet(sample, time: times[index], conditioning)
      let actual = channelsFirst(
        try velocity.values(),
        images: plan.halves * images,
        channels: channels
      )
      let expected = try golden.values("step\(index).unet_output")
      all.append(
        Comparison("velocity of step \(index)", actual, expected, limit ?? limits.limit_single_step)
      )
      let scale = golden.manifest.params.callback_scale ?? 1
      latents = try model.backend.upload(
        channelsLast(
          golden.values("step\(index).latents"),
          images: images,
          channels: channels
        ).map { $0 * scale },
        shape: plan.latentShape
      )
    }
    return all
  }

  /// What a whole generation made.
  package struct Generation: Sendable {
    package let latents: Comparison
    /// Frames before they are rounded to bytes.
    package let numbers: Comparison
    /// The largest and the mean difference of bytes, and the share of those that differ.
    package let most: Int
    package let mean, share: Double

    package var holds: Bool { latents.holds && numbers.holds }
  }

  /// The whole generation.
  ///
  /// - Parameter backend: Where to compute.
  /// - Returns: How far it is from the reference's.
  /// - Throws: What the pipeline throws.
  package func generation(on backend: any Backend) throws -> Generation {
    let golden = try open()
    let request = try self.request(golden)
    let pipeline = try pipeline(on: backend)
    let scale = golden.manifest.params.callback_scale
    var frames: [UInt8] = []
    var last: [Float] = []
    var observer = GenerationObserver()
    observer.stepEnded = { _, _, latents in
      last = channelsFirst(
        try latents.values(),
        images: latents.shape[0] * latents.shape[1],
        channels: latents.shape.columns
      )
      return try scale.map { try latents.scaled(by: $0) } ?? latents
    }
    observer.frame = { _, _, image in frames += image.pixels }
    var numbers: [Float] = []
    observer.floatFrame = { _, _, values in
      numbers += channelsFirst(values, images: 1, channels: 3)
    }
    let output = try pipeline.generate(self.pictures(golden), request, observer: observer)

    let steps = output.timings.steps.count
    let expected = try golden.values("step\(steps - 1).latents")
    let stride = golden.manifest.tensors["frames_float"]?.stride ?? 1
    let bytes = try golden.bytes("frames_u8")
    let differences = zip(frames, bytes).map { abs(Int($0) - Int($1)) }
    let count = Double(bytes.count)
    return Generation(
      latents: Comparison("final latents", last, expected, limits.limit_final_latents),
      numbers: Comparison(
        "frames before rounding",
        Swift.stride(from: 0, to: numbers.count, by: stride).map { numbers[$0] },
        try golden.values("frames_float"),
        10 * limits.limit_final_latents
      ),
      most: frames.count == bytes.count ? differences.max() ?? 0 : 255,
      mean: Double(differences.reduce(0, +)) / count,
      share: Double(differences.filter { $0 > 0 }.count) / count
    )
  }
}
