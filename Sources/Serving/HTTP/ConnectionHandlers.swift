// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Notices when the client closes its side of the connection, while a request is worked on.
///
/// A client that shuts only its sending side down looks the same as one that was killed, and counts
/// as gone too.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart

  let clientGone = Occurrence()

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed = event as? ChannelEvent { clientGone.happen() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    clientGone.happen()
    context.fireChannelInactive()
  }
}

/// Closes the connection after an answer that says `connection: close`.
///
/// Such an answer may come before the body has been read. Closing at once would then reset the
/// connection and could take the answer with it; so only our side is closed, and the other when the
/// client follows or `patience` is over.
final class LingeringClose: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let patience = TimeAmount.seconds(2)
  private var closesAfterAnswer = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection] == "close" { closesAfterAnswer = true }
      context.write(data, promise: promise)
    case .end where closesAfterAnswer:
      closesAfterAnswer = false
      context.writeAndFlush(data, promise: promise)
      context.close(mode: .output, promise: nil)
      let channel = context.channel
      context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    default:
      context.write(data, promise: promise)
    }
  }
}
