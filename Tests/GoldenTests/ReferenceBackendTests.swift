// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import GoldenRuns
internal import StableVideoDiffusion
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

/// The model on the backend that computes by definition: what is off here is off in the model, not in
/// a backend.
@Suite struct ReferenceBackendTests {
  @Test func `a single step by definition predicts the reference's velocity`() throws {
    let run = try #require(GoldenRun.all.first { $0.description == "tiny/main" })
    let golden = try run.open()
    let request = try run.request(golden)
    let pictures = try run.pictures(golden)
    let pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(
        folder: run.folder + "/model",
        variant: "fp16",
        backend: ReferenceBackend()
      )
    )
    let model = pipeline.model
    let plan = Plan(request, model, pictures: pictures.count)
    var noise = NoiseSource(seeds: request.seeds)
    let context = try pipeline.embed(pictures, plan)
    expectClose(
      try context.values(),
      try golden.values("encoder_hidden_states"),
      within: 2e-5,
      "embeddings"
    )
    let imageLatents = try pipeline.encode(pictures, plan, &noise)
    let conditioning = try model.unet.prepare(
      context: context,
      imageLatents: imageLatents,
      halves: plan.halves,
      frames: plan.frames,
      order: request.timeContextOrder
    )
    let times = try model.unet.times(plan.timesteps, ids: plan.ids, backend: model.backend)
    let latents = try pipeline.firstLatents(plan, &noise)
    let step = EulerStep(
      sigma: plan.sigmas[0],
      next: plan.sigmas[1],
      precision: request.precision
    )
    let sample = try latents.reshaped(plan.imageShape).scaled(by: 1 / step.inputScale)
    let velocity = try model.unet(sample, time: times[0], conditioning)
    expectClose(
      channelsFirst(
        try velocity.values(),
        images: velocity.shape[0],
        channels: velocity.shape.columns
      ),
      try golden.values("step0.unet_output"),
      within: run.limits.limit_single_step,
      "velocity"
    )
  }
}
