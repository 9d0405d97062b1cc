// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Yams

/// A YAML document: mappings, lists and texts, each with the line it begins in.
///
/// Tags and aliases are errors: a few lines of aliases to aliases stand for more values than any
/// memory holds.
package struct YAMLTree: Sendable {
  /// What stands at a place.
  package indirect enum Value: Sendable {
    /// Nothing, `~` or `null`.
    case null
    case text(String)
    case list([YAMLTree])
    case mapping([(key: String, value: YAMLTree)])
  }

  package let value: Value
  package let line: Int
  /// The line of the name before it, if it has one.
  package let nameLine: Int

  /// Reads a file.
  ///
  /// - Parameter path: The file.
  /// - Throws: ``PackagingError`` with `invalidFile`, naming file and line; `notFound`, `fileSystem`.
  package init(path: String) throws(PackagingError) {
    guard let text = String(validating: try Files.read(path, limit: 1 << 20), as: UTF8.self) else {
      throw PackagingError(.invalidFile, "\(path) is not UTF-8")
    }
    try self.init(text, path: path)
  }

  /// Reads a document.
  ///
  /// - Parameters:
  ///   - text: The document.
  ///   - path: What errors call it.
  /// - Throws: ``PackagingError`` with `invalidFile`, naming the line.
  package init(_ text: String, path: String) throws(PackagingError) {
    // Before the parser sees it, since that compares keys by all that they stand for.
    if let line = Self.lineOfAlias(text) {
      throw PackagingError(
        .invalidFile,
        "\(path), line \(line): `*` before a word repeats another part of the file in YAML, which "
          + "settings do not take: write the value out"
      )
    }
    let root: Node?
    do {
      // Every scalar stays the text that it is written as: those who ask know their types.
      root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch {
      throw PackagingError(.invalidFile, "\(path), \(Self.explanation(of: error))")
    }
    guard let root else {
      self.init(value: .null, line: 1)
      return
    }
    try self.init(root, path)
  }

  private init(value: Value, line: Int, nameLine: Int? = nil) {
    self.value = value
    self.line = line
    self.nameLine = nameLine ?? line
  }

  private init(
    _ node: Node,
    _ path: String,
    nameLine: Int? = nil
  ) throws(PackagingError) {
    let line = node.mark?.line ?? 1
    func wrong() -> PackagingError {
      PackagingError(.invalidFile, "\(path), line \(line): neither a plain value nor a list")
    }
    switch node {
    case .scalar(let scalar):
      guard node.tag == Tag(.str, .basic) else { throw wrong() }
      let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
      self.init(value: isNull ? .null : .text(scalar.string), line: line, nameLine: nameLine)
    case .sequence(let items):
      guard node.tag == Tag(.seq, .basic) else { throw wrong() }
      var list: [YAMLTree] = []
      for item in items { list.append(try YAMLTree(item, path)) }
      self.init(value: .list(list), line: line, nameLine: nameLine)
    case .mapping(let pairs):
      guard node.tag == Tag(.map, .basic) else { throw wrong() }
      var mapping: [(String, YAMLTree)] = []
      for (key, value) in pairs {
        guard case .scalar(let name) = key, key.tag == Tag(.str, .basic) else {
          throw PackagingError(
            .invalidFile,
            "\(path), line \(key.mark?.line ?? line): neither `name: value` nor a list of values"
          )
        }
        mapping.append((name.string, try YAMLTree(value, path, nameLine: key.mark?.line)))
      }
      self.init(value: .mapping(mapping), line: line, nameLine: nameLine)
    case .alias:
      throw wrong()
    }
  }

  /// The first line with what may be an alias: `*` and a word, where a value can begin.
  private static func lineOfAlias(_ text: String) -> Int? {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let index = lines.firstIndex { line in
      guard line.first(where: { $0 != " " }) != "#" else { return false }
      var before = UInt8(ascii: " ")
      return zip(line.utf8, line.utf8.dropFirst()).contains { first, second in
        defer { before = first }
        return first == UInt8(ascii: "*") && isWord(second) && " \t[{,:".utf8.contains(before)
      }
    }
    return index.map { $0 + 1 }
  }

  /// Whether the name of an alias may begin with a byte.
  private static func isWord(_ byte: UInt8) -> Bool {
    let character = Character(Unicode.Scalar(byte))
    return !character.isASCII || character.isLetter || character.isNumber || character == "_"
      || character == "-"
  }

  private static func explanation(of error: any Error) -> String {
    guard let error = error as? YamlError else { return "line 1: \(error)" }
    switch error {
    case .scanner(let context, let problem, let mark, _):
      // What is never closed is named by where it begins.
      return "line \(context?.mark.line ?? mark.line): \(problem)"
    case .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      return "line \(mark.line): \(problem)"
    case .duplicatedKeysInMapping(let names, let context):
      return "line \(context.mark.line): \(names.joined(separator: ", ")) is given twice"
    case .reader(let problem, let offset, _, let text):
      return "line \(text.prefix(offset ?? 0).count(where: \.isNewline) + 1): \(problem)"
    default: return "line 1: \(error)"
    }
  }
}
