// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Safetensors
import Testing

/// A header that must be refused, and what the error must say.
struct HostileHeader: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let header: [UInt8]
  let dataByteCount: Int
  let words: String
  var tensor: String?
  var code = SafetensorsError.Code.malformedFile

  init(
    _ testDescription: String,
    _ header: String,
    data dataByteCount: Int = 0,
    tensor: String? = nil,
    says words: String
  ) {
    self.init(
      testDescription,
      [UInt8](header.utf8),
      data: dataByteCount,
      tensor: tensor,
      says: words
    )
  }

  init(
    _ testDescription: String,
    _ header: [UInt8],
    data dataByteCount: Int = 0,
    tensor: String? = nil,
    says words: String
  ) {
    self.testDescription = testDescription
    self.header = header
    self.dataByteCount = dataByteCount
    self.tensor = tensor
    self.words = words
  }

  /// A tensor called `a`.
  static func tensor(_ shape: String, _ offsets: String, dtype: String = #""U8""#) -> String {
    #"{"a":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  /// Two vectors of bytes, called `a` and `b`.
  static func pair(_ a: ClosedRange<Int>, _ b: ClosedRange<Int>) -> String {
    func entry(_ name: String, _ range: ClosedRange<Int>) -> String {
      let (begin, end) = (range.lowerBound, range.upperBound)
      return
        #""\#(name)":{"dtype":"U8","shape":[\#(end - begin)],"data_offsets":[\#(begin),\#(end)]}"#
    }
    return "{\(entry("a", a)),\(entry("b", b))}"
  }

  static let syntax: [HostileHeader] = [
    .init("nothing at all", "", says: "does not open with '{'"),
    .init("an array", "[]", says: "does not open with '{'"),
    .init("a space first", " {}", says: "does not open with '{'"),
    .init("a byte order mark first", "\u{FEFF}{}", says: "does not open with '{'"),
    .init("an object without an end", "{", says: "a key was expected"),
    .init("text after the end", "{}{}", says: "more text after the end"),
    .init("zero bytes after the end", "{}\0\0", says: "more text after the end"),
    .init("a comma too many", #"{"__metadata__":{},}"#, says: "a key was expected"),
    .init("a key without quotation marks", "{a:1}", says: "a key was expected"),
    .init("a key without a colon", #"{"a" 1}"#, says: "':' was expected"),
    .init("a string without an end", #"{"a"#, says: "a string without an end"),
    .init("a raw line break in a name", "{\"a\n\":{}}", says: "control character"),
    .init("an unknown escape", #"{"\x":{}}"#, says: "unknown escape"),
    .init("a short escape", #"{"\u12":{}}"#, says: "four hexadecimal digits"),
    .init("half a surrogate pair", #"{"\ud800":{}}"#, says: "half a surrogate pair"),
    .init("a low surrogate alone", #"{"\udc00":{}}"#, says: "half a surrogate pair"),
    .init("two high surrogates", #"{"\ud800\ud800":{}}"#, says: "half a surrogate pair"),
    .init(
      "a name that is not UTF-8",
      [UInt8]("{\"".utf8) + [0xC3, 0x28] + [UInt8]("\":{}}".utf8),
      says: "not valid UTF-8"
    ),
    .init(
      "an overlong zero in a name",
      [UInt8]("{\"".utf8) + [0xC0, 0x80] + [UInt8]("\":{}}".utf8),
      says: "not valid UTF-8"
    ),
    .init(
      "deep nesting",
      #"{"a":{"x":"# + String(repeating: "[", count: 100_000),
      tensor: "a",
      says: "nesting deeper than 32"
    ),
    .init("a bad word", #"{"a":{"x":nul}}"#, tensor: "a", says: "unknown word"),
    .init("a bad number", #"{"a":{"x":01}}"#, tensor: "a", says: "leading zeros"),
    .init("no value", #"{"a":{"x":}}"#, tensor: "a", says: "a value was expected"),
  ]

  static let description: [HostileHeader] = [
    .init(
      "metadata that is no object",
      #"{"__metadata__":1}"#,
      says: "__metadata__ is not an object"
    ),
    .init(
      "metadata that is no text",
      #"{"__metadata__":{"k":1}}"#,
      says: #"the value of "k" in __metadata__ is not a string"#
    ),
    .init(
      "metadata with a repeated key",
      #"{"__metadata__":{"k":"1","k":"2"}}"#,
      says: #""k" appears twice"#
    ),
    .init("metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, says: "appears twice"),
    .init(
      "a tensor named twice",
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{}}"#,
      tensor: "a",
      says: #""a" appears twice"#
    ),
    .init(
      "names that differ in normalisation only",
      "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"e\u{301}\":{}}",
      tensor: "\u{E9}",
      says: "appears twice"
    ),
    .init("a tensor that is no object", #"{"a":[]}"#, tensor: "a", says: "is not an object"),
    .init(
      "a repeated key",
      #"{"a":{"dtype":"U8","dtype":"U8"}}"#,
      tensor: "a",
      says: #""dtype" appears twice"#
    ),
    .init(
      "no dtype",
      #"{"a":{"shape":[],"data_offsets":[0,1]}}"#,
      tensor: "a",
      says: "dtype is missing"
    ),
    .init(
      "no shape",
      #"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#,
      tensor: "a",
      says: "shape is missing"
    ),
    .init(
      "no offsets",
      #"{"a":{"dtype":"U8","shape":[]}}"#,
      tensor: "a",
      says: "data_offsets is missing"
    ),
    .init(
      "a dtype that is no text",
      tensor("[]", "[0,1]", dtype: "3"),
      data: 1,
      tensor: "a",
      says: "dtype is not"
    ),
    .init(
      "a shape that is no array",
      tensor("4", "[0,4]"),
      data: 4,
      tensor: "a",
      says: "not an array"
    ),
    .init(
      "a negative extent",
      tensor("[-1]", "[0,0]"),
      tensor: "a",
      says: "not a non-negative integer"
    ),
    .init(
      "a fractional extent",
      tensor("[1.0]", "[0,1]"),
      data: 1,
      tensor: "a",
      says: "non-negative"
    ),
    .init(
      "an extent with an exponent",
      tensor("[1e0]", "[0,1]"),
      data: 1,
      tensor: "a",
      says: "non-neg"
    ),
    .init(
      "an extent with leading zeros",
      tensor("[01]", "[0,1]"),
      data: 1,
      tensor: "a",
      says: "leading"
    ),
    .init(
      "an extent in quotation marks",
      tensor(#"["1"]"#, "[0,1]"),
      tensor: "a",
      says: "non-negative"
    ),
    .init(
      "an extent of null",
      tensor("[null]", "[0,1]"),
      tensor: "a",
      says: "non-negative integer"
    ),
    .init(
      "an extent beyond 64 bits",
      tensor("[99999999999999999999]", "[0,1]"),
      tensor: "a",
      says: "too large"
    ),
    .init(
      "an extent of 2 to the 63",
      tensor("[9223372036854775808]", "[0,1]"),
      tensor: "a",
      says: "too large"
    ),
    .init(
      "a shape whose product overflows",
      tensor("[4294967296,4294967296]", "[0,0]"),
      tensor: "a",
      says: "more bytes than can be counted"
    ),
    .init(
      "a shape whose byte count overflows",
      tensor("[4611686018427387904]", "[0,0]", dtype: #""F64""#),
      tensor: "a",
      says: "more bytes than can be counted"
    ),
    .init(
      "more dimensions than any library has",
      tensor("[\(Array(repeating: "1", count: 65).joined(separator: ","))]", "[0,1]"),
      data: 1,
      tensor: "a",
      says: "more than 64 numbers"
    ),
  ]

  static let layout: [HostileHeader] = [
    .init("one offset", tensor("[1]", "[0]"), data: 1, tensor: "a", says: "has 1 numbers, not 2"),
    .init(
      "three offsets",
      tensor("[1]", "[0,1,1]"),
      data: 1,
      tensor: "a",
      says: "more than 2 numbers"
    ),
    .init("a negative offset", tensor("[1]", "[-1,0]"), data: 1, tensor: "a", says: "non-negative"),
    .init("offsets in reverse", tensor("[1]", "[1,0]"), data: 1, tensor: "a", says: "end before"),
    .init(
      "an end beyond the file",
      tensor("[9]", "[0,9]"),
      data: 8,
      tensor: "a",
      says: "reach beyond"
    ),
    .init(
      "an end at the largest integer",
      tensor("[9223372036854775807]", "[0,9223372036854775807]"),
      data: 8,
      tensor: "a",
      says: "reach beyond"
    ),
    .init(
      "fewer bytes than the shape needs",
      tensor("[2]", "[0,4]", dtype: #""F32""#),
      data: 4,
      tensor: "a",
      says: "span 4 bytes, but F32 of shape [2] has 8"
    ),
    .init("bytes for an empty shape", tensor("[0]", "[0,1]"), data: 1, tensor: "a", says: "has 0"),
    .init("two tensors in one place", pair(0...4, 0...4), data: 4, tensor: "b", says: "overlap"),
    .init("tensors that overlap", pair(0...4, 3...6), data: 6, tensor: "b", says: "overlap"),
    .init("one tensor inside another", pair(0...6, 2...4), data: 6, tensor: "b", says: "overlap"),
    .init(
      "an empty tensor inside another",
      pair(0...6, 2...2),
      data: 6,
      tensor: "b",
      says: "overlap"
    ),
    .init("a hole", pair(0...2, 4...6), data: 6, tensor: "b", says: "2 bytes before it"),
    .init(
      "a hole at the beginning",
      pair(1...2, 2...6),
      data: 6,
      tensor: "a",
      says: "1 bytes before"
    ),
    .init("bytes after the last tensor", pair(0...2, 2...4), data: 5, says: "the last 1 bytes"),
    .init("bytes and no tensor", "{}", data: 3, says: "the last 3 bytes"),
  ]
}
