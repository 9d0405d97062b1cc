// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Testing
import VideoService

extension JSON {
  /// The member of an object.
  subscript(name: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  /// The element of a list.
  subscript(index: Int) -> JSON? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The text of the value, with the members of objects in alphabetical order.
  var sorted: String {
    switch self {
    case .object(let members):
      let sorted = members.sorted { $0.name < $1.name }
      return "{" + sorted.map { "\"\($0.name)\":\($0.value.sorted)" }.joined(separator: ",") + "}"
    case .array(let elements):
      return "[" + elements.map(\.sorted).joined(separator: ",") + "]"
    default: return text
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The documents of a service` {
  private func document(_ path: String) async throws -> JSON {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain("GET", path))
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "application/json")
      return try #require(JSON(parsing: answer.body))
    }
  }

  /// What BentoML's own server said of the same service, down to the last member; ours says more.
  @Test func `the schema has all that BentoML's has`() async throws {
    let schema = try await document("/schema.json")
    #expect(schema["name"]?.sorted == #""StableDiffusionVideo""#)
    #expect(schema["type"]?.sorted == #""service""#)
    #expect(schema["paths"]?.sorted == #"{"/generate":{"mounted":false}}"#)
    let route = try #require(schema["routes"]?[0])
    #expect(route["name"]?.sorted == #""generate""#)
    #expect(route["route"]?.sorted == #""/generate""#)
    #expect(route["batchable"]?.sorted == "false")
    #expect(route["is_task"]?.sorted == "true")
    #expect(
      route["output"]?.sorted
        == #"{"content_type":"video/*","format":"video","media_type":"video/*","type":"file"}"#
    )
    let input = try #require(route["input"])
    #expect(input["required"]?.sorted == #"["image"]"#)
    #expect(input["title"]?.sorted == #""Input""#)
    #expect(input["type"]?.sorted == #""object""#)
    let recorded: [(field: String, member: String, value: String)] = [
      ("image", "format", #""image""#), ("image", "pil", "true"), ("image", "title", #""Image""#),
      ("image", "type", #""file""#), ("decode_chunk_size", "default", "2"),
      ("decode_chunk_size", "title", #""Decode Chunk Size""#),
      ("decode_chunk_size", "type", #""integer""#), ("seed", "default", "null"),
      ("seed", "title", #""Seed""#), ("seed", "type", #""integer""#),
    ]
    for (field, member, value) in recorded {
      #expect(input["properties"]?[field]?[member]?.sorted == value, "\(field) \(member)")
    }
  }

  @Test func `the schema says ranges, choices and what fields are for`() async throws {
    let properties = try #require(
      try await document("/schema.json")["routes"]?[0]?["input"]?["properties"]
    )
    #expect(
      properties["fps"]?.sorted
        == #"{"default":null,"description":"Frames per second; null for what suits the model, "#
        + #"usually 7.","maximum":30,"minimum":1,"title":"Fps","type":"integer"}"#
    )
    #expect(properties["fit"]?["enum"]?.sorted == #"["stretch","crop","pad"]"#)
    #expect(properties["fit"]?["default"]?.sorted == #""stretch""#)
    #expect(properties["playback"]?["enum"]?.sorted == #"["forward","ping-pong","loop"]"#)
    #expect(properties["format"]?["enum"]?.sorted == #"["mp4","webm","gif","webp","zip"]"#)
    #expect(properties["guidance_shape"]?["default"]?.sorted == #""linear""#)
    #expect(properties["guidance_scales"]?["type"]?.sorted == #""string""#)
    #expect(properties["image"]?["default"] == nil)
  }

  @Test func `OpenAPI describes the endpoint`() async throws {
    let document = try await document("/docs.json")
    #expect(document["openapi"]?.sorted == #""3.0.3""#)
    #expect(document["info"]?["title"]?.sorted == #""StableDiffusionVideo""#)
    #expect(document["info"]?["version"]?.sorted == #""1.2.3""#)
    #expect(document["servers"]?.sorted == #"[{"url":"."}]"#)
    let operation = try #require(document["paths"]?["/generate"]?["post"])
    #expect(operation["operationId"]?.sorted == #""StableDiffusionVideo__generate""#)
    #expect(operation["tags"]?.sorted == #"["Service APIs"]"#)
    let form = try #require(operation["requestBody"]?["content"]?["multipart/form-data"])
    #expect(form["schema"]?["required"]?.sorted == #"["image"]"#)
    #expect(form["schema"]?["properties"]?["image"]?["format"]?.sorted == #""binary""#)
    #expect(form["schema"]?["properties"]?["seed"]?["nullable"]?.sorted == "true")
    #expect(form["encoding"]?["seed"]?.sorted == #"{"contentType":"application/json"}"#)
    for type in ["video/*", "image/gif", "image/webp", "application/zip"] {
      #expect(operation["responses"]?["200"]?["content"]?[type] != nil, "\(type)")
    }
    for status in ["400", "408", "413", "415", "429", "500", "503", "504", "507"] {
      #expect(operation["responses"]?[status] != nil, "\(status)")
    }
  }

  @Test(arguments: [
    "/", "/schema.json", "/docs.json", "/static_content/page.js", "/static_content/page.css",
    "/static_content/icon.svg", "/static_content/studio.js",
  ])
  func `a HEAD request is told the size`(path: String) async throws {
    try await LiveServer.with { server in
      let answer = try await server.exchange(plain("GET", path))
      #expect(answer.status == 200)
      let head = try await server.exchange(plain("HEAD", path), isHead: true)
      #expect(head.headers["content-length"] == String(answer.body.count))
      #expect(head.headers["content-type"] == answer.headers["content-type"])
      let post = try await server.exchange(plain("POST", path))
      #expect(post.status == 405)
      #expect(post.headers["allow"] == "GET, HEAD")
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `The page` {
  @Test func `comes from this server alone, and may not load anything else`() async throws {
    try await LiveServer.with { server in
      let page = try await server.exchange(plain("GET", "/"))
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.text.contains("<h2>Service APIs</h2>"))
      let policy = try #require(page.headers["content-security-policy"])
      #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
      #expect(!policy.contains("unsafe"))
      var texts = [page.text]
      var names = page.text.split(separator: "\"").filter { $0.hasPrefix("./static_content/") }
        .map { String($0.dropFirst("./static_content/".count)) }
      var seen: Set<String> = []
      while let name = names.popLast() {
        guard seen.insert(name).inserted else { continue }
        let file = try await server.exchange(plain("GET", "/static_content/\(name)"))
        #expect(file.status == 200, "\(name)")
        #expect(file.headers["x-content-type-options"] == "nosniff")
        texts.append(file.text)
        names += file.text.split(separator: "\"").filter {
          $0.hasPrefix("./") && $0.hasSuffix(".js")
        }
        .map { String($0.dropFirst(2)) }
      }
      #expect(seen.isSuperset(of: ["page.js", "form.js", "studio.js", "studio.css", "icon.svg"]))
      for text in texts.map({ $0.replacing("http://www.w3.org/2000/svg", with: "") }) {
        #expect(!text.contains("://"), "names another server")
        #expect(!text.contains("innerHTML"))
        #expect(!text.contains(" style="), "the policy would ignore it")
      }
    }
  }

  @Test func `is the forms alone where a service adds nothing`() async throws {
    try await LiveServer.with(
      StubGenerator(),
      { service, _ in
        service.page = PageContent()
        service.summary = #"Cuts <b> & "c"."#
      }
    ) { server in
      let page = try await server.exchange(plain("GET", "/"))
      #expect(page.text.contains("<title>StableDiffusionVideo</title>"))
      #expect(page.text.contains("Cuts &lt;b> &amp; &quot;c&quot;."))
      #expect(page.text.contains("<h2>Service APIs</h2>"))
      #expect(!page.text.contains("studio"))
      #expect(!page.text.contains("{{"))
      try await server.expect(404, for: plain("GET", "/static_content/studio.js"))
    }
  }
}
