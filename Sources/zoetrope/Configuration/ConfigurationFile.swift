// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Yams

/// A file of settings: a YAML mapping of names to values and lists of values.
struct ConfigurationFile: Sendable {
  /// A setting and where it stands.
  struct Entry: Sendable {
    let values: [String]
    let line: Int
  }

  let path: String
  private(set) var entries: [String: Entry] = [:]

  /// Reads a file.
  ///
  /// - Throws: ``ConfigurationError``, naming the line, if it cannot be understood.
  init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConfigurationError("\(path) cannot be read")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ConfigurationError("\(path) is not UTF-8")
    }
    try self.init(path: path, text: text)
  }

  private init(path: String, text: String) throws {
    self.path = path
    if let line = Self.lineOfAlias(text) {
      throw ConfigurationError(
        "\(path), line \(line): `*` before a word repeats another part of the file in YAML, which "
          + "settings do not take: write the value out"
      )
    }
    let root: Node?
    do {
      // Every scalar stays the text that it is written as: the settings know their types.
      root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw ConfigurationError("\(path), \(Self.explanation(of: error))")
    }
    guard let root, !Self.isNull(root) else { return }
    guard case .mapping(let settings) = root else { throw wrong(root) }
    for (key, value) in settings {
      guard case .scalar(let name) = key else { throw wrong(key) }
      entries[name.string] = Entry(values: try values(value), line: key.mark?.line ?? 1)
    }
  }

  private func values(_ node: Node) throws -> [String] {
    if Self.isNull(node) { return [] }
    guard case .sequence(let items) = node, node.tag == Tag(.seq, .basic) else {
      return [try text(node)]
    }
    return try items.map(text)
  }

  private func text(_ node: Node) throws -> String {
    guard case .scalar(let scalar) = node, node.tag == Tag(.str, .basic) else {
      throw wrong(node)
    }
    return scalar.string
  }

  private func wrong(_ node: Node) -> ConfigurationError {
    ConfigurationError(
      "\(path), line \(node.mark?.line ?? 1): neither `name: value` nor a list of values"
    )
  }

  private static func isNull(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }

  /// The first line with what may be an alias.
  ///
  /// Found before the parser sees it: a few lines of aliases to aliases stand for more values than
  /// any memory holds, and the parser compares keys by all of them.
  private static func lineOfAlias(_ text: String) -> Int? {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let index = lines.firstIndex { line in
      guard line.first(where: { $0 != " " }) != "#" else { return false }
      return zip(line.utf8, line.utf8.dropFirst()).contains { first, second in
        first == UInt8(ascii: "*") && isWord(second)
      }
    }
    return index.map { $0 + 1 }
  }

  /// Whether the name of an alias may begin with a byte.
  private static func isWord(_ byte: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(byte))
    return character.isASCII
      && (character.isLetter || character.isNumber || character == "_" || character == "-")
  }

  private static func explanation(of error: YamlError) -> String {
    switch error {
    case .scanner(let context, let problem, let mark, _):
      // What is never closed is named by where it begins.
      "line \(context?.mark.line ?? mark.line): \(problem)"
    case .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      "line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(let names, let context):
      "line \(context.mark.line): \(names.joined(separator: ", ")) is given twice"
    case .reader(let problem, let offset, _, let text):
      "line \(text.prefix(offset ?? 0).count(where: \.isNewline) + 1): \(problem)"
    default: "line 1: \(error)"
    }
  }
}

/// Why a configuration cannot be used: one line.
struct ConfigurationError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
