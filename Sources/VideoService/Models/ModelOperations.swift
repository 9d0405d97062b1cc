// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving

/// The models of this server, as OpenAI's clients list them.
struct ModelOperations: Sendable {
  let models: ModelShelf

  private struct Asked: Form {
    @Field("The model.") var model: String
  }

  /// The operations, under `/v1/models`.
  var all: [HTTPOperation] {
    var all = [list, retrieve]
    for index in all.indices {
      all[index].tag = "Models"
      all[index].envelope = .openAI
    }
    return all
  }

  private var list: HTTPOperation {
    HTTPOperation(
      .get,
      "/v1/models",
      "The models that clips can be made with; the first is the one that is used where none is named.",
      replies: [.json("The models.")]
    ) { _ in
      Reply(json: ["object": "list", "data": .array(models.offers.map(\.json))])
    }
  }

  private var retrieve: HTTPOperation {
    HTTPOperation(
      .get,
      "/v1/models/{model}",
      "How a model is.",
      takes: Asked.self,
      replies: [.json("The model.")]
    ) { input, _ in
      guard let offer = models.offers.first(where: { $0.identity.name == input.model }) else {
        throw ServingError(.notFound, "there is no model \(input.model.prefix(64))")
      }
      return Reply(json: offer.json)
    }
  }
}

extension ModelShelf {
  /// What forms offer to choose.
  var choices: [String: [String]] { ["model": names] }
}

extension ModelShelf.Offer {
  fileprivate var json: JSON {
    [
      "id": .string(identity.name), "object": "model", "created": .integer(Int128(changedAt)),
      "owned_by": "zoetrope", "is_default": .bool(isDefault), "is_loaded": .bool(isLoaded),
      "revision": identity.revision.map { .string($0) } ?? .null,
      "digest": identity.digest.map { .string($0) } ?? .null, "files": identity.filesJSON,
    ]
  }
}

extension ModelIdentity {
  /// The digests of the weight files by their paths; null until they are known.
  var filesJSON: JSON {
    files.map { .object($0.map { (name: $0.path, value: .string($0.sha256)) }) } ?? .null
  }
}
