// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A pattern of paths as in `.gitignore`, which is what BentoML's `include` and `exclude` hold.
///
/// `*` and `?` do not match `/`, `**` does. A pattern with a `/` before its end counts from the top,
/// others at any depth; one that names a folder takes in what is below it.
package struct Glob: Sendable {
  private let parts: [[UInt8]]
  private let wantsFolder: Bool

  /// - Parameter pattern: The pattern.
  /// - Throws: ``PackagingError`` with `invalidValue` for one that leads out of the folder.
  package init(_ pattern: String) throws(PackagingError) {
    var text = pattern
    while text.hasPrefix("./") { text.removeFirst(2) }
    wantsFolder = text.hasSuffix("/")
    let isAnchored = text.dropLast(wantsFolder ? 1 : 0).contains("/")
    var parts = text.split(separator: "/").map { Array($0.utf8) }
    guard !parts.isEmpty, !parts.contains(Array("..".utf8)), !pattern.contains("\0") else {
      throw PackagingError(
        .invalidValue,
        "the pattern \"\(pattern)\" names nothing in this folder; paths in it, `*`, `?`, `[a-z]` and `**` do"
      )
    }
    guard !text.hasPrefix("!") else {
      throw PackagingError(
        .invalidValue,
        "the pattern \"\(pattern)\" begins with !: use `exclude` for what is to be left out"
      )
    }
    if !isAnchored { parts.insert(Array("**".utf8), at: 0) }
    self.parts = parts
  }

  /// Whether a file's path, or that of a folder above it, is meant.
  ///
  /// - Parameter path: From the folder that patterns count from.
  /// - Returns: Whether the pattern takes it in.
  package func matches(_ path: String) -> Bool {
    let components = path.split(separator: "/").map { Array($0.utf8) }
    let ends = (1...max(components.count, 1)).reversed()
    return ends.contains { end in
      guard end < components.count || !wantsFolder else { return false }
      return Self.matches(parts[...], components.prefix(end))
    }
  }

  private static func matches(_ parts: ArraySlice<[UInt8]>, _ path: ArraySlice<[UInt8]>) -> Bool {
    guard let first = parts.first else { return path.isEmpty }
    if first == Array("**".utf8) {
      let rest = parts.dropFirst()
      // At the end it stands for what is below, so for one name at least.
      if rest.isEmpty { return !path.isEmpty }
      return (0...path.count).contains { matches(rest, path.dropFirst($0)) }
    }
    guard let name = path.first, matches(name: name[...], first[...]) else { return false }
    return matches(parts.dropFirst(), path.dropFirst())
  }

  /// One name, by the last `*` that could take in more: never more steps than the product of both.
  private static func matches(name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
    var name = name
    var pattern = pattern
    var retry: (pattern: ArraySlice<UInt8>, name: ArraySlice<UInt8>)?
    while !name.isEmpty || !pattern.isEmpty {
      if pattern.first == UInt8(ascii: "*") {
        pattern = pattern.drop { $0 == UInt8(ascii: "*") }
        retry = (pattern, name)
      } else if let byte = name.first, let rest = one(byte, pattern) {
        name = name.dropFirst()
        pattern = rest
      } else if let (after, from) = retry, !from.isEmpty {
        name = from.dropFirst()
        pattern = after
        retry = (after, name)
      } else {
        return false
      }
    }
    return true
  }

  /// What is left of the pattern once its first sign has taken a byte; nil if it does not.
  private static func one(_ byte: UInt8, _ pattern: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let sign = pattern.first else { return nil }
    let rest = pattern.dropFirst()
    if sign == UInt8(ascii: "?") { return rest }
    guard sign == UInt8(ascii: "["), let end = rest.dropFirst().firstIndex(of: UInt8(ascii: "]"))
    else { return sign == byte ? rest : nil }
    var set = rest[..<end]
    let isNegated = set.first == UInt8(ascii: "!") || set.first == UInt8(ascii: "^")
    if isNegated { set = set.dropFirst() }
    var isIn = false
    while let low = set.first {
      set = set.dropFirst()
      if set.first == UInt8(ascii: "-"), let high = set.dropFirst().first {
        isIn = isIn || (low <= byte && byte <= high)
        set = set.dropFirst(2)
      } else {
        isIn = isIn || low == byte
      }
    }
    return isIn != isNegated ? rest[(end + 1)...] : nil
  }
}
