// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing

private struct OutOfRange: Form {
  @Field("A count.", in: 1...30) var count = 31
}

private struct OptionalOutOfRange: Form {
  @Field("A count.", in: 1...30) var count: Int? = 0
}

private struct Twice: Form {
  @Field("A count.") var someCount = 1
  @Field("The same on the wire.") var some_count = 1
}

private struct NumberThatAccepts: Form {
  @Field("A count.", accepting: "image/*") var count: Int
}

private struct Nothing: Form {}

/// An endpoint that does nothing.
private struct Idle<Input: Form>: Endpoint {
  var path = "/idle"
  let summary = "Does nothing."
  let output = ReplyKind.json

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply { Reply(json: [:]) }
}

@Suite struct `Declaring a service` {
  private func refusal(
    name: String = "test",
    @EndpointList _ endpoints: () -> [RegisteredEndpoint]
  ) -> String? {
    let error = #expect(throws: ServingError.self) {
      try Service(name, product: "Test/1", endpoints: endpoints)
    }
    #expect(error?.code == .badDeclaration)
    return error?.message
  }

  @Test func `refuses a default out of its range`() {
    #expect(refusal { Idle<OutOfRange>() } == "the default of count, 31, is not from 1 to 30")
    #expect(
      refusal { Idle<OptionalOutOfRange>() } == "the default of count, 0, is not from 1 to 30"
    )
  }

  @Test func `refuses two fields of one name`() {
    #expect(refusal { Idle<Twice>() } == "Twice has two fields named some_count")
  }

  @Test func `refuses a media type for what is no file`() {
    #expect(
      refusal { Idle<NumberThatAccepts>() } == "count is no file and cannot accept a media type"
    )
  }

  @Test(arguments: ["", "idle", "/", "/a/b", "/a b", "/a\r\nb", "/é"])
  func `refuses a path that is not a slash and a word`(path: String) {
    #expect(refusal { Idle<Nothing>(path: path) } == "the path \(path) is not a slash and a word")
  }

  @Test func `refuses a path that is taken`() {
    #expect(refusal { Idle<Nothing>(path: "/readyz") } == "the path /readyz is taken")
    let twice = refusal {
      Idle<Nothing>()
      Idle<Nothing>()
    }
    #expect(twice == "the path /idle is taken")
  }

  @Test(arguments: ["", "../x", "<b>", "a b", "a\"b"])
  func `refuses a name that would need escaping`(name: String) {
    #expect(refusal(name: name) { Idle<Nothing>() }?.contains("is not a word") == true)
  }

  @Test func `takes a form without fields`() throws {
    _ = try Service("test", product: "Test/1") { Idle<Nothing>() }
  }
}

private struct Named: Form {
  @Field("Which.") var id: String
}

private struct WithDefault: Form {
  @Field("Which.") var id = "a"
}

private struct WithFile: Form {
  @Field("Which.") var id: UploadedFile
}

@Suite struct `Declaring an operation` {
  private func operation<Input: Form>(
    _ path: String,
    _ form: Input.Type,
    _ method: HTTPOperation.Method = .get
  ) -> HTTPOperation {
    HTTPOperation(method, path, "Nothing.", takes: form, replies: []) { _, _ in .empty() }
  }

  private func refusal(_ operations: HTTPOperation...) -> String? {
    let error = #expect(throws: ServingError.self) {
      try Service("test", product: "Test/1", operations: operations) { Idle<Nothing>() }
    }
    #expect(error?.code == .badDeclaration)
    return error?.message
  }

  @Test(arguments: [
    "", "/", "a", "a/b", "/a//b", "/a/", "/a b", "/{}", "/{a", "/a{b}", "/..", "/é",
  ])
  func `refuses a path that is none`(path: String) {
    #expect(
      refusal(operation(path, Nothing.self))
        == "the path \(path) is not slashes and words, or names in braces"
    )
  }

  @Test func `refuses parameters without a field, and twice`() {
    #expect(
      refusal(operation("/a/{id}/{other}", Named.self))
        == "the parameter other of /a/{id}/{other} has no field"
    )
    #expect(
      refusal(operation("/{id}/{id}", Named.self))
        == "the path /{id}/{id} has the parameter id twice"
    )
  }

  @Test func `refuses fields that can never be what they say`() {
    #expect(refusal(operation("/{id}", WithDefault.self)) == "id of /{id} has a default in vain")
    #expect(refusal(operation("/{id}", WithFile.self)) == "id of /{id} is a file outside a body")
    #expect(refusal(operation("/a", WithFile.self)) == "id of /a is a file outside a body")
    #expect(
      refusal(operation("/a", OutOfRange.self)) == "the default of count, 31, is not from 1 to 30"
    )
  }

  @Test(arguments: ["/idle", "/readyz", "/static_content/page.js"])
  func `refuses a path that is taken`(path: String) {
    #expect(refusal(operation(path, Nothing.self)) == "the path \(path) is taken")
  }

  @Test func `refuses two for one path and method`() {
    let one = operation("/a/{id}", Named.self)
    #expect(refusal(one, one) == "GET /a/{id} is declared twice")
    struct Other: Form {
      @Field("Which.") var name: String
    }
    #expect(
      refusal(one, operation("/a/{name}", Other.self, .delete))
        == "the paths /a/{id} and /a/{name} differ only in names"
    )
  }

  @Test(arguments: ["Error", "Task", "a b", "x/y"])
  func `refuses an envelope whose name is taken or none`(name: String) {
    var operation = operation("/a", Nothing.self)
    operation.envelope = ErrorEnvelope(name: name, schema: [:]) { _, _ in [:] }
    #expect(refusal(operation) == "an envelope cannot be called \(name)")
  }

  @Test func `takes several methods of a path, and paths that are more literal`() throws {
    let operations = [
      operation("/a/{id}", Named.self), operation("/a/{id}", Named.self, .post),
      operation("/a/b", Nothing.self), operation("/a/{id}/b", Named.self),
    ]
    _ = try Service("test", product: "Test/1", operations: operations) {}
  }
}

@Suite struct `A server event` {
  @Test(arguments: [
    (ServerEvent(data: "a"), "data: a\n\n"), (ServerEvent(data: ""), "data: \n\n"),
    (ServerEvent(id: "7", name: "end", data: "a\nb"), "id: 7\nevent: end\ndata: a\ndata: b\n\n"),
    (
      ServerEvent(id: "7\0\nid: 8", name: "a\r\nb", data: "x\ry"),
      "id: 7id: 8\nevent: ab\ndata: x\ndata: y\n\n"
    ),
  ])
  func `keeps to its lines`(event: ServerEvent, text: String) {
    #expect(event.text == text)
  }
}

@Suite struct `A reply` {
  @Test(arguments: [
    ("clip.mp4", "clip.mp4"), ("../../etc/passwd", ".._.._etc_passwd"),
    ("a\"; filename=\"b", "a___filename__b"), ("a\r\nX: y", "a_X__y"), ("é.mp4", "_.mp4"),
  ])
  func `gives clients a file name that is one`(name: String, sent: String) async throws {
    #expect(Reply(file: "/x", contentType: "video/mp4", fileName: name).fileName == sent)
  }
}
