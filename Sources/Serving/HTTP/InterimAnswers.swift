// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Tells a waiting client now and then that the server is there: `100 Continue`.
///
/// Clients that give up after a time without bytes, as BentoML's does after 30 seconds, begin to count
/// anew with each of them. `102 Processing` would say it better, but Python's http.client, and so
/// requests, takes any other interim answer than 100 for the final one. Go's client before 1.23 takes
/// five, so they must not come too often.
struct InterimAnswers: Sendable {
  let channel: any Channel
  /// The time between two.
  let interval: Duration
  /// Whether the client waits; while it still sends its request there is nothing to tell.
  let isDue: @Sendable () -> Bool

  /// Runs `work` and tells the client of it; the last word is on its way before this returns.
  ///
  /// - Throws: What `work` throws.
  func during<Value: Sendable>(
    _ work: @Sendable () async throws -> Value
  ) async throws -> Value {
    let teller = Teller(answers: self)
    teller.start()
    let result: Result<Value, any Error>
    do { result = .success(try await work()) } catch { result = .failure(error) }
    if channel.eventLoop.inEventLoop {
      teller.stop()
    } else {
      try? await channel.eventLoop.submit { teller.stop() }.get()
    }
    return try result.get()
  }

  /// Tells once, and again after each interval.
  private final class Teller: Sendable {
    private let answers: InterimAnswers
    private let next = Mutex<Scheduled<Void>?>(nil)

    init(answers: InterimAnswers) { self.answers = answers }

    func start() {
      let scheduled = answers.channel.eventLoop.scheduleTask(in: TimeAmount(answers.interval)) {
        self.tell()
      }
      next.withLock { $0 = scheduled }
    }

    private func tell() {
      // Nobody waits for the write: a client that has stopped reading must not hold the work up.
      if answers.isDue() {
        let head = HTTPResponse(status: .continue)
        answers.channel.writeAndFlush(HTTPResponsePart.head(head), promise: nil)
      }
      start()
    }

    /// Called on the connection's thread, so that nothing is being told meanwhile.
    func stop() { next.withLock { $0 }?.cancel() }
  }
}
