// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A document that is written as YAML.
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

  /// Whether there is anything in it; a text or a number always counts.
  private var isEmpty: Bool {
    switch self {
    case .list(let items): items.isEmpty
    case .mapping(let pairs): pairs.isEmpty
    default: false
    }
  }

  /// The lines of YAML.
  var text: String { lines.map { $0 + "\n" }.joined() }

  private var lines: [String] {
    switch self {
    case .text(let text): [Self.quoted(text)]
    case .number(let number): [String(number)]
    case .flag(let flag): [String(flag)]
    case .list(let items):
      items.isEmpty
        ? ["[]"]
        : items.flatMap { item in
          item.lines.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
        }
    case .mapping(let pairs):
      pairs.isEmpty ? ["{}"] : pairs.flatMap { name, value in Self.pair(name, value) }
    }
  }

  private static func pair(_ name: String, _ value: Document) -> [String] {
    let head = quoted(name) + ":"
    switch value {
    case .list, .mapping:
      guard !value.isEmpty else { return [head + " " + value.lines.joined()] }
      return [head] + value.lines.map { "  " + $0 }
    default: return [head + " " + value.lines.joined()]
    }
  }

  /// Plain if no reader could take it for something else; JSON's strings are YAML's too.
  private static func quoted(_ text: String) -> String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    if let first = text.first, first.isLetter || first == "/",
      text.allSatisfy({ plain.contains($0) }),
      !words.contains(text.lowercased())
    {
      return text
    }
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case ..<" ":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
