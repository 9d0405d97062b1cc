// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Hub
import Packaging
import Synchronization

/// A model that a server fetches from the Hub before it loads it.
struct PulledModel: Sendable {
  private let reference: ModelReference
  private let weights: PipelineFiles.Weights
  private let digest: Digest?
  private let settings: HubSettings

  /// - Parameters:
  ///   - reference: The model.
  ///   - variant: The variant of the weights; nil for what the cache has, else fp16, else the whole ones.
  ///   - digest: What the files must be, as `zoetrope models show` tells it; nil for any.
  /// - Throws: `ConfigurationError` if there is no such digest; `HubError` if there is no cache.
  init(_ reference: ModelReference, variant: String?, digest: String?) throws {
    self.reference = reference
    weights = variant.map { .variant($0) } ?? .any
    self.digest = try digest.map { text in
      guard let digest = Digest(text) else {
        throw ConfigurationError("model-digest \(text) is not sha256: and 64 digits")
      }
      return digest
    }
    settings = try HubSettings()
  }

  /// What the model is called in its repository.
  var name: String { reference.name }

  /// Fetches what is not there yet, goes on with what was interrupted, and holds all of it to its digest.
  ///
  /// - Returns: Where the model lies.
  /// - Throws: `HubError`; `ConfigurationError` for files that do not have the digest.
  func fetch() async throws -> ModelChoice {
    let tenths = Mutex(-1)
    do {
      _ = try await ModelFetcher(settings).pull(reference, weights) { [reference] progress in
        let now = progress.total > 0 ? progress.done * 10 / progress.total : 0
        let isNews = tenths.withLock { last in
          defer { last = max(last, now) }
          return now > last
        }
        guard isNews else { return }
        Terminal.say(
          "fetching \(reference): \(Output.megabytes(progress.done)) of "
            + Output.megabytes(progress.total)
        )
      }
    } catch let error as HubError where error.code == .unreachable {
      // What is there can be served; a branch may have moved on meanwhile.
      guard (try? ModelChoice(reference.description)) != nil else { throw error }
      Terminal.say("\(error.message); \(reference) is served as it is in the cache")
    }
    if let digest {
      let kept = try HubCache(folder: settings.cache).model(reference)
      let found = BundleManifest.Model.digest(of: try Self.files(of: kept))
      guard found == digest else {
        throw ConfigurationError(
          "\(reference) has the digest \(found), not \(digest): it is another one than was meant"
        )
      }
    }
    return try ModelChoice(reference.description)
  }

  /// The files of a model in the cache, as a bundle has them which was built of its folder.
  ///
  /// Files that had their SHA-256 when they came, as large ones have, are not read.
  static func files(of kept: KeptModel) throws -> [BundleManifest.File] {
    try kept.files.filter { !$0.path.hasPrefix(".") }.map { file in
      if case .sha256(let hex)? = file.hash, let digest = Digest("sha256:\(hex)") {
        return BundleManifest.File(path: file.path, digest: digest, size: file.size)
      }
      return BundleManifest.File(
        path: file.path,
        digest: try Files.digest("\(kept.folder)/\(file.path)"),
        size: file.size
      )
    }
  }
}
