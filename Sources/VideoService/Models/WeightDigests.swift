// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOPosix
import Synchronization

/// The digests of weight files: read once for each state of a file, while nobody waits for them, and
/// remembered from one run of the server to the next.
package final class WeightDigests: Sendable {
  private struct Entry: Codable {
    let file: FileStamp
    let sha256: String
  }

  private struct State {
    var known: [FileStamp: String]
    /// The last of the readings, which wait for each other.
    var reading: Task<Void, Never>?
  }

  private let path: String
  private let state: Mutex<State>

  /// Remembers what was read before.
  ///
  /// - Parameter path: The file that remembers, which need not be there; its folder must be, once
  ///   something is to be remembered.
  package init(path: String) {
    self.path = path
    let data = (try? Data(contentsOf: URL(filePath: path))) ?? Data()
    let entries = ((try? JSONDecoder().decode([Entry].self, from: data)) ?? [])
      .filter { FileStamp($0.file.path) == $0.file }
    state = Mutex(State(known: Dictionary(entries.map { ($0.file, $0.sha256) }) { $1 }))
  }

  /// The SHA-256 of a file in this state; nil if it was not read yet.
  func digest(of file: FileStamp) -> String? { state.withLock { $0.known[file] } }

  /// Has files read that were not yet, one after another, behind what is read already.
  func learn(_ files: [FileStamp]) {
    state.withLock { state in
      let unknown = files.filter { state.known[$0] == nil }
      guard !unknown.isEmpty else { return }
      let before = state.reading
      state.reading = Task(priority: .background) { [weak self] in
        await before?.value
        for file in unknown { await self?.read(file) }
      }
    }
  }

  /// Waits until everything is read that was asked for.
  package func settle() async { await state.withLock { $0.reading }?.value }

  private func read(_ file: FileStamp) async {
    guard digest(of: file) == nil,
      let digest = try? await NIOThreadPool.singleton.runIfActive({ FileDigest.sha256(file.path) }),
      // It may have been written to meanwhile.
      FileStamp(file.path) == file
    else { return }
    let entries = state.withLock { state in
      state.known[file] = digest
      // What a path had before is not asked for again.
      state.known = state.known.filter { $0.key.path != file.path || $0.key == file }
      return state.known.map { Entry(file: $0.key, sha256: $0.value) }
    }
    guard let data = try? JSONEncoder().encode(entries.sorted { $0.file.path < $1.file.path })
    else { return }
    // Without it they are read again, no more.
    try? data.write(to: URL(filePath: path), options: .atomic)
  }
}
