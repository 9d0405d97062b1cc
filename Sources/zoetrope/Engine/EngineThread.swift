// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import Synchronization

/// One thread on which all computing is done.
///
/// A generation keeps its thread busy for seconds or minutes, which must not be one of the few that
/// Swift's tasks share; and OpenMP ties its pool of workers to the thread that starts them.
@safe final class EngineThread: SerialExecutor {
  private struct Queue {
    var jobs: [UnownedJob] = []
  }

  private let queue = Mutex(Queue())
  // Written once here, used under its own rules (sem_post and sem_wait are safe from any thread).
  private nonisolated(unsafe) let signal: UnsafeMutablePointer<sem_t>

  /// - Parameter start: Runs first on the new thread.
  init(start: @escaping @Sendable () -> Void) {
    unsafe signal = .allocate(capacity: 1)
    unsafe sem_init(signal, 0, 0)
    let context = unsafe Unmanaged.passRetained(Context(thread: self, start: start))
    var thread = pthread_t()
    unsafe pthread_create(
      &thread,
      nil,
      { pointer in
        guard let pointer = unsafe pointer else { return nil }
        let context = unsafe Unmanaged<Context>.fromOpaque(pointer).takeRetainedValue()
        context.start()
        context.thread.run()
        return nil
      },
      context.toOpaque()
    )
    pthread_detach(thread)
  }

  private final class Context {
    let thread: EngineThread
    let start: @Sendable () -> Void

    init(thread: EngineThread, start: @escaping @Sendable () -> Void) {
      self.thread = thread
      self.start = start
    }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.withLock { $0.jobs.append(job) }
    unsafe sem_post(signal)
  }

  /// The thread serves until the process ends: engines that come and go share one.
  private func run() {
    while true {
      unsafe sem_wait(signal)
      let job = queue.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
      unsafe job?.runSynchronously(on: asUnownedSerialExecutor())
    }
  }
}
