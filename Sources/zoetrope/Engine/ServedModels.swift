// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import Serving
import StableVideoDiffusion
import Synchronization
import TensorCUDA
import TensorCore
import VideoService

/// Reads the models that a server is told to offer, and loads them: all compute in one place and on one
/// thread.
final class ServedModels: Sendable {
  private let options: EngineOptions
  private let lossy: LossyOptions
  private let thread: EngineThread
  private let place = Mutex<(device: DeviceChoice?, isOnGPU: Bool)>((nil, false))
  /// The model that was loaded last, while it is.
  private let last = Mutex(Last())

  private struct Last {
    weak var engine: Engine?
  }

  /// - Parameters:
  ///   - options: How models are loaded.
  ///   - lossy: How clips are made.
  init(_ options: EngineOptions, _ lossy: LossyOptions) {
    self.options = options
    self.lossy = lossy
    thread = options.settings(folder: "").makeThread()
  }

  /// Whether the models that were loaded compute on a GPU.
  var isOnGPU: Bool { place.withLock(\.isOnGPU) }

  /// Looks at the models that are there already; those that are to be fetched have nothing but a name.
  ///
  /// - Parameter sources: Where the models come from.
  /// - Returns: The models, in their order.
  /// - Throws: `ConfigurationError` if two have one name; as ``ServedModel/init``.
  func announced(_ sources: [ModelSource]) throws -> [any ClipModel] {
    let models = try sources.map { source -> any ClipModel in
      switch source.place {
      case .here(let choice):
        try ServedModel(name: source.name, choice, source.loras, options, lossy, self)
      case .hub(let model): ExpectedModel(name: source.name ?? model.name)
      }
    }
    try Self.requireDistinct(models.map(\.name))
    return models
  }

  /// Looks at models, once those are fetched that are to be.
  ///
  /// - Parameter sources: Where the models come from.
  /// - Returns: The models, in their order.
  /// - Throws: As ``announced(_:)`` and `PulledModel.fetch`.
  func models(_ sources: [ModelSource]) async throws -> [ServedModel] {
    var models: [ServedModel] = []
    for source in sources {
      let choice =
        switch source.place {
        case .here(let choice): choice
        case .hub(let model): try await model.fetch()
        }
      models.append(
        try ServedModel(name: source.name, choice, source.loras, options, lossy, self)
      )
    }
    try Self.requireDistinct(models.map(\.name))
    return models
  }

  private static func requireDistinct(_ names: [String]) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw ConfigurationError(
        "two models are called \(name): give one another name, as --model NAME=MODEL"
      )
    }
  }

  /// Loads a model.
  ///
  /// - Throws: `ClipError` with code `outOfMemory` if it does not fit; as `Engine.init`.
  func load(_ settings: Engine.Settings) async throws -> Engine {
    var settings = settings
    // Where the first one went the others go: a GPU that another model fills is no reason to compute on
    // the processor.
    settings.device = place.withLock { $0.device } ?? settings.device
    // A GPU that another model fills is no reason to spare memory either: that one can be unloaded.
    settings.memory = settings.memory ?? last.withLock { $0.engine?.model.memory }
    do {
      let engine = try await Engine(settings, on: thread)
      last.withLock { $0.engine = engine }
      let isOnGPU = engine.model.backend is CUDABackend
      let device = settings.device == .automatic ? (isOnGPU ? .cuda(0) : .cpu) : settings.device
      place.withLock { $0 = (device, isOnGPU) }
      return engine
    } catch let error as CUDAError where error.code == .outOfMemory {
      throw ClipError(.outOfMemory, error.message, cause: error)
    } catch let error as TensorError where error.code == .outOfMemory {
      throw ClipError(.outOfMemory, error.message, cause: error)
    }
  }
}

/// A model that is still to be fetched: nothing is known of it but its name.
private struct ExpectedModel: ClipModel {
  let name: String
  let revision: String? = nil
  let folder = ""
  let weights: [String] = []
  let settings: [String] = []

  func completed(_ request: ClipRequest) -> ClipRequest { request }

  func load() async throws -> LoadedModel {
    throw ServingError(.notReady, "the model \(name) is still being fetched", retryAfter: 5)
  }
}
