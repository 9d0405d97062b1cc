// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A model that a server offers, whether it is loaded or not.
package protocol ClipModel: Sendable {
  /// What clients choose it by.
  var name: String { get }
  /// The revision of its repository; nil where there is none.
  var revision: String? { get }
  /// The folder that it is in, without a slash at the end.
  var folder: String { get }
  /// The paths of its weight files in the folder.
  var weights: [String] { get }
  /// The paths of the other files that it is loaded from.
  var settings: [String] { get }
  /// What is added to its weights.
  var adapters: [ClipAdapter] { get }

  /// Fills in what a request leaves to the model; called before the model is loaded.
  func completed(_ request: ClipRequest) -> ClipRequest

  /// Loads it.
  ///
  /// - Throws: ``ClipError`` with code `outOfMemory` if it might fit once another model is unloaded;
  ///   anything else if it cannot be loaded.
  func load() async throws -> LoadedModel
}

/// A file whose numbers are added to a model's weights.
package struct ClipAdapter: Sendable, Equatable {
  /// Where it is.
  package let path: String
  /// What it is called, and how strongly it is added: "style.safetensors:0.8".
  package let title: String

  /// Describes an adapter.
  package init(path: String, title: String) {
    self.path = path
    self.title = title
  }
}

/// A model that is ready to make clips; its memory is free again once nothing holds it.
package struct LoadedModel: Sendable {
  /// Makes the clips.
  package let generator: any ClipGenerating
  /// Tells the model from others; nil if nothing does.
  package let digest: String?

  /// Describes a model that was loaded.
  package init(generator: any ClipGenerating, digest: String? = nil) {
    self.generator = generator
    self.digest = digest
  }
}

extension ClipModel {
  /// Nothing is added.
  package var adapters: [ClipAdapter] { [] }

  /// The weight files, and behind them what is added to the weights, as they are now.
  var weightStamps: [FileStamp] {
    weights.map { FileStamp("\(folder)/\($0)") } + adapters.map { FileStamp($0.path) }
  }

  /// What clients know those files by.
  var weightTitles: [String] { weights + adapters.map(\.title) }

  /// Everything that it is loaded from, as it is now.
  var stamps: [FileStamp] { weightStamps + settings.map { FileStamp("\(folder)/\($0)") } }
}
