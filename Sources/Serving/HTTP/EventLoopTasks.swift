// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import NIOCore

/// Runs the tasks of a connection on the thread that reads and writes it.
///
/// Elsewhere each piece that comes or goes would cost a change of threads, which is most of what a
/// short request costs. And who writes an answer learns at once that the client does not keep up, so no
/// more is made of it than the client takes. Nothing that takes long may run here: see
/// ``offEventLoop(_:)``.
final class EventLoopTasks: TaskExecutor {
  private let eventLoop: any EventLoop

  init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    eventLoop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs what may take long, such as a service's own code, where it holds no connection up.
///
/// - Throws: What `work` throws.
func offEventLoop<Value>(_ work: () async throws -> Value) async rethrows -> Value {
  try await withTaskExecutorPreference(globalConcurrentExecutor) { try await work() }
}
