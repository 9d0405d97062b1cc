// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Media
import StableVideoDiffusion
import TensorCPU

/// The model and the thread that computes with it; calls wait for each other.
actor Engine {
  private let thread: EngineThread
  /// The checkpoint that is loaded.
  nonisolated let model: StableVideoDiffusionModel
  /// How long loading took, in seconds.
  nonisolated let loadSeconds: Double

  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.asUnownedSerialExecutor() }

  /// A finished frame and its place.
  struct Frame: Sendable {
    let video: Int
    let image: RGBImage
  }

  /// Loads a checkpoint.
  ///
  /// - Parameters:
  ///   - folder: The folder that holds `model_index.json`.
  ///   - variant: The variant of the weight files.
  ///   - threads: How many threads compute; none for one a core.
  /// - Throws: As `StableVideoDiffusionModel.init`.
  init(folder: String, variant: String?, threads: Int?) async throws {
    let thread = EngineThread {
      if let threads { CPUBackend.threadCount = threads }
    }
    self.thread = thread
    let clock = ContinuousClock()
    let start = clock.now
    model = try await Loader(thread).load(folder: folder, variant: variant)
    loadSeconds = (clock.now - start) / .seconds(1)
  }

  /// Loads on the thread that will compute, whose OpenMP settings are its own.
  private actor Loader {
    private let thread: EngineThread
    nonisolated var unownedExecutor: UnownedSerialExecutor {
      unsafe thread.asUnownedSerialExecutor()
    }

    init(_ thread: EngineThread) { self.thread = thread }

    func load(folder: String, variant: String?) throws -> StableVideoDiffusionModel {
      try StableVideoDiffusionModel(folder: folder, variant: variant, backend: CPUBackend())
    }
  }

  /// Makes clips.
  ///
  /// - Parameters:
  ///   - pictures: At least one, all of one size.
  ///   - request: What to make.
  ///   - progress: Told how far the work is, from the engine's thread.
  ///   - frame: Given each finished frame, from the engine's thread.
  /// - Returns: What the stages took.
  /// - Throws: As `StableVideoDiffusionPipeline.generate`.
  func generate(
    _ pictures: [RGBImage],
    _ request: GenerationRequest,
    progress: @escaping @Sendable (GenerationProgress) -> Void,
    frame: @escaping @Sendable (Frame) -> Void
  ) throws -> GenerationTimings {
    var observer = GenerationObserver()
    observer.progress = progress
    observer.frame = { video, _, image in frame(Frame(video: video, image: image)) }
    return try StableVideoDiffusionPipeline(model).generate(pictures, request, observer: observer)
      .timings
  }
}
