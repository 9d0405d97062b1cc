// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Packaging

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
    self.path = path
    let tree: YAMLTree
    do { tree = try YAMLTree(path: path) } catch { throw ConfigurationError(error.message) }
    switch tree.value {
    case .null: break
    case .mapping(let settings):
      for (name, value) in settings {
        entries[name] = Entry(values: try values(value), line: value.nameLine)
      }
    default: throw wrong(tree)
    }
  }

  private func values(_ tree: YAMLTree) throws -> [String] {
    switch tree.value {
    case .null: []
    case .list(let items): try items.map(text)
    default: [try text(tree)]
    }
  }

  private func text(_ tree: YAMLTree) throws -> String {
    guard case .text(let text) = tree.value else { throw wrong(tree) }
    return text
  }

  private func wrong(_ tree: YAMLTree) -> ConfigurationError {
    ConfigurationError(
      "\(path), line \(tree.line): neither `name: value` nor a list of values"
    )
  }
}

/// Why a configuration cannot be used: one line.
struct ConfigurationError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
