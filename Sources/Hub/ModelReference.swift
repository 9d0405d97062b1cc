// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A model repository at a revision, written as `OWNER/NAME` or `OWNER/NAME@REVISION`.
package struct ModelReference: Sendable, Hashable, CustomStringConvertible {
  /// Whose it is.
  package let owner: String
  /// What it is called.
  package let name: String
  /// A branch, a tag or a commit; `main` if none was named.
  package let revision: String

  /// Reads a reference; fails for what cannot be one, such as a path.
  ///
  /// - Parameter text: `OWNER/NAME` or `OWNER/NAME@REVISION`.
  package init?(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let names = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard names.count == 2, names.allSatisfy(Self.isName) else { return nil }
    owner = names[0]
    name = names[1]
    revision = parts.count == 2 ? String(parts[1]) : "main"
    guard Self.isRevision(revision) else { return nil }
  }

  /// Another revision of the same repository.
  ///
  /// - Parameter revision: The revision.
  /// - Returns: The reference; nil if that cannot be a revision.
  package func at(_ revision: String) -> ModelReference? {
    ModelReference("\(repository)@\(revision)")
  }

  /// `OWNER/NAME`.
  package var repository: String { "\(owner)/\(name)" }

  package var description: String {
    revision == "main" ? repository : "\(repository)@\(revision)"
  }

  /// Whether the revision is a whole commit, which stands for the same files for ever.
  package var isPinned: Bool { Self.isCommit(revision) }

  static func isCommit(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 40
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func isName(_ text: String) -> Bool {
    // The cache joins owner and name with two hyphens.
    (1...96).contains(text.utf8.count) && !text.contains("--") && !text.contains("..")
      && !text.hasPrefix("-") && !text.hasPrefix(".") && !text.hasSuffix("-")
      && !text.hasSuffix(".")
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
          || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
      }
  }

  private static func isRevision(_ text: String) -> Bool {
    text.utf8.count <= 255 && isPath(text)
  }

  /// Whether a path leads nowhere but below the folder it is taken from.
  static func isPath(_ text: String) -> Bool {
    !text.isEmpty && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F || $0 == 0x5C }
      && text.split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }
}
