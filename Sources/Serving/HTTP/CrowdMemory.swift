// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CLinux
import NIOPosix
import Synchronization

/// Gives memory back to the system when a crowd of clients has gone.
///
/// What connections had is free then but scattered, so that the allocator keeps all of it: 12 KB for each.
final class CrowdMemory: Sendable {
  private struct Count {
    var open = 0
    /// The most that were open since memory was last given back.
    var most = 0
  }

  /// Fewer than these are not worth the search.
  private let crowd = 256
  private let count = Mutex(Count())

  /// Counts a connection that opens.
  func connectionOpened() {
    count.withLock { count in
      count.open += 1
      count.most = max(count.most, count.open)
    }
  }

  /// Counts a connection that has closed.
  func connectionClosed() {
    let isHalfGone = count.withLock { count in
      count.open -= 1
      guard count.most - count.open >= max(crowd, count.most / 2) else { return false }
      count.most = count.open
      return true
    }
    guard isHalfGone else { return }
    NIOThreadPool.singleton.submit { _ in _ = malloc_trim(0) }
  }
}
