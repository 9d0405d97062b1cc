// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Subprocess

/// Has ffmpeg make another picture of one; what it cannot read is the client's mistake.
func ffmpeg(_ picture: String, _ filter: String, in folder: String) async throws -> String {
  let file = "\(folder)/made.png"
  let result = try await run(
    .name("ffmpeg"),
    arguments: ["-v", "error", "-i", picture, "-frames:v", "1", "-vf", filter, file],
    output: .discarded,
    error: .discarded
  )
  guard result.terminationStatus.isSuccess else {
    throw ServingError([InputProblem("image_invalid", field: "image", "image is no picture")])
  }
  return file
}
