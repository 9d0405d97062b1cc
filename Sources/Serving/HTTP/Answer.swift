// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import NIOCore

/// An answer that can be sent again and again, as that of a task is.
struct Answer: Sendable {
  enum Content: Sendable {
    case bytes(ByteBuffer)
    case file(path: String)
    case events(EventBody.Source, heartbeat: Duration)
    case nothing
  }

  var status: Int
  var headers: HTTPFields
  let content: Content

  /// Sends what an endpoint replied.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if a header's name cannot be one.
  init(_ reply: Reply) throws(ServingError) {
    status = reply.status
    headers = [:]
    headers[.contentType] = reply.contentType
    for (name, value) in reply.headers {
      guard let name = HTTPField.Name(name) else {
        throw ServingError(.badDeclaration, "\(name) cannot be the name of a header")
      }
      headers[name] = value
    }
    switch reply.content {
    case .json(let value): content = .bytes(ByteBuffer(string: value.text))
    case .file(let path, let fileName):
      if let fileName {
        headers[.contentDisposition] = "attachment; filename=\"\(fileName)\""
      }
      content = .file(path: path)
    case .bytes(let bytes): content = .bytes(ByteBuffer(bytes: bytes))
    case .events(let source, let heartbeat):
      content = .events(source, heartbeat: heartbeat)
    case .nothing: content = .nothing
    }
  }

  /// Sends a JSON value.
  init(_ value: JSON) {
    status = 200
    headers = [.contentType: "application/json"]
    content = .bytes(ByteBuffer(string: value.text))
  }

  /// Says what went wrong; of a fault of the server, only where to read more.
  ///
  /// - Parameters:
  ///   - error: What went wrong.
  ///   - envelope: How it is written, and the id of the request; nil for as endpoints do.
  init(_ error: ServingError, in envelope: (shape: ErrorEnvelope, requestID: String)? = nil) {
    var shown = error
    if error.code.status == 500 {
      shown = ServingError(
        error.code,
        "the server failed; its log says why, under the id of this request"
      )
    }
    status = error.code.status
    headers = [.contentType: "application/json"]
    if let seconds = error.retryAfter { headers[.retryAfter] = String(seconds) }
    let body = envelope.map { $0.shape.body(shown, $0.requestID) } ?? shown.body
    content = .bytes(ByteBuffer(string: body.text))
  }

  /// The answer on its way to a client.
  ///
  /// - Throws: ``ServingError`` with code `internalFault` if the file is gone.
  ///
  /// - Parameters:
  ///   - isHead: Whether the body is left out.
  ///   - ends: Each ends a stream of events.
  /// - Returns: The answer.
  func response(
    isHead: Bool = false,
    endingAt ends: [Occurrence] = []
  ) throws(ServingError) -> Response {
    switch content {
    case .bytes(let bytes):
      return response(ResponseBody(byteBuffer: bytes), bytes.readableBytes, isHead: isHead)
    case .file(let path):
      let file = try OpenFile(path)
      return response(Self.body(of: file, 0..<file.byteCount), file.byteCount, isHead: isHead)
    case .events(let source, let heartbeat):
      let events = EventBody(source: source, heartbeat: heartbeat, ends: ends)
      return response(events.body, nil, isHead: isHead)
    case .nothing: return response(ResponseBody(), nil, isHead: true)
    }
  }

  /// The answer to a request that may have conditions or want only a part of it.
  ///
  /// - Parameters:
  ///   - request: The request.
  ///   - ends: Each ends a stream of events.
  /// - Returns: The answer.
  /// - Throws: ``ServingError`` with code `internalFault` if the file is gone.
  func response(
    to request: Request,
    endingAt ends: [Occurrence]
  ) throws(ServingError) -> Response {
    let isHead = request.method == .head
    guard case .file(let path) = content, status == 200, isHead || request.method == .get else {
      return try response(isHead: isHead, endingAt: ends)
    }
    let file = try OpenFile(path)
    var answer = self
    let tag = headers[.eTag] ?? file.entityTag
    answer.headers[.eTag] = tag
    answer.headers[.acceptRanges] = "bytes"
    switch FileSelection(request.headers, tag: tag, byteCount: file.byteCount).part {
    case .whole:
      let body = Self.body(of: file, 0..<file.byteCount)
      return answer.response(body, file.byteCount, isHead: isHead)
    case .range(let range):
      answer.status = 206
      answer.headers[.contentRange] =
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.byteCount)"
      return answer.response(Self.body(of: file, range), range.count, isHead: isHead)
    case .unsatisfiable:
      answer.status = 416
      answer.headers[.contentType] = nil
      answer.headers[.contentDisposition] = nil
      answer.headers[.contentRange] = "bytes */\(file.byteCount)"
      return answer.response(ResponseBody(), 0, isHead: true)
    case .notModified:
      answer.status = 304
      answer.headers[.contentType] = nil
      answer.headers[.contentDisposition] = nil
      return answer.response(ResponseBody(), nil, isHead: true)
    }
  }

  private func response(_ body: ResponseBody, _ length: Int?, isHead: Bool) -> Response {
    var headers = headers
    headers[.contentLength] = length.map { String($0) }
    return Response(
      status: HTTPResponse.Status(code: status),
      headers: headers,
      body: isHead ? ResponseBody() : body
    )
  }

  private static func body(of file: OpenFile, _ range: Range<Int>) -> ResponseBody {
    // The open file outlives its name, so the directory can go before the first byte is sent and
    // nothing is left behind if sending fails.
    ResponseBody(contentLength: range.count) { writer in
      var offset = range.lowerBound
      while offset < range.upperBound {
        let chunk = try await file.read(
          from: offset,
          count: min(CrowdMemory.shared.pieceByteCount, range.upperBound - offset)
        )
        offset += chunk.readableBytes
        try await writer.write(chunk)
      }
      try await writer.finish(nil)
    }
  }
}
