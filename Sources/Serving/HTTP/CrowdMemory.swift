// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CLinux
import NIOCore
import NIOPosix
import Synchronization

/// Keeps memory flat when there is a crowd of clients, and gives it back when the crowd has gone.
///
/// The connections of the whole process count: memory is the process's.
final class CrowdMemory: Sendable {
  static let shared = CrowdMemory()

  private struct Count {
    var open = 0
    /// The most that were open since memory was last given back.
    var most = 0
    /// Whether memory will be given back in a moment.
    var isDue = false
  }

  /// Fewer than these are not worth the search.
  private let crowd = 32
  private let count = Mutex(Count())

  private init() {}

  /// How much of a file is read or written at once, in bytes, for each client: a few pieces wait for each
  /// of them, so in a crowd they are smaller.
  var pieceByteCount: Int {
    let open = count.withLock(\.open)
    return min(max((2 << 20) / max(1, open), 32 << 10), 128 << 10)
  }

  /// Counts a connection that opens.
  func connectionOpened() {
    count.withLock { count in
      count.open += 1
      count.most = max(count.most, count.open)
    }
  }

  /// Counts a connection that has closed.
  ///
  /// What connections had is free then but scattered, so that the allocator keeps all of it: 12 KB for
  /// each that was idle, and more for those that sent files.
  func connectionClosed() {
    let isHalfGone = count.withLock { count in
      count.open -= 1
      guard !count.isDue, count.most - count.open >= max(crowd, count.most / 2) else {
        return false
      }
      count.isDue = true
      return true
    }
    guard isHalfGone else { return }
    // The other half mostly follows.
    MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .seconds(1)) { [self] in
      count.withLock { count in
        count.isDue = false
        count.most = count.open
      }
      NIOThreadPool.singleton.submit { _ in _ = malloc_trim(0) }
    }
  }
}
