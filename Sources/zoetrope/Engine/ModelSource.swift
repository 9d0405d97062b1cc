// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub

/// Where a model comes from that a server is told to offer.
struct ModelSource: Sendable {
  /// Where the model is.
  enum Place: Sendable {
    case here(ModelChoice)
    case hub(PulledModel)
  }

  /// What clients choose it by; nil for what its repository, its folder or its file is called.
  let name: String?
  let place: Place

  private init(name: String?, _ place: Place) {
    self.name = name
    self.place = place
  }

  /// Reads a server's list of models.
  ///
  /// - Parameters:
  ///   - texts: `NAME=MODEL` or `MODEL` each, as `ModelChoice` reads it; none for the model that stands
  ///     in.
  ///   - pull: Whether those are fetched that are named as the Hub names them.
  ///   - variant: The variant of the weights that are fetched; nil for what there is.
  ///   - digest: What the files of the only model must be, once it is fetched; nil for any.
  /// - Returns: The models, at least one.
  /// - Throws: `ConfigurationError` for names, digests and a `pull` that cannot be; `ValidationError` if
  ///   a model is not in the cache; `HubError` if there is no cache.
  static func list(
    _ texts: [String],
    pull: Bool,
    variant: String?,
    digest: String?
  ) throws -> [ModelSource] {
    guard pull || digest == nil else {
      throw ConfigurationError("model-digest is for a model that is fetched: set pull too")
    }
    guard digest == nil || texts.count < 2 else {
      throw ConfigurationError(
        "model-digest is for one model: of several, name each at its commit, OWNER/NAME@COMMIT"
      )
    }
    let named = try texts.map(named)
    func isPulled(_ model: String) -> Bool {
      pull && !FileManager.default.fileExists(atPath: model) && ModelReference(model) != nil
    }
    if pull, !named.contains(where: { isPulled($0.model) }) {
      throw ConfigurationError(
        "pull: \(named.first?.model ?? "no model") is not OWNER/NAME or OWNER/NAME@REVISION of a model "
          + "of the Hub"
      )
    }
    guard !named.isEmpty else { return [ModelSource(name: nil, .here(try ModelOptions.standIn()))] }
    return try named.map { name, model in
      guard isPulled(model), let reference = ModelReference(model) else {
        return ModelSource(name: name, .here(try ModelChoice(model)))
      }
      return ModelSource(
        name: name,
        .hub(try PulledModel(reference, variant: variant, digest: digest))
      )
    }
  }

  private static func named(_ text: String) throws -> (name: String?, model: String) {
    guard !FileManager.default.fileExists(atPath: text), let sign = text.firstIndex(of: "=") else {
      return (nil, text)
    }
    let name = String(text[..<sign])
    let isName =
      !name.isEmpty && name.utf8.count <= 64
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    guard isName else {
      throw ConfigurationError(
        "model \(text): a name has up to 64 ASCII letters, digits, points, hyphens and underscores"
      )
    }
    return (name, String(text[text.index(after: sign)...]))
  }
}
