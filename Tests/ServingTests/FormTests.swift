// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing

private enum Colour: String, CaseIterable, FieldValue {
  typealias Bound = Never
  case red, green
}

private struct Sample: Form {
  @Field("A count.", in: 1...30) var someCount = 7
  @Field("A seed.") var seed: UInt64?
  @Field("A weight.", in: 0...1) var weight = 0.5
  @Field("A colour.") var colour = Colour.red
  @Field("A flag.") var isLoud = false
  @Field("A text.") var title = "none"
}

private struct NeedsFile: Form {
  @Field("A picture.") var image: UploadedFile
  @Field("A count.") var count = 1
}

private struct Careless: Form {
  @Field("A count.") var count = 1
  var forgotten = 2
}

private struct Reordered: Form {
  @Field var first: Int
  @Field var second: Int

  init() {
    _second = Field(wrappedValue: 2, "The second.")
    _first = Field(wrappedValue: 1, "The first.")
  }
}

private struct Borrowing: Form {
  private static let shared = Field(wrappedValue: 1, "A count.")
  @Field var count: Int

  init() { _count = Self.shared }
}

private func decode(_ inputs: [String: FieldInput]) throws -> Sample {
  try FormSchema(Sample.self).decode(inputs)
}

private func problem(_ inputs: [String: FieldInput]) throws -> InputProblem {
  let error = #expect(throws: ServingError.self) { try decode(inputs) }
  return try #require(error?.problems.first)
}

@Suite struct `Decoding a form` {
  @Test func `takes its defaults for what is left out and ignores what it does not know`() throws {
    let form = try decode(["unknown": .text("1")])
    #expect(form.someCount == 7)
    #expect(form.seed == nil)
    #expect(form.weight == 0.5)
    #expect(form.colour == .red)
  }

  @Test(arguments: ["2", "\"2\"", "2.0", " 2 ", "2e0", "\"2.0\"", "\" 2\"", "+2"])
  func `reads a whole number leniently`(text: String) throws {
    #expect(try decode(["some_count": .text(text)]).someCount == 2)
  }

  @Test func `reads true as one`() throws {
    #expect(try decode(["some_count": .text("true")]).someCount == 1)
  }

  @Test(arguments: [
    ("abc", "int_parsing", "some_count must be a whole number, not abc"),
    ("", "int_parsing", "some_count must be a whole number, not empty"),
    ("None", "int_parsing", "some_count must be a whole number, not None"),
    ("nan", "int_parsing", "some_count must be a whole number, not nan"),
    ("2.5", "int_from_float", "some_count must be a whole number, not 2.5"),
    ("null", "int_type", "some_count must be a whole number, not null"),
    ("[1]", "int_type", "some_count must be a whole number, not [1]"),
    ("0", "greater_than_equal", "some_count must be from 1 to 30, not 0"),
    ("-1", "greater_than_equal", "some_count must be from 1 to 30, not -1"),
    ("31", "less_than_equal", "some_count must be from 1 to 30, not 31"),
  ])
  func `says what is wrong with a number`(text: String, type: String, message: String) throws {
    let problem = try problem(["some_count": .text(text)])
    #expect(problem == InputProblem(type, field: "some_count", message))
  }

  @Test(arguments: [30, 60, 5000])
  func `refuses a number of too many digits without harm`(digits: Int) throws {
    let problem = try problem(["some_count": .text(String(repeating: "9", count: digits))])
    #expect(problem.field == "some_count")
    #expect(problem.message.count < 120)
  }

  @Test func `keeps all 64 bits of a number`() throws {
    #expect(try decode(["seed": .text("18446744073709551615")]).seed == .max)
    #expect(try decode(["seed": .json(.integer(Int128(UInt64.max)))]).seed == .max)
    #expect(try problem(["seed": .text("18446744073709551616")]).type == "int_parsing_size")
  }

  @Test func `reads null as nil where a field is optional`() throws {
    #expect(try decode(["seed": .text("null")]).seed == nil)
    #expect(try decode(["seed": .json(.null)]).seed == nil)
    #expect(try problem(["seed": .text("")]).type == "int_parsing")
  }

