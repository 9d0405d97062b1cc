// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// A component's JSON configuration and the checks that all of them need.
struct ConfigurationFile {
  let path: String
  /// What the file would say, where there is none.
  var text: String?

  /// What the file says.
  func data() throws(ConfigurationError) -> Data {
    if let text { return Data(text.utf8) }
    do { return try Data(contentsOf: URL(filePath: path)) } catch {
      throw ConfigurationError(path, nil, "cannot be read")
    }
  }

  /// Decodes the file; keys that the type does not name are ignored, as the reference ignores them.
  func decode<Value: Decodable>(_ type: Value.Type) throws(ConfigurationError) -> Value {
    let data = try data()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do { return try decoder.decode(type, from: data) } catch let error as DecodingError {
      throw Self.explain(error, path)
    } catch { throw ConfigurationError(path, nil, "is not JSON: \(error)") }
  }

  /// Refuses a value that this implementation does not know and that would change the result.
  func require(
    _ condition: Bool,
    _ key: String,
    _ message: @autoclosure () -> String
  )
    throws(ConfigurationError)
  {
    if !condition { throw ConfigurationError(path, key, message()) }
  }

  private static func explain(_ error: DecodingError, _ path: String) -> ConfigurationError {
    // The decoder tells keys as Swift spells them; a person looks for them as the file does.
    func snakeCase(_ key: String) -> String {
      key.map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
    }
    func name(_ keys: [any CodingKey]) -> String? {
      keys.isEmpty
        ? nil
        : keys.map { $0.intValue.map(String.init) ?? snakeCase($0.stringValue) }
          .joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context):
      return ConfigurationError(path, name(context.codingPath + [key]), "is missing")
    case .typeMismatch(let type, let context):
      return ConfigurationError(path, name(context.codingPath), "is not of type \(type)")
    case .valueNotFound(let type, let context):
      return ConfigurationError(path, name(context.codingPath), "is null where \(type) is needed")
    case .dataCorrupted(let context):
      return ConfigurationError(
        path,
        name(context.codingPath),
        "is not valid JSON, or a number does not fit"
      )
    @unknown default:
      return ConfigurationError(path, nil, "cannot be decoded: \(error)")
    }
  }
}

/// One number for all levels of a network, or one for each.
enum PerLevel: Decodable, Equatable {
  case same(Int)
  case each([Int])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let one = try? container.decode(Int.self) {
      self = .same(one)
    } else {
      self = .each(try container.decode([Int].self))
    }
  }

  /// One positive number for each level.
  func expanded(
    _ levels: Int,
    _ key: String,
    _ file: ConfigurationFile
  ) throws(ConfigurationError)
    -> [Int]
  {
    let values =
      switch self {
      case .same(let value): [Int](repeating: value, count: levels)
      case .each(let values): values
      }
    try file.require(
      values.count == levels,
      key,
      "has \(values.count) entries for \(levels) levels"
    )
    try file.require(
      values.allSatisfy { (1...1 << 20).contains($0) },
      key,
      "\(values) is out of range"
    )
    return values
  }
}

/// One number for all attentions of a network, one for each level, or one for each attention of each.
enum PerAttention: Decodable, Equatable {
  case perLevel(PerLevel)
  case each([PerLevel])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let levels = try? container.decode(PerLevel.self) {
      self = .perLevel(levels)
    } else {
      self = .each(try container.decode([PerLevel].self))
    }
  }

  /// One positive number for each attention of each level.
  ///
  /// `counts` says how many attentions a level has on the way up; it has one less on the way down.
  func expanded(
    _ counts: [Int],
    _ key: String,
    _ file: ConfigurationFile
  )
    throws(ConfigurationError) -> [[Int]]
  {
    switch self {
    case .perLevel(let levels):
      return zip(try levels.expanded(counts.count, key, file), counts).map { value, count in
        [Int](repeating: value, count: count)
      }
    case .each(let levels):
      try file.require(
        levels.count == counts.count,
        key,
        "has \(levels.count) entries for \(counts.count) levels"
      )
      return try zip(levels, counts).map { level, count throws(ConfigurationError) in
        if case .each(let values) = level {
          try file.require(
            values.count >= count,
            key,
            "\(values) is too short for a level of \(count) attentions"
          )
          return Array(try level.expanded(values.count, key, file).prefix(count))
        }
        return try level.expanded(count, key, file)
      }
    }
  }
}
