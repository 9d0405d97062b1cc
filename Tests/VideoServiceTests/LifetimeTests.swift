// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Serving
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `The life of a generation` {
  @Test func `requests wait their turn`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<5 {
          group.addTask { try await server.exchange(request([imagePart])).status }
        }
        try await until { server.leftovers.count == 5 && generator.state.running == 1 }
        release.happen()
        for try await status in group { #expect(status == 200) }
      }
    }
    #expect(generator.state.requests.count == 5)
    #expect(generator.state.mostAtOnce == 1)
  }

  @Test func `what a killed server left goes when the next one starts, and nothing else`()
    async throws
  {
    let files = FileManager.default
    var held: [HeldDirectory] = []
    try await LiveServer.with(
      StubGenerator(),
      { service, settings in
        for name in ["\(service.name)-killed", "\(service.name)-inUse_", "Another-killed"] {
          let path = "\(settings.temporaryDirectory)/\(name)"
          try? files.createDirectory(atPath: path + "/3", withIntermediateDirectories: true)
          _ = files.createFile(atPath: path + "/3/image", contents: nil)
          if name.hasSuffix("inUse_") { held.append(HeldDirectory(locking: path)) }
        }
      }
    ) { server in
      let name = "StableDiffusionVideo"
      #expect(server.leftovers.sorted() == ["Another-killed/3", "\(name)-inUse_/3"])
      let status = try await server.exchange(request([imagePart])).status
      #expect(status == 200)
      #expect(server.leftovers.sorted() == ["Another-killed/3", "\(name)-inUse_/3"])
    }
    #expect(held.count == 1)
  }

  @Test func `a full queue is told when to come back`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator, jobs: { $0.queue = 1 }) { server in
      async let first = server.exchange(request([imagePart]))
      try await until { server.leftovers.count == 1 }
      async let second = server.exchange(request([imagePart]))
      try await until { server.leftovers.count == 2 }
      let third = try await server.exchange(request([imagePart]))
      #expect(third.status == 429)
      #expect(third.headers["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
      #expect(
        third.text == #"{"error":"Too many requests: the queue is full (2), try again later"}"#
      )
      release.happen()
      #expect(try await [first.status, second.status] == [200, 200])
    }
  }

  @Test func `a client that goes away frees the place for the next`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      let gone = try await RawConnection(port: server.port)
      try await gone.send(request([imagePart, part("seed", "1")]))
      try await until { generator.state.running == 1 }
      let waiting = try await RawConnection(port: server.port)
      try await waiting.send(request([imagePart, part("seed", "2")]))
      try await until { server.leftovers.count == 2 }
      await waiting.close()
      try await until { server.leftovers.count == 1 }
      await gone.close()
      try await until { generator.state.cancelled == 1 }
      try await until { server.leftovers == [] }
      release.happen()
      #expect(try await server.exchange(request([imagePart, part("seed", "3")])).status == 200)
    }
    #expect(generator.state.requests.map(\.seed) == [1, 3])
  }

  @Test func `a client that goes away in mid upload leaves nothing behind`() async throws {
    let generator = StubGenerator()
    try await LiveServer.with(generator) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(Array(request([imagePart]).dropLast(100)))
      try await until { server.leftovers.count == 1 }
      await connection.close()
      try await until { server.leftovers == [] }
      #expect(try await server.exchange(request([imagePart])).status == 200)
    }
    #expect(generator.state.requests.count == 1)
  }

  @Test func `an upload that stalls is given up`() async throws {
    try await LiveServer.with(
      StubGenerator(),
      { _, settings in settings.idleTimeout = .seconds(2) }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      // On a machine so busy that this comes late, the silence before it has been given up instead.
      try? await connection.send(Array(request([imagePart]).dropLast(100)))
      try await until { connection.isClosed && server.leftovers == [] }
    }
  }

  @Test func `time that is up is said so, and the work has ended by then`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    let timers = ManualTimers()
    try await LiveServer.with(
      generator,
      { service, settings in
        service.traffic.timeout = .milliseconds(500)
        settings.timers = timers
      }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(request([imagePart]))
      try await until { generator.state.running == 1 }
      try await until {
        timers.advance(by: .seconds(1))
        return generator.state.running == 0
      }
      let answer = try await connection.answer()
      #expect(answer.status == 504)
      #expect(answer.text == #"{"error":"Not able to process the request in 0.5 seconds"}"#)
      #expect(generator.state.running == 0)
      #expect(server.leftovers == [])
    }
  }

  /// In a process of its own, where no other test takes memory.
  @Test func `a large upload stays out of memory`() async {
    await #expect(processExitsWith: .success) {
      let failure = ClipError(.badPicture, "not a picture")
      try await LiveServer.with(StubGenerator(failure: failure)) { server in
        let size = 100 << 20
        let head = Array(imagePart.dropLast(picture.count + 2))
        let tail = Array("\r\n--XBX--\r\n".utf8)
        let start = rawRequest(body: [], type: "multipart/form-data; boundary=XBX")
        let text = String(decoding: start, as: UTF8.self)
          .replacing("Content-Length: 0", with: "Content-Length: \(head.count + size + tail.count)")
        let connection = try await RawConnection(port: server.port)
        let before = try residentBytes()
        try await connection.send(Array(text.utf8) + head)
        let chunk = [UInt8](repeating: 13, count: 1 << 20)
        var most = 0
        for _ in 0..<100 {
          try await connection.send(chunk)
          most = max(most, try residentBytes() - before)
        }
        try await connection.send(tail)
        try #require(try await connection.answer().status == 400)
        try #require(most < 32 << 20, "grew by \(most) bytes")
        try #require(server.leftovers == [])
        await connection.close()
      }
    }
  }
}

