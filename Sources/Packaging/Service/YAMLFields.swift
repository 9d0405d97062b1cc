// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A mapping of a file whose names are known: reads its values, and says what is wrong with them.
struct YAMLFields {
  let path: String
  /// The names above, with a point after each, as `image.`.
  let place: String
  private let line: Int
  private var values: [(key: String, value: YAMLTree)] = []

  /// - Parameters:
  ///   - tree: The mapping; null is an empty one.
  ///   - path: The file, for errors.
  ///   - place: Where in the file, for errors.
  ///   - names: The names that there are.
  /// - Throws: ``PackagingError`` with `invalidFile` for something else, or another name.
  init(_ tree: YAMLTree, path: String, place: String = "", names: [String]) throws(PackagingError) {
    self.path = path
    self.place = place
    line = tree.line
    switch tree.value {
    case .null: break
    case .mapping(let values): self.values = values
    default:
      let name = place.isEmpty ? "the file" : String(place.dropLast())
      throw wrong(tree, "\(name) must be `name: value` lines")
    }
    for (key, value) in values where !names.contains(key) {
      throw wrong(
        value,
        "there is no \(place)\(key); there are \(names.map { place + $0 }.joined(separator: ", "))"
      )
    }
  }

  func wrong(_ tree: YAMLTree?, _ reason: String) -> PackagingError {
    PackagingError(.invalidFile, "\(path), line \(tree?.nameLine ?? line): \(reason)")
  }

  /// A value that is there and not null.
  func tree(_ name: String) -> YAMLTree? {
    values.first { $0.key == name }.flatMap { pair in
      if case .null = pair.value.value { nil } else { pair.value }
    }
  }

  func text(_ name: String) throws(PackagingError) -> String? {
    guard let tree = tree(name) else { return nil }
    return try text(tree, name)
  }

  private func text(_ tree: YAMLTree, _ name: String) throws(PackagingError) -> String {
    guard case .text(let text) = tree.value else {
      throw wrong(tree, "\(place)\(name) must be one value")
    }
    // Such a line end would begin a line of its own in what is made of it.
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      throw wrong(tree, "\(place)\(name) must be one line without control characters")
    }
    return text
  }

  func number(_ name: String, in range: ClosedRange<Int>) throws(PackagingError) -> Int? {
    guard let text = try text(name) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw wrong(
        tree(name),
        "\(place)\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }

  func flag(_ name: String) throws(PackagingError) -> Bool? {
    guard let text = try text(name) else { return nil }
    guard let flag = Bool(text) else {
      throw wrong(tree(name), "\(place)\(name) must be true or false")
    }
    return flag
  }

  /// Texts; one alone may stand without a list.
  func texts(_ name: String) throws(PackagingError) -> [String]? {
    guard let tree = tree(name) else { return nil }
    guard case .list(let items) = tree.value else { return [try text(tree, name)] }
    var texts: [String] = []
    for item in items { texts.append(try text(item, name)) }
    return texts
  }

  /// Texts by name.
  func pairs(_ name: String) throws(PackagingError) -> [String: String]? {
    guard let tree = tree(name) else { return nil }
    guard case .mapping(let pairs) = tree.value else {
      throw wrong(tree, "\(place)\(name) must be `name: value` lines")
    }
    var result: [String: String] = [:]
    for (key, value) in pairs {
      if case .null = value.value {
        result[key] = ""
      } else {
        result[key] = try text(value, "\(name).\(key)")
      }
    }
    return result
  }

  /// A mapping within this one; an empty one if there is none.
  func fields(_ name: String, names: [String]) throws(PackagingError) -> YAMLFields {
    guard let tree = tree(name) else {
      return try YAMLFields(.init("", path: path), path: path, names: [])
    }
    return try YAMLFields(tree, path: path, place: "\(place)\(name).", names: names)
  }

  /// The mappings of a list.
  func list(_ name: String, names: [String]) throws(PackagingError) -> [YAMLFields] {
    guard let tree = tree(name) else { return [] }
    guard case .list(let items) = tree.value else {
      throw wrong(tree, "\(place)\(name) must be a list")
    }
    var list: [YAMLFields] = []
    for (index, item) in items.enumerated() {
      list.append(
        try YAMLFields(item, path: path, place: "\(place)\(name)[\(index)].", names: names)
      )
    }
    return list
  }
}
