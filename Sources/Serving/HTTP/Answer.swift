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
  }

  let status: Int
  var headers: HTTPFields
  let content: Content

  /// Sends what an endpoint replied.
  ///
  /// - Throws: ``ServingError`` with code `badDeclaration` if a header's name cannot be one.
  init(_ reply: Reply) throws(ServingError) {
    status = 200
    headers = [.contentType: reply.contentType]
    for (name, value) in reply.headers {
      guard let name = HTTPField.Name(name) else {
        throw ServingError(.badDeclaration, "\(name) cannot be the name of a header")
      }
      headers[name] = value
    }
    switch reply.content {
    case .json(let value): content = .bytes(ByteBuffer(string: value.text))
    case .file(let path, let fileName):
      headers[.contentDisposition] = "attachment; filename=\"\(fileName)\""
      content = .file(path: path)
    }
  }

  /// Sends a JSON value.
  init(_ value: JSON) {
    status = 200
    headers = [.contentType: "application/json"]
    content = .bytes(ByteBuffer(string: value.text))
  }

  /// Says what went wrong; of a fault of the server, only where to read more.
  init(_ error: ServingError) {
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
    content = .bytes(ByteBuffer(string: shown.body.text))
  }

  /// The answer on its way to a client.
  ///
  /// - Throws: ``ServingError`` with code `internalFault` if the file is gone.
  func response(isHead: Bool = false) throws(ServingError) -> Response {
    let (body, length) =
      switch content {
      case .bytes(let bytes): (ResponseBody(byteBuffer: bytes), bytes.readableBytes)
      case .file(let path): try Self.body(of: OpenFile(path))
      }
    var headers = headers
    headers[.contentLength] = String(length)
    return Response(
      status: HTTPResponse.Status(code: status),
      headers: headers,
      body: isHead ? ResponseBody() : body
    )
  }

  private static func body(of file: OpenFile) -> (ResponseBody, Int) {
    // The open file outlives its name, so the directory can go before the first byte is sent and
    // nothing is left behind if sending fails.
    let body = ResponseBody(contentLength: file.byteCount) { writer in
      var offset = 0
      while offset < file.byteCount {
        let chunk = try await file.read(
          from: offset,
          count: min(128 << 10, file.byteCount - offset)
        )
        offset += chunk.readableBytes
        try await writer.write(chunk)
      }
      try await writer.finish(nil)
    }
    return (body, file.byteCount)
  }
}
