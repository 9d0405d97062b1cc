// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving

/// A request that BentoML 1.4.39 was sent, and what of its answer matters.
struct Recorded: Decodable {
  let name: String
  /// The request line and the headers that every request does not have.
  let head: [String]
  /// With `<picture>` and `<base64>` where the picture was; lines end with LF alone.
  let body: String?
  let status: Int
  /// Empty where a value differs from run to run.
  let headers: [String: String]
  /// With `…` for what people read and for times, and `{id}` for a task's id.
  var json: JSON?
  /// Whether the work is held up meanwhile.
  let held: Bool?

  private enum CodingKeys: CodingKey { case name, head, body, status, headers, held }

  var isHead: Bool { head[0].hasPrefix("HEAD") }

  /// Reads one of the files beside this one.
  static func named(_ file: String) throws -> [Recorded] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "/\(folder)/Transcripts/\(file).json"))
    var recorded = try JSONDecoder().decode([Recorded].self, from: data)
    let values = JSON(parsing: data)
    for index in recorded.indices {
      if let value = values?[index]?["json"], value.text != "null" { recorded[index].json = value }
    }
    return recorded
  }

  /// The request as it goes over the wire, about a task if it is about one.
  func request(about task: String) -> [UInt8] {
    let content = content
    var lines = head.map { line in
      line.replacing("{id}", with: task)
        .replacing("{70000 a}", with: String(repeating: "a", count: 70_000))
    }
    lines.append("Host: localhost")
    let isChunked = head.contains("Transfer-Encoding: chunked")
    if !isChunked, body != nil || head[0].hasPrefix("P") {
      lines.append("Content-Length: \(content.count)")
    }
    let frame = isChunked ? ("\(String(content.count, radix: 16))\r\n", "\r\n0\r\n\r\n") : ("", "")
    return Array("\(lines.joined(separator: "\r\n"))\r\n\r\n\(frame.0)".utf8) + content
      + Array(frame.1.utf8)
  }

  private var content: [UInt8] {
    guard var text = body else { return [] }
    if text.hasPrefix("--") { text = text.replacing("\n", with: "\r\n") }
    let isForm = head.contains { $0.hasSuffix("urlencoded") }
    let base64 = Data(picture).base64EncodedString().replacing("=", with: isForm ? "%3D" : "=")
    text = text.replacing("<base64>", with: isForm ? base64.replacing("+", with: "%2B") : base64)
    let pieces = text.split(separator: "<picture>", omittingEmptySubsequences: false)
    return Array(pieces.map { Array($0.utf8) }.joined(separator: picture))
  }

  /// How an answer differs: `status 200` where another was expected, `header NAME`, `links` or `body`.
  func differences(of answer: Answer) -> [String] {
    guard answer.status == status else { return ["status \(answer.status)"] }
    let relevant = Self.relevant.filter { name in
      guard let expected = headers[name] else { return answer.headers[name] != nil }
      guard let value = answer.headers[name] else { return true }
      return !expected.isEmpty && !Self.isList(expected, value)
    }
    var differences = relevant.map { "header \($0)" }
    if let json, !isHead {
      let body = JSON(parsing: answer.body)
      if !body.matches(json) {
        differences.append(body.matches(json.withoutLinks) ? "links" : "body")
      }
    }
    return differences
  }

  private static let relevant = [
    "accept-ranges", "access-control-allow-credentials", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-allow-origin",
    "access-control-expose-headers", "allow", "content-disposition", "content-type", "etag",
    "last-modified", "location", "retry-after", "server", "vary", "x-bentoml-request-id",
    "x-bentoml-trace-id",
  ]

  /// Whether two headers say the same, in whatever order.
  private static func isList(_ one: String, _ other: String) -> Bool {
    one.split(separator: ", ").sorted() == other.split(separator: ", ").sorted()
  }
}

extension JSON {
  /// The value without what leads to a validator's own documents.
  fileprivate var withoutLinks: JSON {
    switch self {
    case .object(let members):
      .object(
        members.filter { $0.name != "url" }.map { ($0.name, $0.value.withoutLinks) }
      )
    case .array(let values): .array(values.map(\.withoutLinks))
    default: self
    }
  }
}

extension JSON? {
  /// Whether the value looks like another, in which `…` stands for any text.
  fileprivate func matches(_ pattern: JSON) -> Bool {
    switch (self, pattern) {
    case (.object(let members), .object(let patterns)):
      let values = Dictionary(members.map { ($0.name, $0.value) }) { $1 }
      return values.count == patterns.count
        && patterns.allSatisfy { values[$0.name].matches($0.value) }
    case (.array(let values), .array(let patterns)):
      return values.count == patterns.count
        && zip(values, patterns).allSatisfy { JSON?.some($0).matches($1) }
    case (.string, .string("…")), (.string, .string("{id}")): return true
    case (.some(let value), _): return value.text == pattern.text
    case (nil, _): return false
    }
  }
}
