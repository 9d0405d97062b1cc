// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1

/// A file of a repository, as the Hub lists it.
package struct RepositoryFile: Sendable, Hashable {
  /// The path in the repository.
  package let path: String
  /// The size in bytes.
  package let size: Int
  /// What git calls it: the file itself, or for a large one a text that points to it.
  package let gitBlob: String
  /// The SHA-256 of a large file.
  package let sha256: String?
  /// By what the Hub's own storage knows a large file; passed on, not used.
  package let xetHash: String?

  /// What its content is held to, which is also its name in the cache.
  package var hash: ContentHash { sha256.map { .sha256($0) } ?? .gitBlob(gitBlob) }
}

/// All files of a repository at a commit.
package struct RepositoryListing: Sendable {
  /// The commit, 40 hexadecimal digits.
  package let commit: String
  /// The files by their paths.
  package let files: [String: RepositoryFile]
}

extension RepositoryListing {
  /// What the Hub's own tools keep of a listing beside the snapshots.
  private struct Kept: Decodable {
    struct Entry: Decodable {
      let size: Int
      let blob_id: String
      let lfs_sha256: String?
      let xet_hash: String?
    }
    let format_version: Int
    let files: [String: Entry]
  }

  /// Reads what was kept of a listing; nil if that is not to be had.
  init?(kept path: String, commit: String) {
    guard let bytes = Files.read(path),
      let kept = try? JSONDecoder().decode(Kept.self, from: Data(bytes)), kept.format_version == 1
    else { return nil }
    self.commit = commit
    var files: [String: RepositoryFile] = [:]
    for (path, entry) in kept.files {
      let file = RepositoryFile(
        path: path,
        size: entry.size,
        gitBlob: entry.blob_id,
        sha256: entry.lfs_sha256,
        xetHash: entry.xet_hash
      )
      guard file.isSound else { return nil }
      files[path] = file
    }
    self.files = files
  }

  /// What is kept of the listing.
  var keptText: String {
    let entries = files.values.sorted {
      $0.path.unicodeScalars.lexicographicallyPrecedes($1.path.unicodeScalars)
    }
    .map { file in
      var fields = ["\"size\": \(file.size)", "\"blob_id\": \(Self.quoted(file.gitBlob))"]
      if let sha256 = file.sha256 {
        fields += ["\"lfs_sha256\": \(Self.quoted(sha256))", "\"lfs_size\": \(file.size)"]
      }
      if let hash = file.xetHash { fields.append("\"xet_hash\": \(Self.quoted(hash))") }
      let lines = fields.map { "   " + $0 }.joined(separator: ",\n")
      return "  \(Self.quoted(file.path)): {\n\(lines)\n  }"
    }
    let all = entries.isEmpty ? "{}" : "{\n\(entries.joined(separator: ",\n"))\n }"
    return "{\n \"format_version\": 1,\n \"files\": \(all)\n}"
  }

  /// A JSON string in ASCII.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for unit in text.utf16 {
      switch unit {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0x09: result += "\\t"
      case 0x20..<0x7F: result.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        let hex = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      }
    }
    return result + "\""
  }
}

extension RepositoryFile {
  /// Whether path, size and hash can be used as they are: they come from another machine.
  var isSound: Bool {
    ModelReference.isPath(path) && size >= 0 && ContentHash(blob: hash.hex) != nil
  }
}

extension Transport {
  /// Tells which commit a revision stands for.
  func commit(of model: ModelReference, _ endpoint: String) async throws -> String {
    if model.isPinned { return model.revision }
    struct Answer: Decodable { let sha: String }
    let address =
      "\(endpoint)/api/models/\(model.repository)/revision/\(Self.escaped(model.revision))"
    let (bytes, _) = try await document(address, "finding \(model)")
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(bytes)),
      ModelReference.isCommit(answer.sha)
    else { throw HubError(.unreachable, "\(endpoint) does not answer as the Hub does") }
    return answer.sha
  }

  /// Lists the files of a repository.
  func listing(
    of model: ModelReference,
    commit: String,
    _ endpoint: String
  ) async throws
    -> RepositoryListing
  {
    struct Entry: Decodable {
      struct Large: Decodable {
        let oid: String
        let size: Int
      }
      let type: String
      let path: String
      let oid: String
      let size: Int
      let lfs: Large?
      let xetHash: String?
    }
    var files: [String: RepositoryFile] = [:]
    var next: String? =
      "\(endpoint)/api/models/\(model.repository)/tree/\(commit)?recursive=true&expand=false"
    // A thousand files a page is what the Hub gives.
    for _ in 0..<100 {
      guard let address = next else { break }
      let (bytes, link) = try await document(address, "listing \(model)")
      guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(bytes)) else {
        throw HubError(.unreachable, "\(endpoint) does not answer as the Hub does")
      }
      for entry in entries where entry.type == "file" {
        let file = RepositoryFile(
          path: entry.path,
          size: entry.lfs?.size ?? entry.size,
          gitBlob: entry.oid,
          sha256: entry.lfs?.oid,
          xetHash: entry.xetHash
        )
        guard file.isSound else {
          throw HubError(
            .unusable,
            "\(model) lists the file \(printable(entry.path)), which cannot be"
          )
        }
        files[file.path] = file
      }
      next = link
    }
    return RepositoryListing(commit: commit, files: files)
  }

  /// A JSON document, and the address of the next one if it goes on.
  private func document(_ address: String, _ what: String) async throws -> ([UInt8], String?) {
    try await persistently(what) {
      try await watched { pulse in
        let answer = try await self.open(Place(address: address))
        var bytes: [UInt8] = []
        do {
          for try await buffer in answer.response.body {
            pulse.beat()
            bytes += buffer.readableBytesView
            guard bytes.count <= 64 << 20 else {
              throw HubError(.unreachable, "\(what): the answer is too long")
            }
          }
        } catch { throw try Self.passing(error, "the connection was cut") }
        // As `<https://…?cursor=…>; rel="next"`.
        let link = answer.response.headers["link"].first { $0.contains("rel=\"next\"") }
        let next = link?.split(separator: ">").first?.drop { $0 != "<" }.dropFirst()
        return (bytes, next.map(String.init))
      }
    }
  }

  /// A part of a path or of a query; slashes too are written as numbers.
  static func escaped(_ text: some StringProtocol) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        return String(Unicode.Scalar(byte))
      default: return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
