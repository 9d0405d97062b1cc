// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CoreMetrics
import FoundationEssentials
import Logging
package import Serving
import Synchronization

/// Loading and unloading.
extension ModelShelf {
  /// Loads the model that is used where none is named, before it is asked for.
  ///
  /// - Throws: What loading it throws.
  package func prepare() async throws {
    guard let model = state.withLock({ $0.places.first?.model }) else { return }
    let loaded = try await take(model) {}
    release(loaded)
  }

  /// Does something with a model, which is loaded first if it is not.
  ///
  /// - Parameters:
  ///   - name: The model; nil for the one that is used where none is named.
  ///   - loading: Told if it has to be loaded.
  ///   - work: What to do; done once more if it throws ``ClipError`` with code `outOfMemory`, and other
  ///     models could be unloaded.
  /// - Returns: What `work` returns.
  /// - Throws: ``ServingError`` with code `model-unavailable` if it is not offered any more, or cannot
  ///   be loaded; what `work` throws.
  func use<Value: Sendable>(
    _ name: String?,
    loading: () -> Void,
    _ work: (Loaded) async throws -> Value
  ) async throws -> Value {
    let model = state.withLock { state in
      state.places.first { name == nil || $0.model.name == name }?.model
    }
    guard let model else { throw ServingError.noModel(name ?? "", among: names) }
    let loaded: Loaded
    do { loaded = try await take(model, loading) } catch is CancellationError {
      throw CancellationError()
    } catch let error as ClipError where error.code == .outOfMemory {
      throw ServingError(.outOfResources, "model \(model.name): \(error.message)", retryAfter: 60)
    } catch {
      logger.error("the model \(model.name) cannot be loaded: \(error)")
      throw ServingError(
        .modelUnavailable,
        "the model \(model.name) cannot be loaded; the server's log says why"
      )
    }
    defer { release(loaded) }
    do { return try await work(loaded) } catch let error as ClipError
      where error.code == .outOfMemory
    {
      var hasRoom = false
      while unloadOldest() { hasRoom = true }
      guard hasRoom else { throw error }
      return try await work(loaded)
    }
  }

  /// Has a model in memory, and stay there.
  private func take(_ model: any ClipModel, _ loading: () -> Void) async throws -> Loaded {
    let found: Loaded? = state.withLock { state in
      guard let index = state.places.firstIndex(where: { $0.model.name == model.name }) else {
        return nil
      }
      state.places[index].stay?()
      state.places[index].stay = nil
      guard let loaded = state.places[index].loaded else { return nil }
      state.places[index].users += 1
      return loaded
    }
    if let found { return found }
    loading()
    let loaded = try await load(model)
    let isOffered = state.withLock { state in
      // The models may be others by now; what was loaded is then used this once.
      guard let index = state.places.firstIndex(where: { $0.model.name == model.name }),
        state.places[index].model.stamps == loaded.stamps,
        state.places[index].model.adapters == loaded.model.adapters
      else { return false }
      state.places[index].loaded = loaded
      state.places[index].users = 1
      return true
    }
    if isOffered { show(model.name, isLoaded: true) }
    settings.digests?.learn(loaded.weights)
    return loaded
  }

  private func load(_ model: any ClipModel) async throws -> Loaded {
    while let most = mostLoaded, loadedCount >= max(1, most), unloadOldest() {}
    let (weights, stamps) = (model.weightStamps, model.stamps)
    let clock = ContinuousClock()
    while true {
      let start = clock.now
      do {
        let loaded = try await model.load()
        let seconds = (clock.now - start) / .seconds(1)
        logger.info("the model \(model.name) was loaded in \((seconds * 10).rounded() / 10) s")
        settings.metrics?.makeMeter(
          label: "zoetrope_model_load_seconds",
          dimensions: [("model", model.name)]
        ).set(seconds)
        return Loaded(model, loaded, weights: weights, stamps: stamps)
      } catch let error as ClipError where error.code == .outOfMemory {
        guard unloadOldest() else { throw error }
      }
    }
  }

  /// Lets a model go that was used.
  private func release(_ loaded: Loaded) {
    state.withLock { state in
      guard let index = state.places.firstIndex(where: { $0.loaded === loaded }) else { return }
      state.uses += 1
      state.places[index].users -= 1
      state.places[index].lastUse = state.uses
      guard state.places[index].users == 0, let time = settings.unloadAfter else { return }
      state.places[index].stay = settings.timers.after(time) { [weak self, weak loaded] in
        // Not here: freeing gigabytes takes longer than a timer's thread has.
        Task { if let loaded { self?.unload { $0.loaded === loaded } } }
      }
    }
  }

  // MARK: Unloading

  private var loadedCount: Int { state.withLock { $0.places.count { $0.loaded != nil } } }

  /// Unloads the model that was not used for the longest time.
  ///
  /// - Returns: False if all that are loaded are at work.
  private func unloadOldest() -> Bool {
    let oldest = state.withLock { state in
      state.places.filter { $0.loaded != nil && $0.users == 0 }.min { $0.lastUse < $1.lastUse }?
        .loaded
    }
    guard let oldest else { return false }
    unload { $0.loaded === oldest }
    return true
  }

  /// Unloads a model, unless it is at work.
  private func unload(_ isMeant: (Place) -> Bool) {
    let place: Place? = state.withLock { state in
      guard let index = state.places.firstIndex(where: { isMeant($0) && $0.users == 0 }) else {
        return nil
      }
      defer {
        state.places[index].loaded = nil
        state.places[index].stay = nil
      }
      return state.places[index]
    }
    guard let place else { return }
    place.stay?()
    show(place.model.name, isLoaded: false)
    logger.info("the model \(place.model.name) was unloaded")
  }

  /// Has the metrics say whether a model is in memory.
  func show(_ name: String, isLoaded: Bool) {
    guard let metrics = settings.metrics else { return }
    metrics.describe("zoetrope_model_loaded", "Whether a model is in memory.")
    metrics.describe("zoetrope_model_load_seconds", "How long loading a model took the last time.")
    metrics.makeMeter(label: "zoetrope_model_loaded", dimensions: [("model", name)])
      .set(isLoaded ? 1.0 : 0.0)
  }
}

extension ModelShelf {
  /// Counts a job that has ended.
  func count(_ job: VideoJob) {
    guard let metrics = settings.metrics else { return }
    metrics.describe("zoetrope_jobs_total", "The jobs that have ended, by model and by how.")
    metrics.makeCounter(
      label: "zoetrope_jobs_total",
      dimensions: [("model", job.modelName), ("state", job.state.rawValue)]
    ).increment(by: 1)
  }
}

extension ServingError.Code {
  /// The model that is wanted cannot be had.
  package static let modelUnavailable = Self("model-unavailable", 503)
}

extension ServingError {
  static func noModel(_ name: String, among names: [String]) -> ServingError {
    ServingError(
      .modelUnavailable,
      "the model \(name) is not served any more; there are \(names.joined(separator: ", "))"
    )
  }
}
