// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// A document that is written as YAML, or as a template that Helm makes YAML of.
indirect enum Document: ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
  ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  case text(String)
  case number(Int)
  case flag(Bool)
  case list([Document])
  /// In the order in which names are written.
  case mapping([(String, Document)])
  /// A scalar with Helm's actions in it, written as it stands.
  case template(String)
  /// What is there only under a condition: an item of a list, the pair of a mapping, a document.
  case only(Condition, Document)

  /// Whether something is there.
  enum Condition {
    case known(Bool)
    /// A pipeline that Helm decides it by.
    case template(String)
  }

  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int) { self = .number(value) }
  init(booleanLiteral value: Bool) { self = .flag(value) }
  init(arrayLiteral elements: Document...) { self = .list(elements) }
  init(dictionaryLiteral elements: (String, Document)...) { self = .mapping(elements) }

  /// Texts by name, in order of the names.
  init(_ texts: [String: String]) {
    self = .mapping(
      texts.sorted { Files.precedes($0.key, $1.key) }.map { ($0.key, .text($0.value)) }
    )
  }

  /// The lines of YAML; none for what is not there.
  var text: String { lines.map { $0 + "\n" }.joined() }

  private var lines: [String] {
    switch self {
    case .text(let text): [Self.quoted(text)]
    case .number(let number): [String(number)]
    case .flag(let flag): [String(flag)]
    case .list(let items): Self.orEmpty(items.flatMap(\.item), "[]")
    case .mapping(let pairs): Self.orEmpty(pairs.flatMap(Self.pair), "{}")
    case .template(let text): [text]
    case .only(let condition, let inner): Self.only(condition, inner.lines)
    }
  }

  private static func orEmpty(_ lines: [String], _ sign: String) -> [String] {
    lines.isEmpty ? [sign] : lines
  }

  private static func only(_ condition: Condition, _ lines: [String]) -> [String] {
    switch condition {
    case .known(let holds): holds ? lines : []
    case .template(let pipeline): ["{{- if \(pipeline) }}"] + lines + ["{{- end }}"]
    }
  }

  /// The lines of an item of a list.
  private var item: [String] {
    if case .only(let condition, let inner) = self { return Self.only(condition, inner.item) }
    return lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
  }

  private static func pair(_ name: String, _ value: Document) -> [String] {
    if case .only(let condition, let inner) = value { return only(condition, pair(name, inner)) }
    let head = quoted(name) + ":"
    let lines = value.lines
    switch value {
    case .list where lines != ["[]"], .mapping where lines != ["{}"]:
      return [head] + lines.map { "  " + $0 }
    default: return [head + " " + lines.joined()]
    }
  }

  /// The same as JSON.
  var json: String {
    switch self {
    case .text(let text): Self.doublyQuoted(text)
    case .number(let number): String(number)
    case .flag(let flag): String(flag)
    case .list(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
    case .mapping(let pairs):
      "{"
        + pairs.map { Self.doublyQuoted($0) + ":" + $1.json }.joined(separator: ",") + "}"
    case .template(let text): text
    case .only(_, let inner): inner.json
    }
  }

  /// Plain if no reader could take it for something else.
  private static func quoted(_ text: String) -> String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    if let first = text.first, first.isLetter || first == "/",
      text.allSatisfy({ plain.contains($0) }),
      !words.contains(text.lowercased())
    {
      return text
    }
    return doublyQuoted(text)
  }

  /// A string of JSON's, which is one of YAML's too.
  private static func doublyQuoted(_ text: String) -> String {
    // Two braces would begin one of Helm's actions.
    JSON.string(text).text.replacing("{{", with: "{\\u007b")
  }
}
