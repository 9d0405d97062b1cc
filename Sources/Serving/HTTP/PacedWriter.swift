// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import NIOCore

extension ResponseBody {
  /// The body, of which no more is made than the client takes.
  ///
  /// A connection learns that its client does not keep up only on its event loop; where that is busy, a
  /// writer that did not wait for it would fill the memory.
  func paced(by eventLoop: any EventLoop) -> ResponseBody {
    ResponseBody(contentLength: contentLength) { [self] writer in
      try await write(PacedWriter(base: writer, eventLoop: eventLoop))
    }
  }
}

/// Hands each piece over to the event loop before it takes the next.
private struct PacedWriter: ResponseBodyWriter {
  var base: any ResponseBodyWriter
  let eventLoop: any EventLoop

  @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
    try await base.write(buffer)
    try await eventLoop.submit {}.get()
  }

  @concurrent consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
    try await base.finish(trailingHeaders)
  }
}
