// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Media
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite("The sampler of AnimateLCM-SVD") struct AnimateLCMTests {
  private static let golden = Result {
    try SafetensorsFile(path: Fixtures.folder + "/animatelcm/golden.safetensors")
  }
  /// As AnimateLCM's own code makes it for Stable Video Diffusion.
  static let settings = """
    {
      "_class_name": "AnimateLCMSVDStochasticIterativeScheduler", "num_train_timesteps": 40,
      "sigma_min": 0.002, "sigma_max": 700.0, "sigma_data": 1.0, "s_noise": 1.0, "rho": 7,
      "clip_denoised": false
    }
    """

  /// The tiny checkpoint with another scheduler's configuration.
  private static func makeModel(_ folder: TemporaryFolder, _ settings: String) throws -> String {
    let model = try folder.copy(ofFixture: "tiny/model")
    try Data(settings.utf8).write(to: URL(filePath: model + "/scheduler/scheduler_config.json"))
    return model
  }

  static func load(
    _ folder: TemporaryFolder,
    _ settings: String = settings
  ) throws -> StableVideoDiffusionModel {
    try StableVideoDiffusionModel(
      folder: makeModel(folder, settings),
      variant: "fp16",
      backend: CPUBackend()
    )
  }

  private static func picture() throws -> RGBImage {
    let bytes = unsafe try golden.get().withBytes(of: "picture") { unsafe [UInt8]($0) }
    return try RGBImage(width: 48, height: 32, pixels: bytes ?? [])
  }

  private static func request(steps: Int, guidance: Float = 1) -> GenerationRequest {
    var request = GenerationRequest()
    (request.width, request.height, request.frames) = (48, 32, 3)
    request.steps = steps
    request.maximumGuidance = guidance
    request.seeds = [7]
    return request
  }

  @Test func `levels and timesteps are the reference's to the bit`() throws {
    let folder = try TemporaryFolder()
    let model = try Self.load(folder)
    let golden = try Self.golden.get()
    for steps in [1, 2, 3, 4, 6, 8, 40] {
      let plan = Plan(Self.request(steps: steps), model, pictures: 1)
      #expect(try plan.sigmas == floats("sigmas.\(steps)", of: golden), "\(steps)")
      #expect(try plan.timesteps == floats("timesteps.\(steps)", of: golden), "\(steps)")
    }
    #expect(model.recommended.steps == 4)
    #expect(model.recommended.minimumGuidance == 1 && model.recommended.maximumGuidance == 1)
  }

  @Test(arguments: [("four", 4, Float(1)), ("guided", 2, 1.5), ("one", 1, 1)])
  func `every step makes the reference's latents`(
    _ name: String,
    _ steps: Int,
    _ guidance: Float
  ) throws {
    let folder = try TemporaryFolder()
    let pipeline = StableVideoDiffusionPipeline(try Self.load(folder))
    let request = Self.request(steps: steps, guidance: guidance)
    #expect(Plan(request, pipeline.model, pictures: 1).halves == (guidance > 1 ? 2 : 1))
    var made: [Float] = []
    var previews = 0
    var observer = GenerationObserver()
    observer.preview = { _, _, _ in previews += 1 }
    observer.stepEnded = { _, _, latents in
      made += try latents.values()
      return latents
    }
    let output = try pipeline.generate([Self.picture()], request, observer: observer)
    #expect(output.timings.steps.count == steps && previews == steps)
    expectClose(made, try floats(name, of: Self.golden.get()), within: 1e-4, name)
  }

  @Test func `what the sampler cannot do is said`() throws {
    let folder = try TemporaryFolder()
    let pipeline = StableVideoDiffusionPipeline(try Self.load(folder))
    var request = Self.request(steps: 41)
    let steps = #expect(throws: GenerationError.self) {
      try pipeline.generate([Self.picture()], request)
    }
    #expect(steps?.code == .argument("num_inference_steps"))
    request.sigmas = [1, 0]
    let sigmas = #expect(throws: GenerationError.self) {
      try pipeline.generate([Self.picture()], request)
    }
    #expect(sigmas?.code == .argument("sigmas"))
    for (old, new, key) in [
      (#""sigma_data": 1.0"#, #""sigma_data": 0.5"#, "sigma_data"),
      (#""sigma_max": 700.0"#, #""sigma_max": 0.001"#, "sigma_min, sigma_max"),
      (#""num_train_timesteps": 40"#, #""num_train_timesteps": 1"#, "num_train_timesteps"),
      (#""s_noise": 1.0"#, #""s_noise": -1"#, "s_noise"),
      (#""rho": 7"#, #""rho": 0"#, "rho"),
      ("AnimateLCMSVDStochasticIterativeScheduler", "PNDMScheduler", "_class_name"),
    ] {
      let other = try TemporaryFolder()
      let error = #expect(throws: ConfigurationError.self) {
        try Self.load(other, Self.settings.replacing(old, with: new))
      }
      #expect(error?.key == key, "\(String(describing: error))")
    }
  }

  @Test func `the sampler goes into one file and back, and the model's own advice goes first`()
    throws
  {
    let folder = try TemporaryFolder()
    let model = try Self.makeModel(folder, Self.settings)
    try Data(#"{"num_inference_steps": 6}"#.utf8).write(to: URL(filePath: model + "/zoetrope.json"))
    let file = folder.path + "/one.safetensors"
    try CheckpointConversion(Checkpoint(path: model, variant: "fp16"), to: .singleFile)
      .write(to: file)
    for path in [model, file] {
      let checkpoint = try Checkpoint(path: path, variant: path == model ? "fp16" : nil)
      let recommended = try checkpoint.recommendedSettings()
      #expect(recommended.steps == 6 && recommended.maximumGuidance == 1)
    }
    guard
      case .consistency(let scheduler) =
        try StableVideoDiffusionModel(folder: file, backend: CPUBackend()).scheduler
    else {
      Issue.record("the file lost its sampler")
      return
    }
    #expect(scheduler.sigmaMax == 700 && scheduler.trainedSteps == 40)
  }
}
