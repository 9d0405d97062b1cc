// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Logging
package import Serving
import Synchronization

/// The models of a server: those in memory, and those that are fetched when somebody asks for them.
///
/// One is used at a time. Where there is no room for the next, the one goes that was not used for the
/// longest time, never one that works.
package final class ModelShelf: Sendable {
  /// How long models stay, and how many.
  package struct Settings: Sendable {
    /// How long a model stays that nobody asks for; nil for always.
    package var unloadAfter: Duration?
    /// What that is measured by.
    package var timers: any Timers = EventLoopTimers.shared
    /// Where the digests of weight files come from; nil for nowhere.
    package var digests: WeightDigests?
    /// Told of each model; nil for nobody.
    package var metrics: PrometheusRegistry?

    /// Models stay for as long as the memory suffices.
    package init() {}
  }

  /// A model in memory, with what it was loaded from.
  final class Loaded: Sendable {
    let model: any ClipModel
    let loaded: LoadedModel
    let stamps: [FileStamp]
    let weights: [FileStamp]

    init(_ model: any ClipModel, _ loaded: LoadedModel, weights: [FileStamp], stamps: [FileStamp]) {
      self.model = model
      self.loaded = loaded
      self.weights = weights
      self.stamps = stamps
    }
  }

  struct Place: Sendable {
    var model: any ClipModel
    var loaded: Loaded?
    /// How many use it now.
    var users = 0
    /// The number of the last use, among those of all models.
    var lastUse = 0
    /// Has it not be unloaded for being idle.
    var stay: (@Sendable () -> Void)?
  }

  struct State: Sendable {
    var places: [Place] = []
    var uses = 0
    var mostLoaded: Int?
  }

  let settings: Settings
  let logger: Logger
  let state: Mutex<State>

  /// Offers models, none of which is loaded yet.
  ///
  /// - Parameters:
  ///   - models: The models, at least one; the first is used where none is named. No two have one name.
  ///   - settings: How long models stay.
  ///   - logger: Told what is loaded and unloaded, and what cannot be.
  package init(_ models: [any ClipModel], settings: Settings = Settings(), logger: Logger) {
    self.settings = settings
    self.logger = logger
    state = Mutex(State(places: models.map { Place(model: $0) }))
    for model in models { show(model.name, isLoaded: false) }
  }

  /// How many models may be in memory at once, at least one; nil for as many as fit.
  package var mostLoaded: Int? {
    get { state.withLock { $0.mostLoaded } }
    set { state.withLock { $0.mostLoaded = newValue } }
  }

  /// The names of the models; the first is that of the one that is used where none is named.
  package var names: [String] { state.withLock { $0.places.map(\.model.name) } }

  /// Whether a model is offered.
  func has(_ name: String) -> Bool { names.contains(name) }

  /// Refuses the name of a model that is not offered.
  ///
  /// - Parameter name: What a client wrote; nil if it wrote nothing.
  /// - Throws: ``ServingError`` with code `invalidInput`, which lists the names.
  func check(_ name: String?) throws(ServingError) {
    let names = names
    guard let name, !names.contains(name) else { return }
    let list = names.joined(separator: ", ")
    throw ServingError([
      InputProblem("enum", field: "model", "model must be one of \(list), not \(name.prefix(64))")
    ])
  }

  /// Fills in what a request leaves to the model, and which one that is.
  func completed(_ request: ClipRequest) -> ClipRequest {
    let model = state.withLock { state in
      (state.places.first { $0.model.name == request.model } ?? state.places.first)?.model
    }
    guard let model else { return request }
    var whole = model.completed(request)
    whole.model = model.name
    return whole
  }

  // MARK: What there is

  /// A model as clients hear of it.
  package struct Offer: Sendable {
    /// What tells it from others.
    package let identity: ModelIdentity
    /// Whether it is used where none is named.
    let isDefault: Bool
    let isLoaded: Bool
    /// When its files were changed last, in seconds since 1970.
    let changedAt: Int
  }

  /// The models, as they are now.
  package var offers: [Offer] {
    let places = state.withLock { $0.places }
    return places.enumerated().map { index, place in
      let stamps = place.loaded?.stamps ?? place.model.stamps
      return Offer(
        identity: place.loaded.map(identity)
          ?? ModelIdentity(
            name: place.model.name,
            revision: place.model.revision,
            files: files(place.model, place.model.weightStamps)
          ),
        isDefault: index == 0,
        isLoaded: place.loaded != nil,
        changedAt: (stamps.map(\.changedAt).max() ?? 0) / 1_000_000_000
      )
    }
  }

  /// What is known of a model that was loaded.
  func identity(_ loaded: Loaded) -> ModelIdentity {
    ModelIdentity(
      name: loaded.model.name,
      revision: loaded.model.revision,
      digest: loaded.loaded.digest,
      files: files(loaded.model, loaded.weights)
    )
  }

  /// The digests of weight files; nil until all are known.
  private func files(_ model: any ClipModel, _ stamps: [FileStamp]) -> [ModelIdentity.File]? {
    guard let digests = settings.digests else { return nil }
    var files: [ModelIdentity.File] = []
    for (path, stamp) in zip(model.weightTitles, stamps) {
      guard let digest = digests.digest(of: stamp) else { return nil }
      files.append(ModelIdentity.File(path: path, sha256: digest))
    }
    return files
  }

  // MARK: Other models

  /// Offers other models from now on.
  ///
  /// A model stays in memory if its files are as they were when it was loaded. Work that is under way
  /// goes on with the model that it has.
  ///
  /// - Parameter models: As ``init(_:settings:logger:)`` has them.
  package func replace(with models: [any ClipModel]) {
    let arriving = models.map { (model: $0, stamps: $0.stamps) }
    let leaving: [Place] = state.withLock { state in
      let old = state.places
      var kept: Set<String> = []
      state.places = arriving.map { model, stamps in
        guard let place = old.first(where: { $0.model.name == model.name }),
          let loaded = place.loaded, loaded.stamps == stamps,
          loaded.model.adapters == model.adapters
        else { return Place(model: model) }
        kept.insert(model.name)
        return Place(
          model: model,
          loaded: loaded,
          users: place.users,
          lastUse: place.lastUse,
          stay: place.stay
        )
      }
      return old.filter { !kept.contains($0.model.name) }
    }
    for place in leaving {
      place.stay?()
      show(place.model.name, isLoaded: false)
      if place.loaded != nil { logger.info("the model \(place.model.name) was unloaded") }
    }
    for (model, _) in arriving where !leaving.contains(where: { $0.model.name == model.name }) {
      show(model.name, isLoaded: isLoaded(model.name))
    }
  }

  /// Whether a model is in memory.
  package func isLoaded(_ name: String) -> Bool {
    state.withLock { $0.places.contains { $0.model.name == name && $0.loaded != nil } }
  }
}
