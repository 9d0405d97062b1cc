// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A header value of the shape `value; name=text; name="quoted text"` (RFC 2045 section 5.1).
struct HeaderParameters {
  /// What stands before the first semicolon, in lower case.
  let value: String
  /// The parameters, by their names in lower case.
  private let parameters: [String: String]

  subscript(name: String) -> String? { parameters[name] }

  /// Reads a header value.
  ///
  /// - Returns: nil if it is malformed or gives a parameter twice: two readers that pick different
  ///   ones would disagree about where a body ends.
  init?(_ header: String) {
    var rest = Substring(header)
    value = Self.token(&rest).lowercased()
    var parameters: [String: String] = [:]
    while true {
      Self.skipSpace(&rest)
      guard rest.first == ";" else { break }
      rest.removeFirst()
      Self.skipSpace(&rest)
      if rest.isEmpty { break }
      guard let equals = rest.firstIndex(of: "=") else { return nil }
      let name = rest[..<equals].lowercased()
      rest = rest[rest.index(after: equals)...]
      guard let text = rest.first == "\"" ? Self.quoted(&rest) : Self.token(&rest),
        !name.isEmpty, parameters.updateValue(text, forKey: name) == nil
      else { return nil }
    }
    guard rest.isEmpty, !value.isEmpty else { return nil }
    self.parameters = parameters
  }

  private static func skipSpace(_ rest: inout Substring) {
    rest = rest.drop { $0 == " " || $0 == "\t" }
  }

  private static func token(_ rest: inout Substring) -> String {
    let token = rest.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
    rest = rest[token.endIndex...]
    return String(token)
  }

  private static func quoted(_ rest: inout Substring) -> String? {
    rest.removeFirst()
    var text = ""
    while let character = rest.popFirst() {
      if character == "\"" { return text }
      // Only these two are escaped by clients in use; any other backslash is a character of a path.
      if character == "\\", let next = rest.first, next == "\"" || next == "\\" {
        text.append(next)
        rest.removeFirst()
      } else {
        text.append(character)
      }
    }
    return nil
  }
}
