// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving

/// Resizes a picture: all that the service says of itself.
struct Resize: Endpoint {
  struct Input: Form {
    @Field("The picture.", accepting: "image/*") var image: UploadedFile
    @Field("The new width in pixels; the height follows.", in: 1...4096) var width = 256
  }

  let path = "/resize"
  let summary = "Resizes a picture."
  let output = ReplyKind.file("image/png")

  func callAsFunction(_ input: Input, _ call: Call) async throws -> Reply {
    let file = try await ffmpeg(input.image.path, "scale=\(input.width):-1", in: call.directory)
    return Reply(file: file, contentType: "image/png", fileName: "resized.png")
  }
}
