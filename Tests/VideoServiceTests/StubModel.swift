// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Logging
import Serving
import Synchronization
import Testing
import VideoService

/// Stands in for a checkpoint: takes no memory, can be held up while it is loaded, or fail.
final class StubModel: ClipModel {
  let name: String
  let revision: String?
  let folder: String
  let weights: [String]
  let settings: [String] = []

  private let make: @Sendable () async throws -> any ClipGenerating
  private let counter = Mutex(0)

  /// - Parameters:
  ///   - name: What it is called.
  ///   - folder: Where its files are.
  ///   - weights: Its files.
  ///   - revision: What it says its revision is.
  ///   - make: Loads it.
  init(
    _ name: String,
    folder: String = "/nonexistent",
    weights: [String] = [],
    revision: String? = nil,
    make: @escaping @Sendable () async throws -> any ClipGenerating
  ) {
    self.name = name
    self.folder = folder
    self.weights = weights
    self.revision = revision
    self.make = make
  }

  convenience init(_ name: String, _ generator: any ClipGenerating = StubGenerator()) {
    self.init(name) { generator }
  }

  /// How often it was loaded, or should have been.
  var loads: Int { counter.withLock { $0 } }

  func completed(_ request: ClipRequest) -> ClipRequest { request }

  func load() async throws -> LoadedModel {
    counter.withLock { $0 += 1 }
    return LoadedModel(generator: try await make(), digest: "digest of \(name)")
  }
}

extension ModelShelf {
  /// Offers models.
  static func stub(
    _ models: [StubModel],
    _ change: (inout Settings) -> Void = { _ in }
  ) -> ModelShelf {
    var settings = Settings()
    change(&settings)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    return ModelShelf(models, settings: settings, logger: logger)
  }

  /// Offers one model, which is called `stub`.
  static func stub(_ generator: any ClipGenerating = StubGenerator()) -> ModelShelf {
    stub([StubModel("stub", generator)])
  }

  /// Which models are in memory.
  var loadedNames: [String] { names.filter { isLoaded($0) } }
}
