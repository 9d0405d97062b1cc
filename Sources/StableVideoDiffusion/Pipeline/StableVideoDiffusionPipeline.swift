// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Media
internal import NeuralNetwork
public import TensorCore

/// From a picture to a clip; matches diffusers' `StableVideoDiffusionPipeline`.
///
/// Its methods compute on the calling thread until they are done, and stop with `CancellationError`
/// between steps and between decoded chunks if the task that calls them is cancelled.
public struct StableVideoDiffusionPipeline: Sendable {
  /// The pieces of the model.
  public let model: StableVideoDiffusionModel

  /// Makes a pipeline.
  ///
  /// - Parameter model: The pieces of the model.
  public init(_ model: StableVideoDiffusionModel) { self.model = model }

  /// What a generation made.
  public struct Output: Sendable {
    /// The clean latents, `[videos, frames, height, width, channels]`.
    public let latents: Tensor
    /// What each stage took.
    public let timings: GenerationTimings
  }

  private var backend: any Backend { model.backend }

  /// Makes clips and decodes them; frames go to the observer.
  ///
  /// - Parameters:
  ///   - pictures: At least one, all of one size.
  ///   - request: What to make.
  ///   - observer: Told of progress, steps and frames.
  /// - Returns: The latents and the timings.
  /// - Throws: `GenerationError` for an argument out of range or numbers that are not finite;
  ///   `TensorError` if the backend fails; `CancellationError`; what the observer throws.
  public func generate(
    _ pictures: [RGBImage],
    _ request: GenerationRequest,
    observer: GenerationObserver = GenerationObserver()
  ) throws -> Output {
    var timings = GenerationTimings()
    let latents = try denoise(pictures, request, observer: observer, timings: &timings)
    let clock = ContinuousClock()
    let start = clock.now
    try decode(latents, chunk: request.decodeChunk, observer: observer)
    timings.decode = (clock.now - start).seconds
    return Output(latents: latents, timings: timings)
  }

  /// Makes the latents of clips: the reference's `output_type="latent"`.
  ///
  /// - Parameters:
  ///   - pictures: At least one, all of one size.
  ///   - request: What to make.
  ///   - observer: Told of progress and steps.
  ///   - timings: Receives what the stages took.
  /// - Returns: `[videos, frames, height, width, channels]`.
  /// - Throws: As `generate`.
  public func denoise(
    _ pictures: [RGBImage],
    _ request: GenerationRequest,
    observer: GenerationObserver,
    timings: inout GenerationTimings
  ) throws -> Tensor {
    let clock = ContinuousClock()
    var mark = clock.now
    func lap() -> Double {
      defer { mark = clock.now }
      return (clock.now - mark).seconds
    }

    try request.check(
      pictures: pictures.count,
      scaleFactor: model.vaeConfiguration.scaleFactor,
      modelFrames: model.unetConfiguration.numFrames
    )
    try model.scheduler.check(request)
    observer.progress(.encoding)
    let plan = Plan(request, model, pictures: pictures.count)
    var noise = NoiseSource(seeds: request.seeds)
    let context = try embed(pictures, plan)
    try Task.checkCancellation()
    let imageLatents = try encode(pictures, plan, &noise)
    let conditioning = try model.unet.prepare(
      context: context,
      imageLatents: imageLatents,
      halves: plan.halves,
      frames: plan.frames,
      order: request.timeContextOrder
    )
    let preview =
      try observer.preview == nil
      ? nil : LatentPreview(of: pictures[0], imageLatents: imageLatents, plan, model)
    let times = try model.unet.times(plan.timesteps, ids: plan.ids, backend: backend)
    var denoiser = try Denoiser(model, plan, times, conditioning)
    var latents = try firstLatents(plan, &noise)
    timings.encode = lap()
    observer.progress(.denoised(step: 0, of: times.count))

    for index in times.indices {
      try Task.checkCancellation()
      let step = EulerStep(
        sigma: plan.sigmas[index],
        next: plan.sigmas[index + 1],
        precision: request.precision
      )
      let sample = try latents.reshaped(plan.imageShape).scaled(by: 1 / step.inputScale)
      let velocity = try denoiser.velocity(of: sample, at: index)
      let guidance = plan.guidance(at: index)
      let noisy = latents
      latents = try advance(latents, velocity, guidance, step, plan, &noise)
      guard try backend.isFinite(latents) else {
        throw GenerationError(
          .notFinite,
          "denoising step \(index + 1) of \(times.count) made numbers that are not finite"
        )
      }
      if let preview {
        let image = try preview.image(of: noisy, velocity: velocity, guidance: guidance, step)
        observer.preview?(index + 1, times.count, image)
      }
      latents = try observer.stepEnded(index, plan.timesteps[index], latents)
      guard latents.shape == plan.latentShape else {
        throw TensorError(
          .shape,
          "step",
          "latents \(latents.shape) cannot replace \(plan.latentShape)"
        )
      }
      timings.steps.append(lap())
      observer.progress(.denoised(step: index + 1, of: times.count))
    }
    guard try backend.isFinite(latents) else {
      throw GenerationError(.notFinite, "denoising made numbers that are not finite")
    }
    return latents
  }

