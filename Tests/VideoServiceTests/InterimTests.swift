// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `Interim answers` {
  @Test func `keep a waiting client informed until its clip is there`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = .milliseconds(50) }
    ) { server in
      let connection = try await RawConnection(port: server.port)
      try await connection.send(request([imagePart]))
      for _ in 1...3 {
        let interim = try await connection.answer()
        #expect(interim.status == 100)
        #expect(interim.headers.isEmpty)
      }
      release.happen()
      var answer = try await connection.answer()
      while answer.status == 100 { answer = try await connection.answer() }
      #expect(answer.status == 200)
      #expect(Data(answer.body) == StubGenerator.clip)
      try await connection.send(plain("GET", "/livez"))
      #expect(try await connection.answer().status == 200)
      await connection.close()
    }
  }

  @Test func `reach clients that wait in line too`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = .milliseconds(50) }
    ) { server in
      let running = try await RawConnection(port: server.port)
      try await running.send(request([imagePart]))
      try await until { generator.state.running == 1 }
      let waiting = try await RawConnection(port: server.port)
      try await waiting.send(request([imagePart]))
      #expect(try await waiting.answer().status == 100)
      release.happen()
      for connection in [running, waiting] {
        var answer = try await connection.answer()
        while answer.status == 100 { answer = try await connection.answer() }
        #expect(answer.status == 200)
        await connection.close()
      }
    }
  }

  @Test(arguments: [("HTTP/1.0", true), ("HTTP/1.1", false)])
  func `are kept from clients that do not know them, and can be turned off`(
    version: String,
    isOn: Bool
  ) async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = isOn ? .milliseconds(20) : nil }
    ) { server in
      let bytes = request([imagePart])
      let text = Array("POST /generate HTTP/1.1".utf8)
      let connection = try await RawConnection(port: server.port)
      try await connection.send(
        Array("POST /generate \(version)".utf8) + bytes.dropFirst(text.count)
      )
      try await until { generator.state.running == 1 }
      try await Task.sleep(for: .milliseconds(200))
      release.happen()
      #expect(try await connection.answer().status == 200)
      await connection.close()
    }
  }

  @Test func `are not sent while the client still sends`() async throws {
    try await LiveServer.with(
      StubGenerator(),
      { _, settings in settings.interimInterval = .milliseconds(20) }
    ) { server in
      let whole = request([imagePart])
      let connection = try await RawConnection(port: server.port)
      try await connection.send(Array(whole.dropLast(100)))
      try await until { server.leftovers.count == 1 }
      try await Task.sleep(for: .milliseconds(200))
      #expect(connection.receivedCount == 0)
      try await connection.send(Array(whole.suffix(100)))
      var answer = try await connection.answer()
      while answer.status == 100 { answer = try await connection.answer() }
      #expect(answer.status == 200)
      await connection.close()
    }
  }

  @Test func `are nothing to curl`() async throws {
    let release = Occurrence()
    let generator = StubGenerator(heldUntil: release)
    try await LiveServer.with(
      generator,
      { _, settings in settings.interimInterval = .milliseconds(50) }
    ) { server in
      let work = Task {
        try await until { generator.state.running == 1 }
        try await Task.sleep(for: .milliseconds(500))
        release.happen()
      }
      let photo = "\(server.directory)/photo.png"
      let clip = "\(server.directory)/generated.mp4"
      try Data(picture).write(to: URL(filePath: photo))
      let result = try await Subprocess.run(
        .name("curl"),
        arguments: [
          "--silent", "--show-error", "--write-out", "%{http_code}",
          "-F", "image=@\(photo);type=image/png", "-o", clip,
          "http://127.0.0.1:\(server.port)/generate",
        ],
        output: .string(limit: 4096),
        error: .string(limit: 4096)
      )
      try await work.value
      #expect(result.standardOutput == "200")
      #expect(try Data(contentsOf: URL(filePath: clip)) == StubGenerator.clip)
    }
  }
}
