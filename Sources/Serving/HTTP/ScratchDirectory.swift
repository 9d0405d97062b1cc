// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Synchronization

/// Where a server's requests have their directories.
///
/// It is there while any of theirs is, and locked for as long: so what a server that was killed left
/// behind can be told from what another one works with.
final class ScratchDirectory: Sendable {
  private struct State {
    var made: (path: String, descriptor: Int32)?
    var users = 0
    var next = 0
  }

  private let parent: String
  private let prefix: String
  private let state = Mutex(State())
  /// What `mkdtemp` puts in place of its template's end.
  private static let randomCharacters = 6

  /// Plans a directory.
  ///
  /// - Parameters:
  ///   - parent: Where it goes.
  ///   - prefix: What its name begins with.
  init(under parent: String, prefix: String) {
    self.parent = parent
    self.prefix = prefix
  }

  /// Makes a directory for one request.
  ///
  /// - Returns: Its path, without a slash at its end; `leave` removes it.
  /// - Throws: ``ServingError`` with code `insufficientStorage` or `internalFault`.
  func enter() throws(ServingError) -> String {
    try state.withLock { state throws(ServingError) in
      let made = if let known = state.made { known } else { try make() }
      state.made = made
      let path = "\(made.path)/\(state.next)"
      guard unsafe mkdir(path, 0o700) == 0 else {
        let error = fileError("cannot make a directory \(path)")
        if state.users == 0 { Self.drop(&state) }
        throw error
      }
      state.next += 1
      state.users += 1
      return path
    }
  }

  /// Removes a request's directory with all its content.
  ///
  /// - Parameter path: What `enter` returned.
  func leave(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
    state.withLock { state in
      state.users -= 1
      if state.users == 0 { Self.drop(&state) }
    }
  }

  private static func drop(_ state: inout State) {
    guard let (path, descriptor) = state.made else { return }
    unsafe rmdir(path)
    close(descriptor)
    state.made = nil
  }

  private func make() throws(ServingError) -> (path: String, descriptor: Int32) {
    while true {
      var bytes = Array(
        "\(parent)/\(prefix)-\(String(repeating: "X", count: Self.randomCharacters))".utf8CString
      )
      guard unsafe mkdtemp(&bytes) != nil else {
        throw fileError("cannot make a directory under \(parent)")
      }
      let path = String(decoding: bytes.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      // Another server that starts may take it for abandoned until it is locked.
      guard let descriptor = Self.open(path) else {
        if errno == ENOENT { continue }
        throw fileError("cannot open \(path)")
      }
      flock(descriptor, LOCK_EX)
      var facts = stat()
      if unsafe fstat(descriptor, &facts) == 0, facts.st_nlink > 0 { return (path, descriptor) }
      close(descriptor)
    }
  }

  private static func open(_ path: String) -> Int32? {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    return descriptor < 0 ? nil : descriptor
  }

  /// Removes what servers of the same name left that were killed.
  func removeAbandoned() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    let length = prefix.utf8.count + 1 + Self.randomCharacters
    for name in names where name.hasPrefix(prefix + "-") && name.utf8.count == length {
      let path = "\(parent)/\(name)"
      guard let descriptor = Self.open(path) else { continue }
      defer { close(descriptor) }
      var facts = stat()
      // In a directory that all may write to, it may be anybody's.
      guard unsafe fstat(descriptor, &facts) == 0, facts.st_uid == geteuid(),
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      else { continue }
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}
