// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// Keeps other programs, the Hub's own among them, from fetching the same blob for as long as it exists.
///
/// The system lifts it when the process ends, however it ends.
final class BlobLock: Sendable {
  private let descriptor: Int32

  /// Waits for the lock.
  ///
  /// - Parameters:
  ///   - path: The lock's file.
  ///   - clock: What waiting is measured with.
  /// - Returns: The lock.
  /// - Throws: ``HubError`` with code `fileSystem`; `CancellationError`.
  static func take(_ path: String, clock: any Clock<Duration>) async throws -> BlobLock {
    while true {
      if let lock = try BlobLock(path) { return lock }
      try await clock.sleep(for: .milliseconds(200))
    }
  }

  /// Nil if another has it.
  private init?(_ path: String) throws(HubError) {
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
    guard descriptor >= 0 else { throw Files.failure("\(path) cannot be written") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      // Some file systems know no locks; without one the worst is that a file is fetched twice.
      if errno == EWOULDBLOCK {
        close(descriptor)
        return nil
      }
      return
    }
    // Some programs remove the file when they are done: then this is a lock on nothing.
    var mine = stat()
    var named = stat()
    guard unsafe fstat(descriptor, &mine) == 0, unsafe stat(path, &named) == 0,
      mine.st_ino == named.st_ino
    else {
      close(descriptor)
      return nil
    }
  }

  deinit {
    // A process that is being started may still have a copy of the descriptor.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
