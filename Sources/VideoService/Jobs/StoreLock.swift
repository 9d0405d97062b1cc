// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Glibc
import Serving

/// Keeps other servers away from a store for as long as it exists; the system lifts it when the
/// process ends, however it ends.
final class StoreLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Throws: ``ServingError`` with code `badConfiguration` if another server has it.
  init(folder: String) throws(ServingError) {
    let path = "\(folder)/lock"
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ServingError(
        .badConfiguration,
        unsafe "the store \(folder) cannot be written: \(String(cString: strerror(errno)))"
      )
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw ServingError(
        .badConfiguration,
        "another server uses the store \(folder): stop it, or choose another store with --store"
      )
    }
  }

  deinit {
    // A process that is being started may still have a copy of the descriptor.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}
