// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// HTTP/1.1 on one connection.
///
/// Hummingbird's own takes up to 13 pieces of 64 KiB off the socket before anyone has asked for them:
/// 40 MB where 50 clients upload at once. This one takes three.
struct ConnectionSetup: HTTPChannelHandler {
  typealias Value = AcceptedConnection

  /// A connection that nothing is read from yet.
  ///
  /// Hummingbird drops those that come while it stops, and a `NIOAsyncChannel` that is dropped ends the
  /// process; so it is made when the connection is handled.
  struct AcceptedConnection: ServerChildChannelValue {
    let channel: any Channel
  }

  let responder: HTTPChannelHandler.Responder
  let idleTimeout: Duration
  let memory = CrowdMemory.shared

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
      try channel.syncOptions?.setOption(.autoRead, value: false)
      var limits = NIOHTTPDecoderLimitConfiguration()
      limits.maxHeaderFieldSize = 80 << 10
      limits.maxHeaderListSize = 80 << 10
      limits.maxHeaderFieldCount = 1000
      try pipeline.configureHTTPServerPipeline(
        // One request is read at a time, as they are asked for.
        withPipeliningAssistance: false,
        // What is no HTTP is answered by `handleHTTP`.
        withErrorHandling: false,
        // HTTPFields cannot hold anything that would have to be refused.
        withOutboundHeaderValidation: false,
        withEncoderConfiguration: .init(),
        withDecoderLimitConfiguration: limits
      )
      try pipeline.addHandlers(
        HTTP1ToHTTPServerCodec(secure: false),
        ConnectionWatch(),
        CarefulClose(),
        HTTPConnectionStateHandler(idleTimeout: idleTimeout, logger: logger)
      )
      return AcceptedConnection(channel: channel)
    }
  }

  func handle(value: Value, logger: Logger) async {
    memory.connectionOpened()
    defer { memory.connectionClosed() }
    let channel = value.channel
    await withTaskExecutorPreference(EventLoopTasks(channel.eventLoop)) {
      do {
        let connection = try await channel.eventLoop.submit { try open(channel) }.get()
        await handleHTTP(asyncChannel: connection, logger: logger)
      } catch {
        logger.debug("a connection could not be served: \(error)")
        channel.close(promise: nil)
      }
    }
  }

  /// Begins to read.
  ///
  /// - Throws: `ChannelError` if the connection has been closed meanwhile.
  private func open(
    _ channel: any Channel
  ) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
    // First, since it fails for a closed connection; nothing is read before this returns.
    try channel.syncOptions?.setOption(.autoRead, value: true)
    return try NIOAsyncChannel(
      wrappingChannelSynchronously: channel,
      configuration: .init(
        backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2),
        isOutboundHalfClosureEnabled: true
      )
    )
  }
}
