// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Logging
import Serving

/// What a server costs when the work costs nothing: see `compare_serving.py`.
struct Add: Endpoint {
  struct Input: Form {
    @Field("A number.", in: -1_000_000...1_000_000) var a: Int
    @Field("Another.", in: -1_000_000...1_000_000) var b: Int
  }

  let path = "/add"
  let summary = "Adds two numbers."
  let output = ReplyKind.json

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    Reply(json: .object([("sum", .integer(Int128(input.a + input.b)))]))
  }
}

/// Bytes in, bytes out.
struct Copy: Endpoint {
  struct Input: Form {
    @Field("A file.") var file: UploadedFile
  }

  let path = "/copy"
  let summary = "Sends a file back."
  let output = ReplyKind.file("application/octet-stream")

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    Reply(file: input.file.path, contentType: "application/octet-stream", fileName: "copy.bin")
  }
}

var service = try Service("Benchmark", product: "Benchmark/1") {
  Add()
  Copy()
}
service.traffic.concurrency = 16
service.traffic.queue = 1000
var settings = HTTPServer.Settings()
settings.port = CommandLine.arguments.last.flatMap { Int($0) } ?? 3000
let logger = Logger(label: "benchmark") { _ in LineLogHandler(.text) }
try await HTTPServer(service, settings: settings, logger: logger).run()