  @Test func `reads fractions and refuses what is not finite`() throws {
    #expect(try decode(["weight": .text("0.25")]).weight == 0.25)
    #expect(try decode(["weight": .text("1")]).weight == 1)
    #expect(try problem(["weight": .text("inf")]).type == "float_parsing")
    #expect(
      try problem(["weight": .text("1.5")]).message == "weight must be from 0.0 to 1.0, not 1.5"
    )
  }

  @Test func `reads a name and lists the names when it is none`() throws {
    #expect(try decode(["colour": .text("green")]).colour == .green)
    #expect(try decode(["colour": .text("\"green\"")]).colour == .green)
    #expect(
      try problem(["colour": .text("blue")]).message
        == "colour must be one of red, green, not blue"
    )
  }

  @Test(arguments: [
    ("true", true), ("false", false), ("1", true), ("0", false), ("on", true), ("\"no\"", false),
    ("True", true),
  ])
  func `reads a flag as pages, people and programs write it`(text: String, flag: Bool) throws {
    #expect(try decode(["is_loud": .text(text)]).isLoud == flag)
  }

  @Test func `refuses what is no flag`() throws {
    #expect(try problem(["is_loud": .text("2")]).message == "is_loud must be true or false, not 2")
    #expect(try problem(["is_loud": .text("maybe")]).type == "bool_parsing")
    #expect(try problem(["is_loud": .text("null")]).type == "bool_type")
  }

  @Test(arguments: [("a b", "a b"), ("\"a b\"", "a b"), ("12", "12"), ("", ""), ("null", "null")])
  func `reads a text, quoted or not`(text: String, value: String) throws {
    #expect(try decode(["title": .text(text)]).title == value)
  }

  @Test func `refuses JSON that is no text`() throws {
    #expect(try problem(["title": .json(.integer(1))]).type == "string_type")
    #expect(try decode(["title": .json(.string("1"))]).title == "1")
  }

  @Test func `names every field that is wrong`() throws {
    let error = #expect(throws: ServingError.self) {
      try decode(["some_count": .text("x"), "weight": .text("y")])
    }
    #expect(error?.problems.map(\.field) == ["some_count", "weight"])
    #expect(error?.message == "2 validation error for Input")
  }

  @Test func `asks for a required file and refuses text and nothing in its place`() throws {
    let schema = try FormSchema(NeedsFile.self)
    func type(_ inputs: [String: FieldInput]) -> String? {
      #expect(throws: ServingError.self) { try schema.decode(inputs) }?.problems.first?.type
    }
    #expect(type([:]) == "missing")
    #expect(type(["image": .json(.integer(1))]) == "file_type")
    #expect(type(["image": .file(UploadedFile(path: "/x", byteCount: 0))]) == "file_empty")
    let form = try schema.decode(["image": .file(UploadedFile(path: "/x", byteCount: 3))])
    #expect(form.image.path == "/x")
  }

  @Test func `decodes each request into values of its own`() throws {
    let schema = try FormSchema(Sample.self)
    let first = try schema.decode(["some_count": .text("3")])
    var second = try schema.decode(["some_count": .text("4")])
    let third = second
    second.someCount = 5
    #expect([first.someCount, second.someCount, third.someCount] == [3, 5, 4])
  }

  @Test func `finds its fields in whatever order they are made`() throws {
    let schema = try FormSchema(Reordered.self)
    #expect(schema.entries.map(\.name) == ["first", "second"])
    let form = try schema.decode(["second": .text("7")])
    #expect([form.first, form.second] == [1, 7])
  }

  @Test func `is refused at start-up if requests would share a field`() throws {
    _ = Borrowing()
    let error = #expect(throws: ServingError.self) { try FormSchema(Borrowing.self) }
    #expect(error?.message == "Borrowing.init() does not make its field count itself")
  }

  @Test func `is refused at start-up if a property is not a field`() throws {
    let error = #expect(throws: ServingError.self) { try FormSchema(Careless.self) }
    #expect(error?.code == .badDeclaration)
    #expect(error?.message.contains("forgotten") == true)
  }
}

@Suite struct `JSON values` {
  @Test func `writes members in their order and escapes what must be`() {
    let value = JSON.object([
      ("b", .string("a\"\\\n\u{1}é")), ("a", .array([.null, .bool(true), .integer(-3)])),
    ])
    #expect(value.text == #"{"b":"a\"\\\n\u0001é","a":[null,true,-3]}"#)
  }

  @Test(arguments: [
    (" [1, -2 ,3.5,-0.25e-2, 1E2]\n", "[1,-2,3.5,-0.0025,100.0]"), ("18446744073709551615", nil),
    ("-9223372036854775808", nil), ("0", nil), ("\"\"", nil), ("{}", nil), ("[]", nil),
    ("18446744073709551616", "1.8446744073709552e+19"), ("true", nil), ("false", nil),
    ("null", nil), (#""aé\u00e9\ud83d\ude00\n\/\"""#, #""aéé😀\n/\"""#),
    (#"{"a":1,"b":{"c":[]},"a":2}"#, #"{"a":2,"b":{"c":[]}}"#),
  ])
  func `are read`(text: String, written: String?) {
    #expect(JSON(parsing: text.utf8)?.text == written ?? text)
  }

  @Test(arguments: [
    "", " ", "{", "[1,]", "[1 2]", "{\"a\"}", "{a:1}", "{\"a\":1,}", "01", "-", "1.", ".5", "1e",
    "+1", "NaN",
    "1e999", "tru", "truex", "nul", "\"", "\"\u{1}\"", #""\x""#, #""\u12g4""#, #""\ud800""#,
    #""\udc00""#, #""\ud800\u0041""#, "1 2", "[]]", "'a'",
  ])
  func `are refused if they are not written as the standard has it`(text: String) {
    #expect(JSON(parsing: text.utf8) == nil)
  }

  @Test func `are refused if they are not UTF-8`() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xC3, 0x22], [0xEF, 0xBB]] {
      #expect(JSON(parsing: bytes) == nil)
    }
  }

  @Test func `gives up on deep nesting instead of crashing`() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(JSON(parsing: deep.utf8) == nil)
    let objects = String(repeating: "{\"a\":", count: 100_000)
    #expect(JSON(parsing: objects.utf8) == nil)
    let allowed = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
    #expect(JSON(parsing: allowed.utf8) != nil)
  }
}
