// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Logging
import Serving
import Subprocess

/// Resizes a picture with ffmpeg: all of a service but the line that starts it.
struct Resize: Endpoint {
  struct Input: Form {
    @Field("The picture.", accepting: "image/*") var image: UploadedFile
    @Field("The new width in pixels; the height follows.", in: 1...4096) var width = 256
  }

  let path = "/resize"
  let summary = "Resizes a picture."
  let output = ReplyKind.file("image/png")

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    let file = try "\(call.directory)/resized.png"
    let result = try await run(
      .name("ffmpeg"),
      arguments: [
        "-v", "error", "-i", input.image.path, "-frames:v", "1", "-vf", "scale=\(input.width):-1",
        file,
      ],
      output: .discarded,
      error: .discarded
    )
    guard result.terminationStatus.isSuccess else {
      throw ServingError([InputProblem("image_invalid", field: "image", "image is no picture")])
    }
    return Reply(file: file, contentType: "image/png", fileName: "resized.png")
  }
}

let service = try Service("resize", product: "resize/1.0") { Resize() }
try await HTTPServer(service, logger: Logger(label: "resize")).run()
