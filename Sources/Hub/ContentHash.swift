// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Crypto

/// What the content of a file is held to.
package enum ContentHash: Sendable, Hashable, CustomStringConvertible {
  /// The SHA-256 of a large file, 64 hexadecimal digits.
  case sha256(String)
  /// What git calls a small file by: the SHA-1 of a header and its bytes, 40 hexadecimal digits.
  case gitBlob(String)

  /// The hash that a blob's name in the cache stands for; nil for another kind of name.
  package init?(blob name: String) {
    guard name.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
      return nil
    }
    switch name.utf8.count {
    case 64: self = .sha256(name)
    case 40: self = .gitBlob(name)
    default: return nil
    }
  }

  /// The digits, which the cache names the blob by.
  package var hex: String {
    switch self {
    case .sha256(let hex), .gitBlob(let hex): hex
    }
  }

  package var description: String {
    switch self {
    case .sha256(let hex): "sha256:\(hex)"
    case .gitBlob(let hex): "git:\(hex)"
    }
  }
}

/// Takes a file's bytes in order and tells their hash.
struct ContentHasher {
  private enum State {
    case sha256(SHA256)
    case gitBlob(Insecure.SHA1)
  }

  private var state: State

  /// - Parameters:
  ///   - hash: The kind of hash.
  ///   - size: How many bytes there will be.
  init(_ hash: ContentHash, size: Int) {
    switch hash {
    case .sha256: state = .sha256(SHA256())
    case .gitBlob:
      var sha1 = Insecure.SHA1()
      sha1.update(data: Array("blob \(size)\0".utf8))
      state = .gitBlob(sha1)
    }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch state {
    case .sha256(var sha256):
      unsafe sha256.update(bufferPointer: bytes)
      state = .sha256(sha256)
    case .gitBlob(var sha1):
      unsafe sha1.update(bufferPointer: bytes)
      state = .gitBlob(sha1)
    }
  }

  consuming func finish() -> ContentHash {
    switch state {
    case .sha256(let sha256): .sha256(Self.hex(sha256.finalize()))
    case .gitBlob(let sha1): .gitBlob(Self.hex(sha1.finalize()))
    }
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
