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

  /// Fills in what a request leaves to the model; called before the model is loaded.
  func completed(_ request: ClipRequest) -> ClipRequest

  /// Loads it.
  ///
  /// - Throws: ``ClipError`` with code `outOfMemory` if it might fit once another model is unloaded;
  ///   anything else if it cannot be loaded.
  func load() async throws -> LoadedModel
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
  /// The weight files as they are now.
  var weightStamps: [FileStamp] { weights.map { FileStamp("\(folder)/\($0)") } }

  /// Everything that it is loaded from, as it is now.
  var stamps: [FileStamp] { weightStamps + settings.map { FileStamp("\(folder)/\($0)") } }
}
