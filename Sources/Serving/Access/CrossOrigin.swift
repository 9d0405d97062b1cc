// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes
import Hummingbird
import NIOCore

/// Says which other sites' pages may use the server (CORS, as the Fetch standard has it).
struct CrossOrigin: Sendable {
  /// Origins such as `https://app.example`, or `*` for all; none turns it off.
  let origins: [String]
  /// What scripts may read besides the usual.
  private let exposed: String
  /// What scripts may ask for.
  private let methods: String
  /// What they may send besides the usual.
  private let accepted: String

  init(_ origins: [String], for service: Service) {
    self.origins = origins
    let exposed = [
      "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After", "Server-Timing",
      service.requestIDHeader,
    ]
    self.exposed = (exposed + service.exposedHeaders).joined(separator: ", ")
    let usual = ["GET", "HEAD", "POST", "PUT"]
    let others = Set(service.operations.map(\.method.rawValue)).subtracting(usual).sorted()
    methods = (usual + others).joined(separator: ", ")
    let known = ["Authorization", "Content-Type", "Traceparent"]
    let further = Set(service.operations.flatMap { $0.headers.map(\.name) })
    accepted = (known + further.subtracting(known).sorted()).joined(separator: ", ")
  }

  /// Answers a browser that asks before it sends.
  ///
  /// - Returns: nil if the request is no such question.
  func preflight(_ request: Request) -> Response? {
    guard !origins.isEmpty, request.method == .options, let origin = request.headers[.origin],
      request.headers[.accessControlRequestMethod] != nil
    else { return nil }
    let isAllowed = allowed(origin) != nil
    let text = isAllowed ? "OK" : "Disallowed CORS origin"
    return Response(
      status: isAllowed ? .ok : .badRequest,
      headers: [
        .contentType: "text/plain; charset=utf-8", .contentLength: "\(text.utf8.count)",
        .accessControlAllowMethods: methods,
        .accessControlAllowHeaders: accepted,
        .accessControlMaxAge: "600",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text))
    )
  }

  /// Tells the browser whether the page that asked may read the answer.
  func mark(_ response: inout Response, for request: Request) {
    guard !origins.isEmpty else { return }
    response.headers.append(HTTPField(name: .vary, value: "Origin"))
    guard let origin = request.headers[.origin], let allowed = allowed(origin) else { return }
    response.headers[.accessControlAllowOrigin] = allowed
    response.headers[.accessControlExposeHeaders] = exposed
  }

  private func allowed(_ origin: String) -> String? {
    origins.contains("*") ? "*" : origins.first { $0 == origin }
  }
}
