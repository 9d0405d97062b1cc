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
import Synchronization

/// HTTP/1.1 on one connection.
///
/// Hummingbird's own takes up to 13 pieces of 64 KiB off the socket before anyone has asked for them:
/// 40 MB where 50 clients upload at once. This one takes three.
struct ConnectionSetup: HTTPChannelHandler {
  typealias Value = AcceptedConnection

  /// A connection that came.
  ///
  /// Hummingbird drops those that come while it stops, and a `NIOAsyncChannel` that is dropped ends the
  /// process; so one that is never handled is closed.
  final class AcceptedConnection: ServerChildChannelValue {
    private let connection: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    private let isHandled = Atomic(false)

    init(_ channel: any Channel) throws {
      connection = try NIOAsyncChannel(
        wrappingChannelSynchronously: channel,
        configuration: .init(
          backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2),
          isOutboundHalfClosureEnabled: true
        )
      )
    }

    deinit {
      if isHandled.load(ordering: .relaxed) { return }
      Task { [connection] in try? await connection.executeThenClose { _, _ in } }
    }

    var channel: any Channel { connection.channel }

    /// The connection, for whoever sees to it that it is closed.
    func take() -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
      isHandled.store(true, ordering: .relaxed)
      return connection
    }
  }

  let responder: HTTPChannelHandler.Responder
  let idleTimeout: Duration
  let memory = CrowdMemory.shared

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
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
      return try AcceptedConnection(channel)
    }
  }

  func handle(value: Value, logger: Logger) async {
    memory.connectionOpened()
    defer { memory.connectionClosed() }
    await withTaskExecutorPreference(EventLoopTasks(value.channel.eventLoop)) {
      await handleHTTP(asyncChannel: value.take(), logger: logger)
    }
  }
}
