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

@Suite struct `A reply` {
  @Test(arguments: [
    ("clip.mp4", "clip.mp4"), ("../../etc/passwd", ".._.._etc_passwd"),
    ("a\"; filename=\"b", "a___filename__b"), ("a\r\nX: y", "a_X__y"), ("é.mp4", "_.mp4"),
  ])
  func `gives clients a file name that is one`(name: String, sent: String) async throws {
    #expect(Reply(file: "/x", contentType: "video/mp4", fileName: name).fileName == sent)
  }
}
