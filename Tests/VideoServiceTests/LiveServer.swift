// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import Serving
import ServiceLifecycle
import Synchronization
import Testing
import VideoService

/// A server on a port of its own, with a temporary directory of its own.
struct LiveServer {
  let port: Int
  let directory: String
  /// Where the jobs are, if the service has any.
  private let store: String?
  private let group: ServiceGroup

  /// Serves clips while `body` runs, then stops gracefully.
  static func with<Value>(
    _ generator: any ClipGenerating = StubGenerator(),
    _ change: (inout Serving.Service, inout HTTPServer.Settings) -> Void = { _, _ in },
    jobs changeJobs: (inout VideoJobs.Settings) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Value
  ) async throws -> Value {
    try await with(models: .stub(generator), change, jobs: changeJobs, body)
  }

  /// Serves clips of several models while `body` runs, then stops gracefully.
  static func with<Value>(
    models: ModelShelf,
    _ change: (inout Serving.Service, inout HTTPServer.Settings) -> Void = { _, _ in },
    jobs changeJobs: (inout VideoJobs.Settings) -> Void = { _ in },
    metrics: PrometheusRegistry = PrometheusRegistry(),
    _ body: (LiveServer) async throws -> Value
  ) async throws -> Value {
    try await with(
      serving: { try Serving.Service.stableVideoDiffusion(version: "1.2.3", jobs: $0) },
      models,
      change,
      jobs: changeJobs,
      metrics: metrics,
      body
    )
  }

  /// Serves any service while `body` runs, then stops gracefully.
  static func with<Value>(
    _ service: Serving.Service,
    _ change: (inout Serving.Service, inout HTTPServer.Settings) -> Void = { _, _ in },
    _ body: (LiveServer) async throws -> Value
  ) async throws -> Value {
    try await with(
      serving: { _ in service },
      .stub(),
      change,
      jobs: { _ in },
      metrics: PrometheusRegistry(),
      body
    )
  }

  private static func with<Value>(
    serving makeService: (VideoJobs) throws -> Serving.Service,
    _ models: ModelShelf,
    _ change: (inout Serving.Service, inout HTTPServer.Settings) -> Void,
    jobs changeJobs: (inout VideoJobs.Settings) -> Void,
    metrics: PrometheusRegistry,
    _ body: (LiveServer) async throws -> Value
  ) async throws -> Value {
    let directory = URL.temporaryDirectory.appending(path: "serving-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let store = "\(directory)-store"
    defer {
      for path in [directory, store] { try? FileManager.default.removeItem(atPath: path) }
    }
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    var jobSettings = VideoJobs.Settings()
    jobSettings.freeBytes = 0
    changeJobs(&jobSettings)
    let jobs = try await VideoJobs(
      store: store,
      models: models,
      settings: jobSettings,
      logger: logger
    )
    try await models.prepare()
    jobs.begin()
    var service = try makeService(jobs)
    var settings = HTTPServer.Settings()
    settings.host = "127.0.0.1"
    settings.port = 0
    settings.temporaryDirectory = directory
    // On a busy machine these would come between the answers that tests wait for.
    settings.interimInterval = nil
    change(&service, &settings)
    let server = HTTPServer(service, settings: settings, metrics: metrics, logger: logger)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [server.lifecycle { continuation.yield($0) }],
        logger: logger
      )
    )
    async let ended: Void = {
      defer { continuation.finish() }
      try await group.run()
    }()
    var iterator = ports.makeAsyncIterator()
    guard let port = await iterator.next() else {
      try await ended
      throw CancellationError()
    }
    let result: Value
    do {
      result = try await body(
        LiveServer(port: port, directory: directory, store: store, group: group)
      )
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await ended
    return result
  }

  /// Tells the server to stop, as SIGTERM does.
  func stop() async { await group.triggerGracefulShutdown() }

  /// What requests have left behind: files, and requests' directories within the server's.
  var leftovers: [String] {
    func contents(_ path: String) -> [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }
    return contents(directory).flatMap { name in
      let inner = contents("\(directory)/\(name)")
      return inner.isEmpty ? [name] : inner.map { "\(name)/\($0)" }
    }
  }

  /// The jobs whose files are kept.
  var kept: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(store ?? "")/jobs")) ?? []
  }

  /// Sends one request and looks at the status of its answer.
  func expect(
    _ status: Int,
    for request: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let answer = try await exchange(request)
    #expect(answer.status == status, "\(answer.text)", sourceLocation: sourceLocation)
  }

  /// Sends one request on a connection of its own and waits for the answer.
  func exchange(_ request: [UInt8], isHead: Bool = false) async throws -> Answer {
    let connection = try await RawConnection(port: port)
    try await connection.send(request)
    let answer = try await connection.answer(isHead: isHead)
    await connection.close()
    return answer
  }
}

/// An HTTP answer.
struct Answer {
  var status: Int
  var headers: [String: String]
  var body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A TCP connection that sends exactly the bytes it is given.
final class RawConnection: Sendable {
  private final class Collector: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let received = Mutex<[UInt8]>([])
    let isClosed = Atomic(false)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      received.withLock { $0 += Array(bytes.readableBytesView) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      isClosed.store(true, ordering: .relaxed)
    }
  }

  private let channel: any Channel
  private let collector: Collector

  init(port: Int) async throws {
    let collector = Collector()
    self.collector = collector
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { $0.pipeline.addHandler(collector) }
      .connect(host: "127.0.0.1", port: port).get()
  }

  var isClosed: Bool { collector.isClosed.load(ordering: .relaxed) }

  /// What has come and not been taken out.
  var receivedText: String { String(decoding: collector.received.withLock { $0 }, as: UTF8.self) }

  /// How many bytes have come and not been taken out.
  var receivedCount: Int { collector.received.withLock(\.count) }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  /// Stops taking bytes from the socket, or begins again.
  func setReading(_ isReading: Bool) async throws {
    try await channel.setOption(ChannelOptions.autoRead, value: isReading).get()
  }

  /// Closes the sending side alone.
  func finishSending() async throws { try await channel.close(mode: .output) }

  func close() async { try? await channel.close() }

  /// Waits for the next answer, interim ones included, and takes it out.
  func answer(isHead: Bool = false) async throws -> Answer {
    while true {
      // Asked first: what arrived before the close is then seen.
      let isLast = isClosed
      if let answer = collector.received.withLock({ Self.take(&$0, isHead) }) { return answer }
      guard !isLast else { throw POSIXError(.ECONNRESET) }
      try await Task.sleep(for: .milliseconds(1))
    }
  }

  private static func take(_ bytes: inout [UInt8], _ isHead: Bool) -> Answer? {
    let text = String(decoding: bytes.prefix(16 << 10), as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
    let head = text[..<end.lowerBound]
    let lines = head.split(separator: "\r\n")
    guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let pair = line.split(separator: ":", maxSplits: 1)
      headers[pair[0].lowercased()] = String(pair[1].drop { $0 == " " })
    }
    let bodyLength = isHead ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
    let headLength = head.utf8.count + 4
    guard bytes.count >= headLength + bodyLength else { return nil }
    let body = Array(bytes[headLength..<(headLength + bodyLength)])
    bytes.removeFirst(headLength + bodyLength)
    return Answer(status: status, headers: headers, body: body)
  }
}

/// Waits until a condition holds that other tasks bring about.
func until(_ condition: () -> Bool) async throws {
  while !condition() { try await Task.sleep(for: .milliseconds(1)) }
}
