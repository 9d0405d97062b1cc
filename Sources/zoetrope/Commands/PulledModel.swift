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
  ///   - name: `OWNER/NAME` or `OWNER/NAME@REVISION`.
  ///   - variant: The variant of the weights; nil for what the cache has, else fp16, else the whole ones.
  ///   - digest: What the files must be, as `zoetrope models show` tells it; nil for any.
  /// - Throws: `ConfigurationError` if there is no such name or digest; `HubError` if there is no cache.
  init(_ name: String?, variant: String?, digest: String?) throws {
    guard let reference = name.flatMap({ ModelReference($0) }) else {
      throw ConfigurationError(
        "pull: \(name ?? "no model") is not OWNER/NAME or OWNER/NAME@REVISION of a model of the Hub"
      )
    }
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
      let found = try Self.digest(of: try HubCache(folder: settings.cache).model(reference))
      guard found == digest else {
        throw ConfigurationError(
          "\(reference) has the digest \(found), not \(digest): it is another one than was meant"
        )
      }
    }
    return try ModelChoice(reference.description)
  }

  /// The digest of a model in the cache: the one that a bundle has which was built of its folder.
  ///
  /// Large files are not read: each had its hash when it came.
  static func digest(of kept: KeptModel) throws -> Digest {
    let files = try kept.files.filter { !$0.path.hasPrefix(".") }.map { file in
      if case .sha256(let hex)? = file.hash, let digest = Digest("sha256:\(hex)") {
        return BundleManifest.File(path: file.path, digest: digest, size: file.size)
      }
      let path = "\(kept.folder)/\(file.path)"
      guard let data = FileManager.default.contents(atPath: path) else {
        throw ConfigurationError("\(path) cannot be read")
      }
      return BundleManifest.File(path: file.path, digest: Digest(of: data), size: file.size)
    }
    return BundleManifest.Model.digest(of: files)
  }
}
