// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension Service {
  /// `/schema.json`, in the shape that BentoML's client reads.
  var schema: JSON {
    .object([
      ("name", .string(name)), ("type", "service"),
      ("routes", .array(endpoints.map(\.bentoSchema))),
      ("paths", .object(endpoints.map { ($0.path, ["mounted": false]) })),
    ])
  }
}

extension RegisteredEndpoint {
  fileprivate var bentoSchema: JSON {
    var members: [(name: String, value: JSON)] = [
      ("name", .string(name)), ("route", .string(path)), ("batchable", false),
    ]
    if !summary.isEmpty { members.append(("doc", .string(summary))) }
    members += [("input", inputSchema), ("output", outputSchema), ("is_task", .bool(takesTasks))]
    return .object(members)
  }

  private var inputSchema: JSON {
    .object([
      ("properties", .object(form.map { ($0.name, $0.bentoSchema) })),
      ("required", .array(form.filter(\.isRequired).map { .string($0.name) })),
      ("title", "Input"), ("type", "object"),
    ])
  }

  private var outputSchema: JSON {
    guard output.isFile else { return ["type": "object"] }
    let mediaType = JSON.string(output.mediaType)
    return [
      "content_type": mediaType, "format": .string(output.family), "type": "file",
      "media_type": mediaType,
    ]
  }
}

extension ReplyKind {
  /// `video` of `video/*`.
  var family: String { mediaType.split(separator: "/").first.map(String.init) ?? "binary" }
}
