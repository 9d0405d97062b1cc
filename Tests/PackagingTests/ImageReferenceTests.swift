// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Packaging
import Testing

struct `The name of an image` {
  @Test(arguments: [
    ("debian", "registry-1.docker.io/library/debian:latest"),
    ("team/app:1", "registry-1.docker.io/team/app:1"),
    ("docker.io/team/app", "registry-1.docker.io/team/app:latest"),
    ("localhost/app", "localhost/app:latest"),
    ("127.0.0.1:5000/a/b/c:x_Y.1", "127.0.0.1:5000/a/b/c:x_Y.1"),
    (
      "nvcr.io/nvidia/cuda:12.4.1-runtime-ubuntu22.04",
      "nvcr.io/nvidia/cuda:12.4.1-runtime-ubuntu22.04"
    ),
    (
      "ghcr.io/a/b:1@\(Digest(of: [1]))", "ghcr.io/a/b@\(Digest(of: [1]))"
    ),
  ])
  func `is read as Docker reads it`(text: String, whole: String) throws {
    #expect(try ImageReference(text).description == whole)
  }

  @Test(arguments: [
    "", "a b", "A/b", "x.y/", "x.y//a", "a:", "a:-x", "a@sha256:1", "x.y/../a", "x.y/a?b",
    "x.y@z/a",
  ])
  func `that it cannot be is refused`(text: String) {
    #expect(throws: PackagingError.self) { try ImageReference(text) }
  }
}
