// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// Which files of a repository a pipeline is made of.
package enum PipelineFiles {
  /// Which weights are wanted where there are several.
  package enum Weights: Sendable, Equatable {
    /// Those that the cache already has, else the halved ones (`fp16`), else the plain ones.
    case any
    /// Those of a variant, and the plain ones of a component that has none of it.
    case variant(String)
    /// The plain ones.
    case plain
  }

  /// The parts of the pipeline, and what the names of their weight files begin with.
  static let parts: [(folder: String, stem: String?, settings: String)] = [
    ("scheduler", nil, "scheduler_config.json"),
    ("feature_extractor", nil, "preprocessor_config.json"),
    ("image_encoder", "model", "config.json"),
    ("vae", "diffusion_pytorch_model", "config.json"),
    ("unet", "diffusion_pytorch_model", "config.json"),
  ]

  /// What a pipeline is told by.
  static let index = "model_index.json"
  /// What a model's makers recommend to this program, where they do.
  static let recommendations = "zoetrope.json"

  /// Refuses another pipeline before gigabytes of it are fetched.
  ///
  /// - Parameters:
  ///   - bytes: The content of `model_index.json`.
  ///   - model: Whose it is.
  /// - Throws: ``HubError`` with code `unusable`.
  static func check(index bytes: [UInt8], of model: ModelReference) throws(HubError) {
    struct Index: Decodable { let _class_name: String }
    guard let index = try? JSONDecoder().decode(Index.self, from: Data(bytes)) else {
      throw HubError(.unusable, "\(model): model_index.json names no pipeline")
    }
    guard index._class_name == "StableVideoDiffusionPipeline" else {
      throw HubError(
        .unusable,
        "\(model) is a \(printable(index._class_name)), not a StableVideoDiffusionPipeline"
      )
    }
  }

  /// Chooses the files that the pipeline needs, the small ones first.
  ///
  /// - Parameters:
  ///   - listing: What there is.
  ///   - model: Whose it is.
  ///   - weights: Which weights are wanted.
  ///   - isThere: Whether the cache has a file.
  /// - Returns: The files.
  /// - Throws: ``HubError`` with code `unusable`, naming what is missing.
  static func choose(
    from listing: RepositoryListing,
    of model: ModelReference,
    _ weights: Weights,
    isThere: (RepositoryFile) -> Bool
  ) throws(HubError) -> [RepositoryFile] {
    var chosen = [index, recommendations].compactMap { listing.files[$0] }
    for part in parts {
      let path = "\(part.folder)/\(part.settings)"
      guard let settings = listing.files[path] else {
        throw HubError(.unusable, "\(model) has no \(path), which the pipeline needs")
      }
      chosen.append(settings)
    }
    for part in parts {
      guard let stem = part.stem else { continue }
      let variants: [String?] =
        switch weights {
        case .any: ["fp16", nil]
        case .variant(let variant): [variant, nil]
        case .plain: [nil]
        }
      let sets = variants.compactMap { files(listing, part.folder, stem, variant: $0) }
      let kept = weights == .any ? sets.first { $0.allSatisfy(isThere) } : nil
      guard let set = kept ?? sets.first else {
        throw missing(listing, model, part.folder, stem, variants)
      }
      chosen += set
    }
    return chosen
  }

  /// The weight files of a part: one, or an index and its shards; nil if there are none.
  private static func files(
    _ listing: RepositoryListing,
    _ folder: String,
    _ stem: String,
    variant: String?
  ) -> [RepositoryFile]? {
    let name = "\(folder)/\(variant.map { "\(stem).\($0)" } ?? stem)"
    if let single = listing.files["\(name).safetensors"] { return [single] }
    let indices =
      variant.map {
        [
          "\(folder)/\(stem).safetensors.index.\($0).json",
          "\(folder)/\(stem).safetensors.\($0).index.json",
        ]
      } ?? ["\(folder)/\(stem).safetensors.index.json"]
    guard let index = indices.lazy.compactMap({ listing.files[$0] }).first else { return nil }
    let shards = listing.files.values.filter { file in
      guard file.path.hasPrefix(name + "-"), file.path.hasSuffix(".safetensors") else {
        return false
      }
      let numbers = file.path.dropFirst(name.count + 1).dropLast(".safetensors".count)
      return numbers.contains("-of-") && numbers.allSatisfy { $0.isNumber || "-of".contains($0) }
    }
    return shards.isEmpty ? nil : [index] + shards.sorted { $0.path < $1.path }
  }

  private static func missing(
    _ listing: RepositoryListing,
    _ model: ModelReference,
    _ folder: String,
    _ stem: String,
    _ variants: [String?]
  ) -> HubError {
    let wanted = variants.map { $0.map { "\(stem).\($0).safetensors" } ?? "\(stem).safetensors" }
    let pickled = listing.files.keys.sorted().first { path in
      path.hasPrefix(folder + "/")
        && [".bin", ".ckpt", ".pt", ".pth"].contains { path.hasSuffix($0) }
    }
    let remedy =
      pickled.map {
        "; it has \(printable($0)), a pickle, which can run anything and is never loaded: convert it "
          + "with diffusers' save_pretrained(safe_serialization=True)"
      } ?? ""
    return HubError(
      .unusable,
      "\(model) has no \(folder)/\(wanted.joined(separator: " or "))\(remedy)"
    )
  }
}
