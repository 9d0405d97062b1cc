// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// A file of settings: YAML, as far as names with values and lists of them need it.
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
    var open: (name: String, line: Int)?
    var items: [String] = []
    func close() -> (String, Entry)? {
      open.map { ($0.name, Entry(values: items, line: $0.line)) }
    }
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let number = index + 1
      let wrong = ConfigurationError(
        "\(path), line \(number): neither `name: value` nor an item of a list"
      )
      let content = line.drop { $0 == " " }
      if content.isEmpty || content.hasPrefix("#") || content == "---" { continue }
      if content.hasPrefix("- ") {
        guard open != nil else { throw wrong }
        let values = try Self.values(content.dropFirst(2), wrong)
        guard values.count == 1 else { throw wrong }
        items += values
        continue
      }
      guard !line.hasPrefix(" "), let colon = content.firstIndex(of: ":") else { throw wrong }
      if let (name, entry) = close() { entries[name] = entry }
      let name = String(content[..<colon])
      guard entries[name] == nil, !name.isEmpty else {
        throw ConfigurationError("\(path), line \(number): \(name) is given twice")
      }
      let rest = content[content.index(after: colon)...]
      guard rest.isEmpty || rest.hasPrefix(" ") else { throw wrong }
      open = (name, number)
      items = try Self.values(rest, wrong)
      if !items.isEmpty {
        entries[name] = Entry(values: items, line: number)
        open = nil
      }
    }
    if let (name, entry) = close() { entries[name] = entry }
  }

  /// The scalar, or the scalars between brackets, at the end of a line.
  private static func values(_ text: Substring, _ wrong: ConfigurationError) throws -> [String] {
    var rest = text.drop { $0 == " " }
    var values: [String] = []
    let isList = rest.first == "["
    if isList { rest.removeFirst() }
    while true {
      rest = rest.drop { $0 == " " }
      if rest.isEmpty || rest.first == "#" { break }
      if isList, rest.first == "]" {
        rest = rest.dropFirst().drop { $0 == " " }
        guard rest.isEmpty || rest.first == "#" else { throw wrong }
        return values
      }
      guard isList || values.isEmpty else { throw wrong }
      values.append(try scalar(&rest, isList, wrong))
      rest = rest.drop { $0 == " " }
      if isList, rest.first == "," { rest.removeFirst() }
    }
    guard !isList else { throw wrong }
    return values
  }

  private static func scalar(
    _ rest: inout Substring,
    _ isInList: Bool,
    _ wrong: ConfigurationError
  ) throws -> String {
    if let quote = rest.first, quote == "\"" || quote == "'" {
      rest.removeFirst()
      guard let end = rest.firstIndex(of: quote), !rest[..<end].contains("\\") else { throw wrong }
      defer { rest = rest[rest.index(after: end)...] }
      return String(rest[..<end])
    }
    guard let first = rest.first, !"{}&*!|>%@`".contains(first) else { throw wrong }
    var value = ""
    while let character = rest.first {
      if isInList, character == "," || character == "]" { break }
      if character == "#", value.last == " " { break }
      value.append(character)
      rest.removeFirst()
    }
    while value.last == " " { value.removeLast() }
    // What would begin a mapping within a mapping in YAML.
    guard !value.contains(": "), !value.hasSuffix(":") else { throw wrong }
    return value
  }
}

/// Why a configuration cannot be used: one line.
struct ConfigurationError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
