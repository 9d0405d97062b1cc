// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A path of which some segments are parameters.
struct PathPattern: Sendable, Equatable {
  enum Segment: Sendable, Equatable {
    case literal(String)
    case parameter(String)
  }

  /// The path as it was declared, such as `/jobs/{id}`.
  let text: String
  let segments: [Segment]

  /// The parameters, in their order.
  var names: [String] {
    segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
  }

  /// What paths it matches, whatever its parameters are called.
  var shape: String {
    segments.map { if case .literal(let text) = $0 { "/\(text)" } else { "/{}" } }.joined()
  }

  /// Reads a pattern.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` unless it is slashes and segments, each of
  ///   ASCII letters, digits, hyphens, underscores and dots, or such a name in braces; and if a name
  ///   comes twice.
  init(_ text: String) throws(ServingError) {
    self.text = text
    var segments: [Segment] = []
    for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      let isParameter = part.hasPrefix("{") && part.hasSuffix("}")
      let name = isParameter ? part.dropFirst().dropLast() : part
      let isPlain = name.allSatisfy { character in
        character.isASCII
          && (character.isLetter || character.isNumber || "-_.".contains(character))
      }
      guard isPlain, !name.isEmpty, name != ".", name != ".." else {
        throw Self.refusal(text, "is not slashes and words, or names in braces")
      }
      let segment: Segment = isParameter ? .parameter(String(name)) : .literal(String(name))
      guard !isParameter || !segments.contains(segment) else {
        throw Self.refusal(text, "has the parameter \(name) twice")
      }
      segments.append(segment)
    }
    guard text.hasPrefix("/"), !segments.isEmpty else {
      throw Self.refusal(text, "is not slashes and words, or names in braces")
    }
    self.segments = segments
  }

  private static func refusal(_ text: String, _ problem: String) -> ServingError {
    ServingError(.badDeclaration, "the path \(text) \(problem)")
  }

  /// The parameters of a path, still encoded; nil if the path is another.
  func match(_ parts: [Substring]) -> [String: Substring]? {
    guard parts.count == segments.count else { return nil }
    var found: [String: Substring] = [:]
    for (segment, part) in zip(segments, parts) {
      switch segment {
      case .literal(let text): guard part == text else { return nil }
      case .parameter(let name):
        guard !part.isEmpty else { return nil }
        found[name] = part
      }
    }
    return found
  }

  /// Whether it is to be tried before another of as many segments: what says more literally, earlier,
  /// comes first.
  func precedes(_ other: PathPattern) -> Bool {
    for (own, others) in zip(segments, other.segments) {
      switch (own, others) {
      case (.literal, .parameter): return true
      case (.parameter, .literal): return false
      default: continue
      }
    }
    return text < other.text
  }
}

/// Finds what a path leads to.
struct RouteTable: Sendable {
  private let exact: [String: Route]
  private let patterns: [Int: [(pattern: PathPattern, route: Route)]]

  /// What was found.
  struct Match: Sendable {
    let route: Route
    /// The path, or the pattern that it matches: one of a few, whatever clients ask for.
    let name: String
    /// The parameters, still encoded.
    var parameters: [String: Substring] = [:]
  }

  /// Creates a table.
  ///
  /// - Parameters:
  ///   - exact: What wins over every pattern.
  ///   - operations: The others; those of one path together.
  /// - Throws: ``ServingError`` with code `badDeclaration` if a path or a method of it is taken, or
  ///   two paths differ only in what they call their parameters.
  init(exact: [String: Route], operations: [HTTPOperation]) throws(ServingError) {
    var exact = exact
    var groups: [(pattern: PathPattern, operations: [HTTPOperation])] = []
    for operation in operations {
      try operation.validate()
      let pattern = try PathPattern(operation.path)
      guard exact[operation.path] == nil else {
        throw ServingError(.badDeclaration, "the path \(operation.path) is taken")
      }
      guard let index = groups.firstIndex(where: { $0.pattern.shape == pattern.shape }) else {
        groups.append((pattern, [operation]))
        continue
      }
      guard groups[index].pattern == pattern else {
        throw ServingError(
          .badDeclaration,
          "the paths \(groups[index].pattern.text) and \(pattern.text) differ only in names"
        )
      }
      guard !groups[index].operations.contains(where: { $0.method == operation.method }) else {
        throw ServingError(
          .badDeclaration,
          "\(operation.method.rawValue) \(operation.path) is declared twice"
        )
      }
      groups[index].operations.append(operation)
    }
    var patterns: [Int: [(pattern: PathPattern, route: Route)]] = [:]
    for (pattern, operations) in groups {
      let route = Route.operations(operations)
      if pattern.names.isEmpty {
        exact[pattern.text] = route
      } else {
        patterns[pattern.segments.count, default: []].append((pattern, route))
      }
    }
    self.exact = exact
    self.patterns = patterns.mapValues { list in
      list.sorted { $0.pattern.precedes($1.pattern) }
    }
  }

  /// What answers to a path as it stands in a request, if anything does.
  func find(_ path: String) -> Match? {
    if let route = exact[path] { return Match(route: route, name: path) }
    guard path.hasPrefix("/") else { return nil }
    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    for (pattern, route) in patterns[parts.count] ?? [] {
      guard let parameters = pattern.match(parts) else { continue }
      return Match(route: route, name: pattern.text, parameters: parameters)
    }
    return nil
  }
}
