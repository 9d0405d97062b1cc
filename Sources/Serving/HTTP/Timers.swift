// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOCore
import NIOPosix

/// Calls back when a time has passed.
///
/// Nearly every request has a timeout that is never reached; a sleeping task costs more than most requests
/// do, and `Task.sleep` keeps its timer until it is due even if it is cancelled.
package protocol Timers: Sendable {
  /// Calls `action` once, `duration` from now.
  ///
  /// - Returns: Call it to have `action` not called if it was not yet; it may be called at any time.
  func after(
    _ duration: Duration,
    _ action: @escaping @Sendable () -> Void
  ) -> @Sendable () -> Void
}

/// The timers of a thread that reads and writes connections, on which `action` is called.
package struct EventLoopTimers: Timers {
  /// For what belongs to no connection.
  package static let shared = EventLoopTimers(
    eventLoop: MultiThreadedEventLoopGroup.singleton.next()
  )

  let eventLoop: any EventLoop

  package func after(
    _ duration: Duration,
    _ action: @escaping @Sendable () -> Void
  ) -> @Sendable () -> Void {
    let timer = eventLoop.scheduleTask(in: TimeAmount(duration), action)
    return { timer.cancel() }
  }
}
