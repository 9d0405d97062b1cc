// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Hub

/// The model that a person means, and where it lies.
struct ModelChoice: Sendable {
  /// The folder that holds `model_index.json`, or a safetensors file with all of a model.
  let folder: String
  /// What it is called in a repository; nil for what is only a folder.
  let name: String?
  /// The commit of the repository; nil for what is only a folder.
  let revision: String?
  /// Whether it stands in where none is named.
  let standsIn: Bool

  /// The model that stands in.
  init(standIn folder: String) {
    self.folder = folder
    name = nil
    revision = nil
    standsIn = true
  }

  /// What `--model` names: a folder, a file, or `OWNER/NAME` of a model in the Hub's cache.
  ///
  /// Nothing is fetched.
  ///
  /// - Parameters:
  ///   - text: The folder, the file or the name.
  ///   - environment: Tells where the cache is.
  /// - Throws: `ValidationError` if the cache does not have the model, or not all of it.
  init(
    _ text: String,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    standsIn = false
    // What is no name, and what is there, is a path; the loader says what is wrong with it.
    guard !FileManager.default.fileExists(atPath: text), !text.hasSuffix(".safetensors"),
      let model = ModelReference(text)
    else {
      folder = text
      name = nil
      revision = nil
      return
    }
    let cache = HubCache(folder: try HubSettings(environment: environment).cache)
    let fetch = "`zoetrope pull \(text)` fetches it"
    guard let kept = try? cache.model(model) else {
      throw ValidationError("\(text) is neither a folder nor a model in \(cache.folder): \(fetch)")
    }
    if let missing = cache.missing(of: kept) {
      throw ValidationError("\(text): \(missing) is not in \(kept.folder): \(fetch)")
    }
    folder = kept.folder
    name = model.name
    revision = kept.commit
  }
}
