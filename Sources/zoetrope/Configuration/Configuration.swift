// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials

/// The settings of a command: each from its flag, else from the environment, else from the file.
///
/// A setting has one name: `api-keys` is the flag `--api-keys`, the variable `ZOETROPE_API_KEYS`, and
/// `api-keys` in the file.
struct Configuration {
  private let environment: [String: String]
  private let file: ConfigurationFile?

  /// - Parameters:
  ///   - path: The file; nil for none.
  ///   - names: The settings that there are; others in the file are an error, as they would do nothing.
  ///   - environment: The variables.
  /// - Throws: ``ConfigurationError``.
  init(
    file path: String?,
    names: [String],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    self.environment = environment
    file = try path.map(ConfigurationFile.init)
    for (name, entry) in file?.entries ?? [:] where !names.contains(name) {
      throw ConfigurationError(
        "\(path ?? ""), line \(entry.line): there is no setting \(name); there are "
          + names.joined(separator: ", ")
      )
    }
  }

  /// A text.
  func text(_ name: String, _ flag: String?) throws -> String? {
    let (values, source) = values(name, flag.map { [$0] })
    guard values.count <= 1 else { throw ConfigurationError("\(source) takes one value only") }
    return values.first
  }

  /// Texts; in the environment they are separated by commas.
  func list(_ name: String, _ flags: [String]) -> [String] {
    let (values, source) = values(name, flags.isEmpty ? nil : flags)
    guard source.hasPrefix("ZOETROPE_") else { return values }
    return values.flatMap { $0.split(separator: ",").map(String.init) }
  }

  /// A whole number.
  func number(
    _ name: String,
    _ flag: Int?,
    in range: ClosedRange<Int>,
    default: Int
  ) throws -> Int {
    let (values, source) = values(name, flag.map { [String($0)] })
    guard let text = values.first else { return `default` }
    guard let number = Int(text), range.contains(number), values.count == 1 else {
      throw ConfigurationError(
        "\(source) \(text) is not a whole number from \(range.lowerBound) to \(range.upperBound)"
      )
    }
    return number
  }

  /// One of several words.
  func choice<Value: RawRepresentable & CaseIterable>(
    _ name: String,
    _ flag: String?,
    default: Value
  ) throws -> Value where Value.RawValue == String {
    let (values, source) = values(name, flag.map { [$0] })
    guard let text = values.first else { return `default` }
    guard let value = Value(rawValue: text), values.count == 1 else {
      let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw ConfigurationError("\(source) \(text) is none of \(words)")
    }
    return value
  }

  /// A value of a type that reads its own words; `kinds` names those for the error.
  func value<Value: ExpressibleByArgument>(
    _ name: String,
    _ flag: Value?,
    of kinds: String
  ) throws -> Value? {
    if let flag { return flag }
    let (values, source) = values(name, nil)
    guard let text = values.first else { return nil }
    guard let value = Value(argument: text), values.count == 1 else {
      throw ConfigurationError("\(source) \(text) is none of \(kinds)")
    }
    return value
  }

  /// True or false; a flag can only say true.
  func isSet(_ name: String, _ flag: Bool) throws -> Bool {
    if flag { return true }
    let (values, source) = values(name, nil)
    guard let text = values.first else { return false }
    guard let value = Bool(text), values.count == 1 else {
      throw ConfigurationError("\(source) \(text) is neither true nor false")
    }
    return value
  }

  /// The values, and the words by which an error names their source.
  private func values(_ name: String, _ flags: [String]?) -> (values: [String], source: String) {
    if let flags { return (flags, "--\(name)") }
    let variable = "ZOETROPE_" + name.uppercased().replacing("-", with: "_")
    if let value = environment[variable], !value.isEmpty { return ([value], variable) }
    if let file, let entry = file.entries[name] {
      return (entry.values, "\(file.path), line \(entry.line): \(name)")
    }
    return ([], "")
  }
}
