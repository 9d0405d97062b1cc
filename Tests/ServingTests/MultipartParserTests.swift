// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOCore
import Serving
import Testing

/// What a body holds: name, file name and bytes of each part.
struct ParsedPart: Equatable {
  var name: String
  var fileName: String?
  var bytes: [UInt8] = []
}

/// Parses a body that arrives in the given chunks.
func parse(
  _ chunks: some Sequence<ArraySlice<UInt8>>,
  boundary: String = "XX",
  limits: BodyLimits = BodyLimits()
) throws -> [ParsedPart] {
  var parser = try MultipartParser(boundary: boundary, limits: limits)
  var parts: [ParsedPart] = []
  for chunk in chunks {
    parser.append(ByteBuffer(bytes: chunk))
    while let event = try parser.next() {
      switch event {
      case .part(let head): parts.append(ParsedPart(name: head.name, fileName: head.fileName))
      case .content(let bytes):
        #expect(bytes.readableBytes > 0)
        parts[parts.count - 1].bytes += Array(bytes.readableBytesView)
      case .endOfPart: break
      }
    }
  }
  try parser.finish()
  return parts
}

extension Array where Element == UInt8 {
  func chunks(of size: Int) -> [ArraySlice<UInt8>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}

/// A body with what makes parsers stumble: near-boundaries, lone line breaks, empty parts.
let trickyParts = [
  ParsedPart(name: "seed", fileName: nil, bytes: Array("null".utf8)),
  ParsedPart(name: "empty", fileName: nil),
  ParsedPart(
    name: "image",
    fileName: "a \"b\"; c.png",
    bytes: Array("\r\n\r\n--X\r\n--XY\r\n-\r--XX\n--XX\r\r\n--X".utf8) + Array(0...255)
  ),
  ParsedPart(name: "bräu", fileName: "", bytes: [13]),
]

let trickyBody: [UInt8] = {
  var body = Array("a preamble\r\n".utf8)
  for (index, part) in trickyParts.enumerated() {
    body += Array("--XX\(index == 1 ? " \t" : "")\r\n".utf8)
    var disposition = "Content-Disposition: form-data; name=\"\(part.name)\""
    if let fileName = part.fileName {
      disposition +=
        "; filename=\"\(fileName.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\""))\""
      body += Array("content-type: image/png\r\n".utf8)
    }
    body += Array("\(disposition)\r\n\r\n".utf8) + part.bytes + [13, 10]
  }
  return body + Array("--XX--\r\nan epilogue --XX\r\n--XX".utf8)
}()

@Suite struct `The multipart parser` {
  @Test(arguments: [1, 2, 3, 5, 7, 16, 64, 4096])
  func `gives the same parts whatever the size of the chunks`(size: Int) throws {
    #expect(try parse(trickyBody.chunks(of: size)) == trickyParts)
  }

  @Test func `gives the same parts wherever the body is cut in two`() throws {
    for cut in 0...trickyBody.count {
      #expect(try parse([trickyBody[..<cut], trickyBody[cut...]]) == trickyParts, "cut at \(cut)")
    }
  }

  @Test func `reads a body without preamble and without a line break at its end`() throws {
    let body = Array("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--".utf8)
    #expect(try parse([body[...]]) == [ParsedPart(name: "a", fileName: nil, bytes: [49])])
  }

  @Test func `reads a form without parts`() throws {
    #expect(try parse([Array("--XX--".utf8)[...]]) == [])
  }

  @Test func `refuses a body that ends anywhere before its closing boundary`() {
    let closing = trickyBody.count - "\r\nan epilogue --XX\r\n--XX".utf8.count
    for end in 0..<closing {
      #expect(throws: ServingError.self, "cut off at \(end)") { try parse([trickyBody[..<end]]) }
    }
  }

  @Test(arguments: [
    ("--YY\r\n\r\n--YY--", "nowhere in the body"),
    ("--XX\r\n\r\n1\r\n--XX--", "no Content-Disposition"),
    ("--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--", "with a name"),
    ("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--", "form-data"),
    (
      "--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n1\r\n--XX--",
      "one Content-Disposition"
    ),
    ("--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n1\r\n--XX--", "Content-Disposition"),
    ("--XX\r\nno colon\r\n\r\n1\r\n--XX--", "name and a value"),
    ("--XX\r\nContent-Disposition: form-data; name=a\n\n1\r\n--XX--", "carriage return"),
    ("--XXX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--", "line break"),
    (
      "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + "MQ==\r\n--XX--", "binary"
    ),
    ("", "nowhere in the body"),
  ])
  func `says what is malformed`(body: String, reason: String) throws {
    let error = #expect(throws: ServingError.self) { try parse([Array(body.utf8)[...]]) }
    #expect(error?.code == .invalidInput)
    #expect(error?.problems.first?.field == nil)
    #expect(error?.description.contains(reason) == true)
  }

  @Test(arguments: ["", String(repeating: "x", count: 71), "a\u{0}b", "a ", "ü"])
  func `refuses a boundary that RFC 2046 does not allow`(boundary: String) {
    #expect(throws: ServingError.self) { try parse([], boundary: boundary) }
  }

  @Test func `names the limit on parts`() throws {
    var limits = BodyLimits()
    limits.parts = 3
    let error = #expect(throws: ServingError.self) { try parse([trickyBody[...]], limits: limits) }
    #expect(error?.description.contains("more than 3 parts") == true)
  }

  @Test(arguments: [1, 4096])
  func `names the limit on headers, and never holds more`(size: Int) throws {
    var limits = BodyLimits()
    limits.partHeaderBytes = 100
    let long = Array("--XX\r\n".utf8) + Array(repeating: UInt8(ascii: "a"), count: 500)
    let error = #expect(throws: ServingError.self) {
      try parse(long.chunks(of: size), limits: limits)
    }
    #expect(error?.description.contains("longer than 100 bytes") == true)
  }

  @Test func `survives seeded mutations and agrees with itself however they are cut`() {
    var random = SplitMix(state: 7)
    let splices: [[UInt8]] = [
      Array("\r\n--XX".utf8), Array("--XX--".utf8), [13], [10], [0], Array("\r\n\r\n".utf8), [255],
    ]
    for _ in 0..<3000 {
      var body = trickyBody
      for _ in 0...Int.random(in: 0...3, using: &random) {
        let at = Int.random(in: 0..<body.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: body[at] = UInt8.random(in: 0...255, using: &random)
        case 1: body.remove(at: at)
        case 2: body.insert(contentsOf: splices.randomElement(using: &random) ?? [], at: at)
        default: body.removeSubrange(at..<min(body.count, at + 20))
        }
      }
      let whole = Result { try parse([body[...]]) }
      let size = Int.random(in: 1...9, using: &random)
      let cut = Result { try parse(body.chunks(of: size)) }
      #expect((try? whole.get()) == (try? cut.get()))
    }
  }
}

/// A small generator with a seed, so that a failure repeats.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
