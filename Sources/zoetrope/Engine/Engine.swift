// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import FoundationEssentials
import Media
import StableVideoDiffusion
import TensorCPU
import TensorCUDA
import TensorCore

/// The model and the thread that computes with it; calls wait for each other.
actor Engine {
  private let thread: EngineThread
  /// The checkpoint that is loaded.
  nonisolated let model: StableVideoDiffusionModel
  /// How long loading took, in seconds.
  nonisolated let loadSeconds: Double
  /// What a person calls the model: its repository's name, or the last part of its path.
  nonisolated let name: String
  /// What was added to its weights.
  nonisolated let adapters: [ClipRecord.Adapter]
  /// Where the model computes, and in what type if that is a choice: "cpu", or as
  /// "NVIDIA H100 80GB HBM3 float16".
  nonisolated let device: String
  /// What a person should know of the model, and of where it computes.
  nonisolated let remarks: [String]

  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// A finished frame and its place.
  struct Frame: Sendable {
    let video: Int
    let image: RGBImage
  }

  /// What to load, and where to compute.
  struct Settings: Sendable {
    /// The folder that holds `model_index.json`, or a safetensors file.
    var folder: String
    /// What a person calls it; none for the last part of the path.
    var name: String?
    /// The variant of the weight files.
    var variant: String?
    /// What is added to the denoiser's weights.
    var loras: [LoRA] = []
    /// Where weights are made up from in place of the files.
    var randomSeed: UInt64?
    /// How many threads compute; none for one a core.
    var threads: Int?
    var device = DeviceChoice.automatic
    /// What a GPU computes with.
    var compute = ComputeType.float16
    /// How memory is used; none for what the device's allows.
    var memory: MemoryMode?

    /// A thread to compute on.
    func makeThread() -> EngineThread {
      EngineThread { [threads] in
        if let threads { CPUBackend.threadCount = threads }
      }
    }
  }

  /// Loads a checkpoint.
  ///
  /// - Parameters:
  ///   - settings: What to load, and where to compute.
  ///   - thread: The thread that computes, where engines share one; nil for one of its own.
  /// - Throws: As `StableVideoDiffusionModel.init`; `CUDAError` if the GPU that was asked for cannot be
  ///   used.
  init(_ settings: Settings, on thread: EngineThread? = nil) async throws {
    let thread = thread ?? settings.makeThread()
    self.thread = thread
    let clock = ContinuousClock()
    let start = clock.now
    let name: String
    let remark: String?
    (model, name, remark) = try await Loader(thread).load(settings)
    adapters = try settings.loras.map { try $0.record() }
    remarks = model.remarks + [remark].compactMap(\.self)
    self.name = settings.name ?? name
    device =
      (model.backend as? CUDABackend).map {
        "\($0.engine.device.description.name) \(ComputeType($0).rawValue)"
      } ?? model.backend.name
    loadSeconds = (clock.now - start) / .seconds(1)
  }

  /// Loads on the thread that will compute, whose OpenMP settings are its own.
  private actor Loader {
    private let thread: EngineThread
    nonisolated var unownedExecutor: UnownedSerialExecutor {
      unsafe thread.asUnownedSerialExecutor()
    }

    init(_ thread: EngineThread) { self.thread = thread }

    func load(_ settings: Settings) throws -> (StableVideoDiffusionModel, String, String?) {
      let checkpoint = try Checkpoint(path: settings.folder, variant: settings.variant)
      let device = try settings.device.choose(
        settings.compute,
        settings.memory,
        // A checkpoint that cannot be read says so when it is loaded.
        need: try? MemoryNeed(checkpoint, hasWeights: settings.randomSeed == nil)
      )
      let model = try StableVideoDiffusionModel(
        folder: settings.folder,
        variant: settings.variant,
        randomSeed: settings.randomSeed,
        loras: settings.loras,
        memory: device.memory,
        backend: device.backend
      )
      return (model, checkpoint.name, device.remark)
    }
  }

  /// Makes clips.
  ///
  /// - Parameters:
  ///   - pictures: At least one, all of one size.
  ///   - request: What to make.
  ///   - warning: Told what a person should know.
  ///   - progress: Told how far the work is, from the engine's thread.
  ///   - preview: Given what the clip is coming to, as `GenerationObserver.preview`; nil if nobody
  ///     wants it.
  ///   - frame: Given each finished frame, from the engine's thread.
  /// - Returns: What the stages took.
  /// - Throws: As `StableVideoDiffusionPipeline.generate`; `GenerationError` for `decode_chunk_size` if
  ///   so many frames cannot be decoded at a time in the GPU's memory, before anything is computed.
  func generate(
    _ pictures: [RGBImage],
    _ request: GenerationRequest,
    warning: @escaping @Sendable (String) -> Void = { Terminal.say($0) },
    progress: @escaping @Sendable (GenerationProgress) -> Void,
    preview: (@Sendable (Int, Int, RGBImage) -> Void)? = nil,
    frame: @escaping @Sendable (Frame) -> Void
  ) throws -> GenerationTimings {
    try requireRoom(for: request, clips: pictures.count * request.videosPerPicture)
    var observer = GenerationObserver()
    observer.progress = progress
    observer.warning = warning
    observer.preview = preview
    observer.frame = { video, _, image in frame(Frame(video: video, image: image)) }
    return try StableVideoDiffusionPipeline(model).generate(pictures, request, observer: observer)
      .timings
  }

  /// Refuses what is certain not to fit once it comes to decoding.
  private func requireRoom(for request: GenerationRequest, clips: Int) throws(GenerationError) {
    guard let backend = model.backend as? CUDABackend else { return }
    let frames = request.frames ?? model.unetConfiguration.numFrames
    // Rows of pixels that a factor of the size cuts off are few.
    let least =
      MemoryNeed.decoding(
        frames: min(request.decodeChunk ?? frames, frames * clips),
        pixels: request.width / 8 * 8 * (request.height / 8 * 8),
        channels: model.vaeConfiguration.blockOutChannels
      ) * backend.element.byteCount
    let room = backend.engine.allocator.limit - backend.engine.allocator.usedBytes
    guard least <= room else {
      throw GenerationError(
        .argument("decode_chunk_size"),
        "to decode \(request.decodeChunk ?? frames) frames at a time more than \(least >> 20) MiB are "
          + "needed beside the model, and the GPU has \(room >> 20): choose fewer, as 2"
      )
    }
  }
}
