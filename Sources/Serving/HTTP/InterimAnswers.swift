// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import NIOCore
import NIOHTTPTypes

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
    let teller = channel.eventLoop.scheduleRepeatedTask(
      initialDelay: TimeAmount(interval),
      delay: TimeAmount(interval)
    ) { [channel, isDue] _ in
      guard isDue() else { return }
      // Nobody waits for the write: a client that has stopped reading must not hold the work up.
      let head = HTTPResponse(status: .continue)
      channel.writeAndFlush(HTTPResponsePart.head(head), promise: nil)
    }
    func stop() async {
      let stopped = channel.eventLoop.makePromise(of: Void.self)
      teller.cancel(promise: stopped)
      try? await stopped.futureResult.get()
    }
    do {
      let value = try await work()
      await stop()
      return value
    } catch {
      await stop()
      throw error
    }
  }
}
