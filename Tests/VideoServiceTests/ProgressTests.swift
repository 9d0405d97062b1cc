// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOCore
import NIOPosix
import Serving
import Synchronization
import Testing
import VideoService
import ZoetropeClient

@Suite(.timeLimit(.minutes(2))) struct `The progress of a task` {
  private func client(_ port: Int) -> ZoetropeClient {
    var client = ZoetropeClient(server: "http://127.0.0.1:\(port)")
    client.retries = 8
    return client
  }

  @Test func `is told from the line to the end`() async throws {
    let generator = SteeredGenerator()
    try await LiveServer.with(generator) { server in
      let first = try await client(server.port).submit(picture: picture)
      let second = try await client(server.port).submit(picture: picture)
      try await until { generator.isWorking }
      let seen = Mutex<[TaskProgress]>([])
      let watch = Task {
        for try await progress in second.progress() { seen.withLock { $0.append(progress) } }
      }
      try await until { seen.withLock { $0.contains { $0.queuePosition == 0 } } }
      generator.finish()
      #expect(try await first.clip().bytes.count == SteeredGenerator.clip.count)
      try await until { generator.isWorking }
      generator.tell(ClipProgress(stage: "encode", done: 0, total: 1))
      for step in 0...4 { generator.tell(ClipProgress(stage: "denoise", done: step, total: 4)) }
      generator.tell(ClipProgress(stage: "decode", done: 2, total: 2))
      generator.finish()
      try await watch.value
      let all = seen.withLock { $0 }
      let steps = all.filter { $0.stage == "denoise" && $0.status == .inProgress }
      #expect(steps.map(\.done) == [0, 1, 2, 3, 4])
      #expect(steps.allSatisfy { $0.total == 4 })
      #expect(all.map(\.fraction) == all.map(\.fraction).sorted())
      #expect(all.last?.status == .completed)
      #expect(all.last?.fraction == 1)
      #expect(all.filter { $0.status != .inProgress }.count == 1)
      // What has ended can be asked about too.
      var late: [TaskProgress] = []
      for try await progress in first.progress() { late.append(progress) }
      #expect(late.map(\.status) == [.completed])
    }
  }

  @Test func `goes on behind the last step that came when a connection breaks`() async throws {
    let generator = SteeredGenerator()
    try await LiveServer.with(generator) { server in
      let passage = try await Passage(to: server.port)
      let task = try await client(passage.port).submit(picture: picture)
      try await until { generator.isWorking }
      let seen = Mutex<[TaskProgress]>([])
      let watch = Task {
        for try await progress in task.progress() { seen.withLock { $0.append(progress) } }
      }
      for step in 1...6 {
        generator.tell(ClipProgress(stage: "denoise", done: step, total: 6))
        try await until { seen.withLock { $0.contains { $0.done == step } } }
        if step % 2 == 0 { passage.breakConnections() }
      }
      generator.finish()
      try await watch.value
      let steps = seen.withLock { $0 }
        .filter { $0.stage == "denoise" && $0.status == .inProgress }
      #expect(steps.map(\.done) == [1, 2, 3, 4, 5, 6])
      #expect(seen.withLock { $0.last?.status } == .completed)
      let questions = passage.requests.filter { $0.contains("/events") }
      #expect(questions.count >= 3)
      #expect(questions.dropFirst().allSatisfy { $0.contains("last-event-id: ") })
      try await passage.close()
    }
  }

  @Test func `is asked for where a server does not tell it`() async throws {
    let release = Occurrence()
    let service = try Serving.Service("Other", product: "other") { HeldEndpoint(release: release) }
    try await LiveServer.with(service) { server in
      let task = try await client(server.port).submit(picture: picture)
      var seen: [ClipTaskStatus] = []
      for try await progress in task.progress(askingEvery: .milliseconds(5)) {
        seen.append(progress.status)
        release.happen()
      }
      #expect(seen == [.inProgress, .completed])
      #expect(try await task.clip().bytes == Array("{}".utf8))
    }
  }

  @Test func `ends with the reason where there is none`() async throws {
    try await LiveServer.with { server in
      let error = await #expect(throws: ClientError.self) {
        for try await _ in client(server.port).task("none").progress() {}
      }
      #expect(error?.code == .refused(status: 404))
      let task = try await client(server.port).submit(picture: picture)
      for try await _ in task.progress() {}
    }
    var hopeless = client(1)
    hopeless.retries = 1
    let error = await #expect(throws: ClientError.self) {
      for try await _ in hopeless.task("none").progress() {}
    }
    #expect(error?.code == .unreachable)
  }

  @Test func `is read however its bytes come`() throws {
    let stream =
      Array(
        ": hello\nid: 7\r\nevent: state\r\ndata: a\r\ndata:  b\r\n\r\n\r\n: still here\n\n"
          .utf8
      ) + Array("data\n\nid\rdata: ü€\revent: end\r\rid: 9\n\ndata: cut".utf8)
    let expected = [
      EventReader.Event(name: "state", data: "a\n b"), EventReader.Event(data: ""),
      EventReader.Event(name: "end", data: "ü€"),
    ]
    for middle in 0...stream.count {
      var reader = EventReader()
      let events = try reader.read(stream[..<middle]) + reader.read(stream[middle...])
      #expect(events == expected)
      #expect(reader.lastID == "9")
    }
    var reader = EventReader()
    #expect(throws: ClientError.self) {
      try reader.read(repeatElement(UInt8(ascii: "a"), count: 2 << 20))
    }
  }
}

