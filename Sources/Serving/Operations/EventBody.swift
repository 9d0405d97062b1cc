// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Hummingbird
import NIOCore

/// A stream of events on its way to one client.
struct EventBody: Sendable {
  /// Gives each event to what it is given, in order.
  typealias Source =
    @Sendable (_ send: @Sendable (ServerEvent) async -> Void) async throws -> Void

  let source: Source
  /// How long a client hears nothing at most.
  let heartbeat: Duration
  /// Each ends the stream: the client left, or the server stops.
  let ends: [Occurrence]

  private enum Signal: Sendable {
    case event(ServerEvent, taken: Occurrence)
    case heartbeat
    case failure(any Error)
  }

  var body: ResponseBody {
    ResponseBody { writer in
      try await write(to: &writer)
      try await writer.finish(nil)
    }
  }

  private func write(to writer: inout any ResponseBodyWriter) async throws {
    let (signals, continuation) = AsyncStream.makeStream(of: Signal.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await source { event in
            // One at a time: a client that reads slowly slows the source, not fills the memory.
            let taken = Occurrence()
            continuation.yield(.event(event, taken: taken))
            await taken.wait()
          }
          continuation.finish()
        } catch {
          continuation.yield(.failure(error))
        }
      }
      group.addTask {
        while true {
          do { try await Task.sleep(for: heartbeat) } catch { return }
          continuation.yield(.heartbeat)
        }
      }
      for end in ends {
        group.addTask {
          await end.wait()
          continuation.finish()
        }
      }
      defer { group.cancelAll() }
      for await signal in signals {
        switch signal {
        case .event(let event, let taken):
          try await writer.write(ByteBuffer(string: event.text))
          taken.happen()
        case .heartbeat:
          try await writer.write(ByteBuffer(string: ServerEvent.heartbeat))
        // Cut off in the middle: a client that comes back asks for the rest.
        case .failure(let error): throw error
        }
      }
    }
  }
}
