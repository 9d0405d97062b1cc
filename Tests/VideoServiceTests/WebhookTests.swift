// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Serving
import Synchronization
import Testing
import VideoService

/// Hears reports, and answers the first of them with a status of its own.
final class Listener: Sendable {
  private final class Handler: ChannelInboundHandler, Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    let listener: Listener

    init(_ listener: Listener) { self.listener = listener }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        listener.heard.withLock { heard in
          heard.append((Dictionary(head.headers.map { ($0.name, $0.value) }) { $1 }, ""))
        }
      case .body(let bytes):
        listener.heard.withLock { heard in
          heard[heard.count - 1].body += String(decoding: bytes.readableBytesView, as: UTF8.self)
        }
      case .end:
        let status = listener.heard.withLock { $0.count == 1 ? listener.first : .noContent }
        let headers: HTTPHeaders = ["location": "http://localhost:1/", "content-length": "0"]
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }

  let heard = Mutex<[(headers: [String: String], body: String)]>([])
  private let first: HTTPResponseStatus

  init(first: HTTPResponseStatus = .noContent) { self.first = first }

  /// Listens while `body` runs, on a port that it is told.
  func listening<Value>(_ body: (Int) async throws -> Value) async throws -> Value {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMap {
          channel.pipeline.addHandler(Handler(self))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    do {
      let value = try await body(channel.localAddress?.port ?? 0)
      try await channel.close()
      return value
    } catch {
      try? await channel.close()
      throw error
    }
  }
}

@Suite(.timeLimit(.minutes(15))) struct `Webhooks` {
  static let secret = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()

  @Test func `are signed as Standard Webhooks has it`() throws {
    // The standard's own example.
    let webhooks = try VideoService.Webhooks(
      hosts: [],
      secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )
    let headers = webhooks.headers(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      body: #"{"test": 2432232314}"#,
      at: Date(timeIntervalSince1970: 1_614_265_330)
    )
    #expect(
      headers.map(\.1) == [
        "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      ]
    )
    for secret in ["", "whsec_", "whsec_!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
      #expect(throws: ServingError.self) {
        try VideoService.Webhooks(hosts: [], secret: secret)
      }
    }
  }

  @Test func `report the end of a job to hosts that are allowed`() async throws {
    let folder = StoreFolder()
    let listener = Listener()
    try await listener.listening { port in
      let webhooks = try VideoService.Webhooks(hosts: ["127.0.0.1:\(port)"], secret: Self.secret)
      try await folder.working(StubGenerator(), { $0.webhooks = webhooks }) { jobs in
        let job = try await folder.submit(jobs) { $0.webhook = "http://127.0.0.1:\(port)/hook" }
        try await until { listener.heard.withLock { !$0.isEmpty && $0[0].body.hasSuffix("}}") } }
        let (headers, body) = listener.heard.withLock { $0[0] }
        #expect(headers["webhook-id"] == job.id)
        #expect(body.hasPrefix(#"{"type":"job.succeeded","timestamp":"20"#))
        #expect(body.contains(job.id))
        let time = try #require(headers["webhook-timestamp"].flatMap { Double($0) })
        let expected = webhooks.headers(
          id: job.id,
          body: body,
          at: Date(timeIntervalSince1970: time)
        )
        #expect(headers["webhook-signature"] == expected.last?.1)
        for address in [
          "http://localhost:\(port)/", "http://127.0.0.1/", "file:///etc/passwd", "hook",
          "http://a@127.0.0.1:\(port)/", "http://127.0.0.1:\(port)@example.com/",
        ] {
          await #expect(throws: ServingError.self, "\(address)") {
            try await folder.submit(jobs) { $0.webhook = address }
          }
        }
      }
    }
  }

  @Test func `are sent again where they failed, and follow no redirection`() async throws {
    let folder = StoreFolder()
    let listener = Listener(first: .temporaryRedirect)
    try await listener.listening { port in
      let webhooks = try VideoService.Webhooks(hosts: ["127.0.0.1:\(port)"], secret: Self.secret)
      try await folder.working(StubGenerator(), { $0.webhooks = webhooks }) { jobs in
        _ = try await folder.submit(jobs) { $0.webhook = "http://127.0.0.1:\(port)/" }
        try await until { listener.heard.withLock { $0.count == 2 } }
        let ids = listener.heard.withLock { $0.map { $0.headers["webhook-id"] } }
        #expect(ids[0] == ids[1])
      }
    }
  }

  @Test func `are refused where none are allowed`() async throws {
    let folder = StoreFolder()
    let jobs = try await folder.open()
    let error = await #expect(throws: ServingError.self) {
      try await folder.submit(jobs) { $0.webhook = "http://127.0.0.1/" }
    }
    #expect(error?.problems.first?.field == "webhook_url")
  }
}
