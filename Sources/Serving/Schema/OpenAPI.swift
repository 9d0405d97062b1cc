// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

extension Service {
  /// `/docs.json`: the service as an OpenAPI 3.0 document.
  var openAPI: JSON {
    var paths: [(name: String, value: JSON)] = Self.infrastructure.map { path, type, summary in
      (
        path,
        [
          "get": [
            "tags": ["Infrastructure"], "summary": .string(summary),
            "operationId": .string(String(path.dropFirst()).replacing(".", with: "_")),
            "responses": .object(Self.infrastructureResponses(path, type)),
          ]
        ]
      )
    }
    for endpoint in endpoints {
      paths.append((endpoint.path, ["post": endpoint.operation(of: name)]))
      if endpoint.takesTasks { paths += endpoint.taskPaths(of: name) }
    }
    paths += operationPaths
    return [
      "openapi": "3.0.3",
      "info": [
        "title": .string(name), "version": .string(version), "description": .string(summary),
      ],
      "servers": [["url": "."]],
      "tags": .array(
        [["name": "Service APIs", "description": "What the service does."]]
          + operationTags.map { ["name": .string($0)] }
          + [
            [
              "name": "Infrastructure",
              "description": "How the service is doing, and what it offers.",
            ]
          ]
      ),
      "paths": .object(paths),
      "components": [
        "schemas": .object(
          [("Error", Self.errorSchema), ("Task", TaskRecord.schema)] + operationSchemas
        )
      ],
    ]
  }

  private static let infrastructure: [(path: String, type: String, summary: String)] = [
    ("/livez", "text/plain", "Whether the server runs."),
    ("/healthz", "text/plain", "Whether the server runs."),
    ("/readyz", "text/plain", "Whether the server can take work."),
    ("/metrics", "text/plain", "What the server has counted, for Prometheus."),
    ("/schema.json", "application/json", "The endpoints in the form that clients of BentoML read."),
    ("/docs.json", "application/json", "This document."),
  ]

  private static func infrastructureResponses(
    _ path: String,
    _ type: String
  ) -> [(name: String, value: JSON)] {
    let schema: JSON = ["type": type == "application/json" ? "object" : "string"]
    let content = JSON.object([(type, ["schema": schema])])
    let good: (name: String, value: JSON) = (
      "200", ["description": "It is so.", "content": content]
    )
    guard path == "/readyz" else { return [good] }
    return [good, ("503", ["description": "Not yet, or no more.", "content": content])]
  }

  private static let errorSchema: JSON = [
    "type": "object", "required": ["error"],
    "properties": [
      "error": ["type": "string", "description": "What went wrong and what to do about it."],
      "detail": [
        "type": "array", "description": "What is wrong with each field.",
        "items": [
          "type": "object", "required": ["type", "loc", "msg"],
          "properties": [
            "type": ["type": "string", "description": "A stable name for the kind of problem."],
            "loc": [
              "type": "array", "items": ["type": "string"],
              "description": "The field; empty if it is the body as a whole.",
            ],
            "msg": ["type": "string"],
          ],
        ],
      ],
    ],
  ]
}

extension RegisteredEndpoint {
  fileprivate func operation(of service: String) -> JSON {
    [
      "tags": ["Service APIs"], "summary": .string(summary),
      "operationId": .string("\(service)__\(name)"),
      "requestBody": requestBody,
      "responses": .object([("200", success)] + Self.failures),
    ]
  }

  var requestBody: JSON { .requestBody(of: form) }

  var success: JSON {
    let schema: JSON = output.isFile ? ["type": "string", "format": "binary"] : [:]
    return [
      "description": "What was asked for.",
      "content": JSON.object(
        ([output.mediaType] + output.others).map { ($0, ["schema": schema]) }
      ),
    ]
  }

  static let failures: [(name: String, value: JSON)] = [
    ("400", "A field is missing or wrong, or the body is malformed."),
    ("408", "The body came too slowly."),
    ("413", "The body is larger than is taken."),
    ("415", "The body is of a type that is not read."),
    ("429", "The queue is full; Retry-After says when to come back."),
    ("500", "The server failed; its log says why."),
    (
      "503",
      "The server is starting or stopping, or short of memory; Retry-After says when to come back."
    ),
    ("504", "It took longer than the service allows."),
    ("507", "The disk of the server is full."),
  ].map { ($0, failure($1)) }

  static func failure(_ description: String) -> JSON { .failure(description, "Error") }
}

extension JSON {
  /// What documents say of a body that is read as a form.
  static func requestBody(of form: [FormEntry]) -> JSON {
    let encodings = form.compactMap { entry -> (name: String, value: JSON)? in
      if !entry.isFile { return (entry.name, ["contentType": "application/json"]) }
      return entry.mediaType.map { (entry.name, ["contentType": .string($0)]) }
    }
    return [
      "required": .bool(form.contains(where: \.isRequired)),
      "content": [
        "multipart/form-data": .object([
          ("schema", inputSchema(of: form, fileFormat: "binary")),
          ("encoding", .object(encodings)),
        ]),
        "application/json": ["schema": inputSchema(of: form, fileFormat: "byte")],
      ],
    ]
  }

  private static func inputSchema(of form: [FormEntry], fileFormat: String) -> JSON {
    var members: [(name: String, value: JSON)] = [
      ("type", "object"), ("title", "Input"),
      ("properties", .object(form.map { ($0.name, $0.openAPISchema(fileFormat: fileFormat)) })),
    ]
    // OpenAPI's `required` must not be empty.
    let required = form.filter(\.isRequired).map { JSON.string($0.name) }
    if !required.isEmpty { members.append(("required", .array(required))) }
    return .object(members)
  }

  /// What documents say of an error, which is written as the schema of a name has it.
  static func failure(_ description: String, _ schema: String) -> JSON {
    let reference = JSON.string("#/components/schemas/\(schema)")
    let content: JSON = ["application/json": ["schema": ["$ref": reference]]]
    return ["description": .string(description), "content": content]
  }
}