/// Makes a clip step by step, as a test says.
private final class SteeredGenerator: ClipGenerating {
  static let clip = Data("a clip".utf8)

  private let work = Mutex<(tell: @Sendable (ClipProgress) -> Void, end: Occurrence)?>(nil)

  var isWorking: Bool { work.withLock { $0 != nil } }

  func tell(_ progress: ClipProgress) { work.withLock { $0 }?.tell(progress) }

  /// Lets the work end that is being done.
  func finish() {
    let ended = work.withLock { work in
      defer { work = nil }
      return work
    }
    ended?.end.happen()
  }

  func generate(
    _ request: ClipRequest,
    picture: String,
    to output: String,
    progress: @escaping @Sendable (ClipProgress) -> Void
  ) async throws -> GeneratedClip {
    let end = Occurrence()
    work.withLock { $0 = (progress, end) }
    await end.wait()
    try Task.checkCancellation()
    try Self.clip.write(to: URL(filePath: output))
    return GeneratedClip(seed: 1, frameCount: 25, framesPerSecond: 7, stages: [])
  }
}

/// An endpoint whose tasks the server keeps in memory: nothing tells of their progress.
private struct HeldEndpoint: Endpoint {
  struct Input: Form {
    @Field("The picture.", accepting: "image/*") var image: UploadedFile

    init() {}
  }

  let path = "/generate"
  let summary = "Waits."
  let output = ReplyKind.json
  let takesTasks = true
  let release: Occurrence

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    await release.wait()
    return Reply(json: [:])
  }
}

/// What lies between a client and a server, and can break.
private final class Passage: Sendable {
  private final class Record: Sendable {
    let clients = Mutex<[any Channel]>([])
    let requests = Mutex<[String]>([])
  }

  private final class Side: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let record: Record?

    init(to other: any Channel, record: Record? = nil) {
      self.other = other
      self.record = record
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      record?.requests.withLock { $0.append(String(buffer: bytes)) }
      other.writeAndFlush(bytes, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
  }

  let port: Int
  private let record: Record
  private let listener: any Channel

  init(to port: Int) async throws {
    let record = Record()
    self.record = record
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { client in
        record.clients.withLock { $0.append(client) }
        return ClientBootstrap(group: client.eventLoop)
          .channelInitializer { $0.pipeline.addHandler(Side(to: client)) }
          .connect(host: "127.0.0.1", port: port)
          .flatMap { server in client.pipeline.addHandler(Side(to: server, record: record)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    self.port = try #require(listener.localAddress?.port)
  }

  /// What clients have sent.
  var requests: [String] { record.requests.withLock { $0 } }

  func breakConnections() {
    let clients = record.clients.withLock { clients in
      defer { clients = [] }
      return clients
    }
    for client in clients { client.close(promise: nil) }
  }

  func close() async throws { try await listener.close() }
}
