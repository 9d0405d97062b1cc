// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a Zoetrope server for clips.
///
/// ```swift
/// let client = ZoetropeClient(server: "http://localhost:3000")
/// let clip = try await client.generate(picture: bytes)
/// ```
public struct ZoetropeClient: Sendable {
  /// How often a request is tried again that the server was too busy for, or that did not reach it.
  public var retries = 5
  /// How long a server may take to answer, in seconds.
  public var timeout = 3600

  private let server: String
  private let key: String?
  /// Tells of a server that does not listen at once, so that this client can count its attempts.
  private static let http = makeHTTP(silence: nil)
  /// Takes a connection for broken on which a server is silent that has something to say every 15 seconds.
  private static let listener = makeHTTP(silence: .seconds(60))

  private static func makeHTTP(silence: TimeAmount?) -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.timeout.read = silence
    return HTTPClient(
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      configuration: configuration
    )
  }

  /// Creates a client.
  ///
  /// - Parameters:
  ///   - server: The address, such as `https://video.example:3000`.
  ///   - key: What the server asks for, if it does.
  public init(server: String, key: String? = nil) {
    self.server = server.hasSuffix("/") ? String(server.dropLast()) : server
    self.key = key
  }

  /// Has a clip made and waits for it on one connection.
  ///
  /// Cancelling the calling task closes the connection, which stops the work.
  ///
  /// - Parameters:
  ///   - picture: The bytes of a picture file.
  ///   - parameters: What clip to make.
  /// - Returns: The clip.
  /// - Throws: ``ClientError``; `CancellationError`.
  public func generate(
    picture: [UInt8],
    _ parameters: ClipParameters = ClipParameters()
  ) async throws -> Clip {
    Clip(try await send(.POST, "/generate", form: Form(picture, parameters)))
  }

  /// Has a clip made without waiting for it.
  ///
  /// - Parameters:
  ///   - picture: The bytes of a picture file.
  ///   - parameters: What clip to make.
  /// - Returns: The task.
  /// - Throws: ``ClientError``; `CancellationError`.
  public func submit(
    picture: [UInt8],
    _ parameters: ClipParameters = ClipParameters()
  ) async throws -> ClipTask {
    let answer = try await send(.POST, "/generate/submit", form: Form(picture, parameters))
    return task(try TaskAnswer(answer).task_id)
  }

  /// A task that was submitted earlier, but for those that ``job(_:)`` gives.
  public func task(_ id: String) -> ClipTask { ClipTask(id: id, isJob: false, client: self) }

  // MARK: Requests

  /// What a request sends.
  struct Form {
    var picture: [UInt8]?
    var fields: [(name: String, value: String)]

    init(_ picture: [UInt8]?, _ parameters: ClipParameters) {
      self.picture = picture
      fields = parameters.fields
    }
  }

  struct Answer {
    let headers: HTTPHeaders
    let body: ByteBuffer
  }

  struct TaskAnswer: Decodable {
    let task_id: String
    let status: ClipTaskStatus

    init(_ answer: Answer) throws {
      do {
        self = try JSONDecoder().decode(Self.self, from: Data(answer.body.readableBytesView))
      } catch {
        throw ClientError(.unexpectedAnswer, "the server's answer is not that of a task")
      }
    }
  }

  private struct Problem: Decodable {
    struct Detail: Decodable {
      let loc: [String]
      let msg: String

      var text: String {
        guard let field = loc.first, !msg.hasPrefix(field) else { return msg }
        return "\(field): \(msg)"
      }
    }
    let error: String
    let detail: [Detail]?
  }

  private func request(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: server + path)
    request.method = method
    if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
    return request
  }

  func send(
    _ method: HTTPMethod,
    _ path: String,
    form: Form? = nil
  ) async throws -> Answer {
    var request = request(method, path)
    if let form {
      let boundary =
        "zoetrope-\(UInt64.random(in: .min ... .max))-\(UInt64.random(in: .min ... .max))"
      request.headers.add(
        name: "content-type",
        value: "multipart/form-data; boundary=\(boundary)"
      )
      request.body = .bytes(Self.body(form, boundary))
    }
    var attempt = 0
    while true {
      let wait: Duration
      do {
        let response = try await Self.http.execute(request, timeout: .seconds(Int64(timeout)))
        let body = try await response.body.collect(upTo: 1 << 30)
        let status = Int(response.status.code)
        guard status >= 300 else { return Answer(headers: response.headers, body: body) }
        guard status == 429 || status == 503, attempt < retries else {
          throw Self.refusal(status, body)
        }
        let seconds = response.headers.first(name: "retry-after").flatMap { Int($0) }
        wait = seconds.map { .seconds(min($0, 60)) } ?? Self.backoff(attempt)
      } catch let error as ClientError {
        throw error
      } catch {
        try Task.checkCancellation()
        // What may have reached the server is not sent twice, unless that does no harm.
        let mayRepeat = method != .POST || error is NIOConnectionError
        guard mayRepeat, attempt < retries else {
          throw ClientError(.unreachable, "\(server) cannot be reached: \(error)")
        }
        wait = Self.backoff(attempt)
      }
      attempt += 1
      try await Task.sleep(for: wait)
    }
  }

  /// Hears one stream of events, or as much of it as comes.
  ///
  /// - Parameters:
  ///   - path: Where the events are.
  ///   - reader: What was read before, and where to go on.
  ///   - take: Takes an event; false if it wants no more.
  /// - Returns: Whether there are events there.
  /// - Throws: ``ClientError``, with `unreachable` where it may help to come back; `CancellationError`;
  ///   what `take` throws.
  func listen(
    _ path: String,
    _ reader: inout EventReader,
    _ take: (EventReader.Event) throws -> Bool
  ) async throws -> Bool {
    var request = request(.GET, path)
    request.headers.add(name: "accept", value: "text/event-stream")
    if !reader.lastID.isEmpty {
      request.headers.add(name: "last-event-id", value: reader.lastID)
    }
    do {
      let response = try await Self.listener.execute(request, timeout: .seconds(Int64(timeout)))
      let status = Int(response.status.code)
      if status == 429 || status >= 500 {
        throw ClientError(.unreachable, "the server answered with status \(status)")
      }
      let type = response.headers.first(name: "content-type") ?? ""
      guard status == 200, type.hasPrefix("text/event-stream") else { return false }
      // What was left of an event when the connection broke is sent again.
      reader.beginAnew()
      for try await bytes in response.body {
        for event in try reader.read(bytes.readableBytesView) where try !take(event) {
          return true
        }
      }
      return true
    } catch let error as ClientError {
      throw error
    } catch {
      try Task.checkCancellation()
      throw ClientError(.unreachable, "\(server) cannot be reached: \(error)")
    }
  }

  /// Half a second, doubled with each attempt, and up to half as much again, so that many clients do
  /// not come back at once.
  static func backoff(_ attempt: Int) -> Duration {
    .milliseconds(500 << min(attempt, 6)) * Double.random(in: 1...1.5)
  }

  private static func refusal(_ status: Int, _ body: ByteBuffer) -> ClientError {
    let data = Data(body.readableBytesView.prefix(64 << 10))
    guard let problem = try? JSONDecoder().decode(Problem.self, from: data) else {
      return ClientError(.refused(status: status), "the server answered with status \(status)")
    }
    let details = problem.detail?.map(\.text) ?? []
    let message = details.isEmpty ? problem.error : details.joined(separator: "; ")
    return ClientError(.refused(status: status), message)
  }

  private static func body(_ form: Form, _ boundary: String) -> ByteBuffer {
    var body = ByteBuffer()
    func disposition(_ name: String) -> String {
      "--\(boundary)\r\ncontent-disposition: form-data; name=\"\(name)\""
    }
    for (name, value) in form.fields {
      body.writeString("\(disposition(name))\r\n\r\n\(value)\r\n")
    }
    if let picture = form.picture {
      body.writeString("\(disposition("image")); filename=\"image\"\r\n\r\n")
      body.writeBytes(picture)
      body.writeString("\r\n")
    }
    body.writeString("--\(boundary)--\r\n")
    return body
  }
}

extension Clip {
  init(_ answer: ZoetropeClient.Answer, seed: UInt64? = nil) {
    bytes = Array(answer.body.readableBytesView)
    contentType = answer.headers.first(name: "content-type") ?? "application/octet-stream"
    self.seed = seed ?? answer.headers.first(name: "x-zoetrope-seed").flatMap { UInt64($0) }
  }
}