/// The memory that this process has at the moment.
private func residentBytes() throws -> Int {
  let data = try Data(contentsOf: URL(filePath: "/proc/self/statm"))
  let pages = String(decoding: data, as: UTF8.self).split(separator: " ")[1]
  return (Int(pages) ?? 0) * 4096
}

@Suite(.timeLimit(.minutes(15))) struct `Stopping the server` {
  @Test func `lets the running generation finish and sends away who waits`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(generator) { server in
      let running = try await RawConnection(port: server.port)
      try await running.send(request([imagePart]))
      try await until { generator.state.running == 1 }
      let waiting = try await RawConnection(port: server.port)
      try await waiting.send(request([imagePart]))
      try await until { server.leftovers.count == 2 }
      await server.stop()
      let refused = try await waiting.answer()
      #expect(refused.status == 503)
      #expect(refused.text.contains("shutting down"))
      release.happen()
      let answer = try await running.answer()
      #expect(answer.status == 200)
      #expect(answer.body.count == StubGenerator.clip.count)
      try await until { server.leftovers == [] }
      await #expect(throws: (any Error).self) { try await RawConnection(port: server.port) }
    }
  }

  @Test func `sends a clip to its end to a client that reads slowly`() async throws {
    let size = 32 << 20
    let generator = StubGenerator(clip: Data(repeating: 5, count: size))
    try await LiveServer.with(generator) { server in
      let slow = try await RawConnection(port: server.port)
      try await slow.setReading(false)
      try await slow.send(request([imagePart]))
      try await until { generator.state.requests.count == 1 && server.leftovers == [] }
      await server.stop()
      try await slow.setReading(true)
      #expect(try await slow.answer().body.count == size)
    }
  }

  @Test func `cancels the running generation when its grace is over`() async throws {
    let generator = StubGenerator(heldUntil: Occurrence())
    try await LiveServer.with(generator, { _, settings in settings.grace = .milliseconds(100) }) {
      server in
      let running = try await RawConnection(port: server.port)
      try await running.send(request([imagePart]))
      try await until { generator.state.running == 1 }
      await server.stop()
      #expect(try await running.answer().status == 503)
      #expect(generator.state.cancelled == 1)
      #expect(server.leftovers == [])
    }
  }

  /// In a process of its own, which would not survive it.
  @Test func `is survived by connections that come meanwhile`() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<20 {
        try await LiveServer.with { server in
          await withTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
              group.addTask {
                if index == 20 { return await server.stop() }
                guard let connection = try? await RawConnection(port: server.port) else { return }
                try? await connection.send(plain("GET", "/livez"))
                await connection.close()
              }
            }
          }
        }
      }
    }
  }

  @Test func `says that a port is taken`() async throws {
    try await LiveServer.with { server in
      let error = await #expect(throws: ServingError.self) {
        try await LiveServer.with(StubGenerator(), { _, settings in settings.port = server.port }) {
          _ in
        }
      }
      #expect(error?.code == .cannotListen)
      #expect(error?.message.contains("port \(server.port) is taken") == true)
    }
  }
}

/// Holds a directory as a server does that works with it.
private final class HeldDirectory {
  private let descriptor: Int32

  init(locking path: String) {
    descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY)
    flock(descriptor, LOCK_EX)
  }

  deinit { close(descriptor) }
}
