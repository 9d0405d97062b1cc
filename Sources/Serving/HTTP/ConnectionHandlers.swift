// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Synchronization

/// Notices when the client closes its side of the connection, while a request is worked on.
///
/// A client that shuts only its sending side down looks the same as one that was killed, and counts
/// as gone too.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart

  let clientGone = Occurrence()
  private let version = VersionWatch()

  /// The watch of a connection.
  ///
  /// - Throws: `ChannelPipelineError` if the connection has been closed meanwhile.
  static func of(_ channel: any Channel) async throws -> ConnectionWatch {
    // Mostly asked on the thread of the connection, where nothing has to be waited for.
    guard channel.eventLoop.inEventLoop else {
      return try await channel.pipeline.handler(type: ConnectionWatch.self).get()
    }
    return try channel.pipeline.syncOperations.handler(type: ConnectionWatch.self)
  }

  /// Whether the client that sent the request at hand knows interim answers.
  var takesInterimAnswers: Bool { version.isLater.load(ordering: .relaxed) }

  func handlerAdded(context: ChannelHandlerContext) {
    // The version of a request is lost where its parts become those of all versions of HTTP.
    let pipeline = context.pipeline.syncOperations
    if let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) {
      try? pipeline.addHandler(version, position: .before(codec))
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed = event as? ChannelEvent { clientGone.happen() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    clientGone.happen()
    context.fireChannelInactive()
  }
}

/// Tells HTTP/1.0, whose clients take the first answer for the last, from later versions.
private final class VersionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart

  let isLater = Atomic(false)

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head(let head) = unwrapInboundIn(data) {
      isLater.store(head.version != .http1_0, ordering: .relaxed)
    }
    context.fireChannelRead(data)
  }
}

/// Sees to it that closing a connection does not cost the client its answer.
///
/// An answer that says `connection: close` may come before the body has been read. Closing at once
/// would then reset the connection, and the reset may overtake the answer; so only our side is closed,
/// and the other when the client follows. And when the server stops, Hummingbird closes a connection
/// as soon as the end of its answer is handed over, which discards what the socket has not taken yet;
/// so such a close waits for that. Neither waits longer than `patience`.
final class CarefulClose: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let patience = TimeAmount.seconds(5)
  private var closesAfterAnswer = false
  /// Fulfilled when the socket has taken the whole answer; nil if none is on its way.
  private var answerSent: EventLoopFuture<Void>?

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection] == "close" { closesAfterAnswer = true }
      context.write(data, promise: promise)
    case .body:
      context.write(data, promise: promise)
    case .end:
      let sent = promise ?? context.eventLoop.makePromise()
      answerSent = sent.futureResult
      sent.futureResult.assumeIsolated().whenComplete { _ in self.answerSent = nil }
      context.writeAndFlush(data, promise: sent)
      if closesAfterAnswer {
        closesAfterAnswer = false
        context.close(mode: .output, promise: nil)
        closeLater(context)
      }
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, let answerSent else { return context.close(mode: mode, promise: promise) }
    answerSent.assumeIsolated().whenComplete { _ in context.close(mode: mode, promise: promise) }
    closeLater(context)
  }

  private func closeLater(_ context: ChannelHandlerContext) {
    context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
      context.close(mode: .all, promise: nil)
    }
  }
}