  /// The latents at the next noise level.
  private func advance(
    _ latents: Tensor,
    _ velocity: Tensor,
    _ guidance: [Float]?,
    _ step: EulerStep,
    _ plan: Plan,
    _ noise: inout NoiseSource
  ) throws -> Tensor {
    guard case .consistency(let scheduler) = model.scheduler else {
      return try latents.eulerStep(velocity: velocity, guidance: guidance, step: step)
    }
    let size = plan.latentShape.count / plan.videos
    // Noise is drawn for the last step too, where it counts for nothing, but not for the only one.
    let fresh =
      plan.timesteps.count > 1
      ? channelsLast(
        noise.draw(pieces: plan.videos, size: size, step.precision),
        images: plan.videos * plan.frames,
        channels: plan.latentShape.columns
      ) : []
    let advanced = scheduler.advance(
      try latents.values(),
      velocity: plan.guided(try velocity.values(), guidance),
      noise: fresh,
      step
    )
    return try backend.upload(advanced, shape: plan.latentShape)
  }

  /// The pictures' embeddings, unconditional half first: `[halves · videos, context]`.
  package func embed(_ pictures: [RGBImage], _ plan: Plan) throws -> Tensor {
    let prepare = CLIPPreprocessing(model.imageConfiguration)
    let pixels = pictures.flatMap { prepare($0.pixels, width: $0.width, height: $0.height) }
    let embedded = try model.imageEncoder()(
      backend.upload(pixels, shape: Shape([pictures.count, 224, 224, 3]))
    )
    let size = embedded.shape[1]
    let values = try embedded.values().map(plan.request.precision.round)
    var rows = [Float](repeating: 0, count: plan.halves == 2 ? plan.videos * size : 0)
    for picture in pictures.indices {
      for _ in 0..<plan.request.videosPerPicture {
        rows += values[picture * size..<(picture + 1) * size]
      }
    }
    return try backend.upload(rows, shape: Shape([plan.halves * plan.videos, size]))
  }

  /// The pictures' latents, unconditional half first: `[halves · videos, height, width, channels]`.
  package func encode(
    _ pictures: [RGBImage],
    _ plan: Plan,
    _ noise: inout NoiseSource
  ) throws
    -> Tensor
  {
    let (width, height) = (plan.pixels.width, plan.pixels.height)
    let count = height * width * 3
    let drawn = channelsLast(
      noise.draw(pieces: pictures.count, size: count, .float32),
      images: pictures.count,
      channels: 3
    )
    var values: [Float] = []
    values.reserveCapacity(pictures.count * count)
    for (index, picture) in pictures.enumerated() {
      let resized = try picture.resized(width: width, height: height, filter: .lanczos)
      for (pixel, noise) in zip(resized.pixels, drawn[index * count..<(index + 1) * count]) {
        values.append(
          2 * (Float(pixel) / 255) - 1 + plan.request.noiseAugmentation * noise
        )
      }
    }
    let latents = try model.vae.encode(
      backend.upload(values, shape: Shape([pictures.count, height, width, 3]))
    )
    let size = latents.shape.count / pictures.count
    let encoded = try latents.values().map(plan.request.precision.round)
    var rows = [Float](repeating: 0, count: plan.halves == 2 ? plan.videos * size : 0)
    // The reference repeats embeddings picture by picture but latents as a whole, so with several
    // pictures and several videos of each it pairs them crosswise; results are to be equal to its.
    for _ in 0..<plan.request.videosPerPicture { rows += encoded }
    return try backend.upload(
      rows,
      shape: Shape([plan.halves * plan.videos] + latents.shape.dimensions.dropFirst())
    )
  }

  package func firstLatents(_ plan: Plan, _ noise: inout NoiseSource) throws -> Tensor {
    let size = plan.latentShape.count / plan.videos
    let precision = plan.request.precision
    let unit: [Float]
    if let given = plan.request.latents {
      guard given.count == plan.latentShape.count else {
        throw GenerationError(
          .argument("latents"),
          "\(given.count) numbers were given where \(plan.latentShape.count) are needed"
        )
      }
      unit = given
    } else {
      unit = noise.draw(pieces: plan.videos, size: size, precision)
    }
    let scale = model.scheduler.initialNoiseScale(plan.sigmas)
    let images = plan.videos * plan.frames
    let values = channelsLast(unit, images: images, channels: plan.latentShape.columns)
      .map { precision.round($0 * scale) }
    return try backend.upload(values, shape: plan.latentShape)
  }
}

extension Duration {
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
