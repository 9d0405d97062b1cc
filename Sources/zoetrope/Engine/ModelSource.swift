// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import StableVideoDiffusion

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
  /// What is added to its weights.
  let loras: [LoRA]

  private init(name: String?, _ place: Place, _ loras: [LoRA]) {
    self.name = name
    self.place = place
    self.loras = loras
  }

  /// Reads a server's list of models.
  ///
  /// - Parameters:
  ///   - texts: `NAME=MODEL` or `MODEL` each, as `ModelChoice` reads it, and behind it `+LORA` for each of
  ///     its own; none for the model that stands in.
  ///   - loras: What is added to the weights of each.
  ///   - pull: Whether those are fetched that are named as the Hub names them.
  ///   - variant: The variant of the weights that are fetched; nil for what there is.
  ///   - digest: What the files of the only model must be, once it is fetched; nil for any.
  /// - Returns: The models, at least one.
  /// - Throws: `ConfigurationError` for names, digests and a `pull` that cannot be; `ValidationError` if
  ///   a model is not in the cache; `HubError` if there is no cache; as `LoRA.init`.
  static func list(
    _ texts: [String],
    loras: [LoRA],
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
    let named = try texts.map { text in
      let (name, whole) = try Self.named(text)
      let (model, own) = try adapted(whole)
      return (name: name, model: model, loras: loras + own)
    }
    func isPulled(_ model: String) -> Bool {
      pull && !FileManager.default.fileExists(atPath: model) && ModelReference(model) != nil
    }
    if pull, !named.contains(where: { isPulled($0.model) }) {
      throw ConfigurationError(
        "pull: \(named.first?.model ?? "no model") is not OWNER/NAME or OWNER/NAME@REVISION of a model "
          + "of the Hub"
      )
    }
    guard !named.isEmpty else {
      return [ModelSource(name: nil, .here(try ModelOptions.standIn()), loras)]
    }
    return try named.map { name, model, loras in
      guard isPulled(model), let reference = ModelReference(model) else {
        return ModelSource(name: name, .here(try ModelChoice(model)), loras)
      }
      return ModelSource(
        name: name,
        .hub(try PulledModel(reference, variant: variant, digest: digest)),
        loras
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

  /// A model and what is added to it; the names of what is there may have a plus too.
  private static func adapted(_ text: String) throws -> (model: String, loras: [LoRA]) {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    let model = (1...parts.count).map { parts[..<$0].joined(separator: "+") }
      .last { FileManager.default.fileExists(atPath: $0) }
    let rest = text.dropFirst((model ?? parts[0]).count + 1)
    return (
      model ?? parts[0], try rest.split(separator: "+").map { try LoRA(argument: String($0)) }
    )
  }
}
