// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Crypto

/// The SHA-256 of some bytes, written as OCI writes it: `sha256:` and 64 lower-case digits.
package struct Digest: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
  /// The 64 digits.
  package let hex: String

  /// The digest of bytes in memory.
  ///
  /// - Parameter bytes: The bytes.
  package init(of bytes: some Sequence<UInt8>) {
    var hasher = Hasher()
    hasher.update(Array(bytes))
    self = hasher.finish()
  }

  /// Reads `sha256:` and 64 digits; fails for anything else.
  ///
  /// - Parameter text: What a digest is written as.
  package init?(_ text: some StringProtocol) {
    guard text.hasPrefix("sha256:") else { return nil }
    let digits = text.dropFirst(7)
    guard digits.utf8.count == 64,
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    hex = String(digits)
  }

  private init(hex: String) { self.hex = hex }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "not a digest: \(text)"
      )
    }
    self = digest
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  package var description: String { "sha256:" + hex }

  package static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }

  /// Takes bytes as they come.
  package struct Hasher: Sendable {
    private var state = SHA256()
    /// How many bytes there were.
    package private(set) var count = 0

    package init() {}

    package mutating func update(_ bytes: [UInt8]) {
      unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
      count += bytes.count
    }

    package func finish() -> Digest {
      let digits = Array("0123456789abcdef".utf8)
      var hex: [UInt8] = []
      for byte in state.finalize() {
        hex.append(digits[Int(byte >> 4)])
        hex.append(digits[Int(byte & 15)])
      }
      return Digest(hex: String(decoding: hex, as: UTF8.self))
    }
  }
}
