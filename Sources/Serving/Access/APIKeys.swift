// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Crypto

/// The keys that open a server's endpoints, known by their hashes only.
public struct APIKeys: Sendable {
  private struct Key: Sendable {
    let name: String
    let hash: [UInt8]
  }

  private var keys: [Key] = []

  /// Creates no keys.
  public init() {}

  /// Whether there are none.
  public var isEmpty: Bool { keys.isEmpty }

  /// Reads keys, one a line: a name, a space, and the key's hash as ``line(for:named:)`` writes it.
  ///
  /// Blank lines and lines that begin with `#` are skipped.
  ///
  /// - Throws: ``ServingError`` with code `badConfiguration`, naming the line, for anything else, and
  ///   for a text without keys.
  public init(text: String) throws(ServingError) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let name = words.first, !name.hasPrefix("#") else { continue }
      guard words.count == 2, let hash = Self.bytes(words[1]) else {
        throw ServingError(
          .badConfiguration,
          "line \(index + 1) of the API keys is not a name and sha256: with 64 hexadecimal digits"
        )
      }
      keys.append(Key(name: String(name), hash: hash))
    }
    guard !keys.isEmpty else {
      throw ServingError(.badConfiguration, "there are no API keys in the file given for them")
    }
  }

  /// A new key of 256 random bits, as 64 hexadecimal digits.
  public static func random() -> String {
    (0..<4).map { _ in TraceContext.randomHex() }.joined()
  }

  /// The line by which a key is kept; the key cannot be found out from it.
  public static func line(for key: String, named name: String) -> String {
    let digits = SHA256.hash(data: Array(key.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "\(name) sha256:\(digits.joined())"
  }

  /// The name of the key that a request came with.
  ///
  /// Takes the same time whichever key matches, and whether one does.
  ///
  /// - Parameter authorization: The header as it came: `Bearer` and the key.
  /// - Returns: nil if no key matches.
  package func name(for authorization: String?) -> String? {
    let words = authorization?.split(separator: " ") ?? []
    guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
    let digest = SHA256.hash(data: Array(words[1].utf8))
    var found: String?
    // Digests compare in constant time.
    for key in keys where digest == key.hash { found = key.name }
    return found
  }

  private static func bytes(_ text: Substring) -> [UInt8]? {
    guard text.hasPrefix("sha256:") else { return nil }
    let digits = Array(text.dropFirst("sha256:".count))
    guard digits.count == 64, digits.allSatisfy(\.isHexDigit) else { return nil }
    return stride(from: 0, to: 64, by: 2).compactMap { index in
      UInt8(String(digits[index...(index + 1)]), radix: 16)
    }
  }
}
