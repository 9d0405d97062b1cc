// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes
import Synchronization

extension Request {
  /// Whether bytes follow the head.
  var hasBody: Bool {
    headers[.transferEncoding] != nil || (headers[.contentLength].map { $0 != "0" } ?? false)
  }
}

/// A request's body as it arrives, which knows whether all of it has been read.
final class IncomingBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  typealias Failure = any Error

  let request: Request
  let channel: any Channel
  private let pace: UploadPace
  private let wasRead = Atomic(false)

  init(request: Request, channel: any Channel, pace: UploadPace) {
    self.request = request
    self.channel = channel
    self.pace = pace
  }

  /// Whether the last byte has been read.
  var isRead: Bool { wasRead.load(ordering: .relaxed) }

  /// The number of bytes that the client said it would send.
  var announcedByteCount: Int? { request.headers[.contentLength].flatMap { Int($0) } }

  struct AsyncIterator: AsyncIteratorProtocol {
    typealias Failure = any Error
    let body: IncomingBody
    var chunks: RequestBody.AsyncIterator
    var pace: UploadPace
    var hasBegun = false

    @concurrent
    mutating func next() async throws -> ByteBuffer? {
      if !hasBegun {
        hasBegun = true
        if body.request.headers[.expect]?.lowercased() == "100-continue" {
          let head = HTTPResponse(status: .continue)
          try await body.channel.writeAndFlush(HTTPResponsePart.head(head))
        }
      }
      let asked = ContinuousClock.now
      let chunk: ByteBuffer?
      do { chunk = try await chunks.next() } catch {
        try Task.checkCancellation()
        throw ServingError(
          [InputProblem("body_incomplete", "the connection ended before the body was complete")])
      }
      if let chunk {
        try pace.note(chunk.readableBytes, after: ContinuousClock.now - asked)
        return chunk
      }
      try Task.checkCancellation()
      body.wasRead.store(true, ordering: .relaxed)
      return nil
    }
  }

  func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(body: self, chunks: request.body.makeAsyncIterator(), pace: pace)
  }
}
