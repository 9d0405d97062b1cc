// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Packaging
import StableVideoDiffusion
import VideoService

extension LoRA {
  /// Reads `PATH` or `PATH:SCALE`; a file that has the whole text for its name goes first.
  ///
  /// - Throws: As `LoRA.init`.
  init(argument text: String) throws {
    guard !FileManager.default.fileExists(atPath: text), let colon = text.lastIndex(of: ":"),
      let scale = Float(text[text.index(after: colon)...])
    else {
      try self.init(text)
      return
    }
    try self.init(String(text[..<colon]), scale: scale)
  }

  /// What the file is called.
  var name: String { URL(filePath: path).standardizedFileURL.lastPathComponent }

  /// What is remembered of it where models are remembered.
  var adapter: ClipAdapter {
    ClipAdapter(path: URL(filePath: path).standardizedFileURL.path, title: "\(name):\(scale)")
  }

  /// What a clip tells of it.
  ///
  /// - Throws: `PackagingError` if the file cannot be read.
  func record() throws -> ClipRecord.Adapter {
    ClipRecord.Adapter(name: name, scale: scale, sha256: try Files.digest(path).hex)
  }
}
