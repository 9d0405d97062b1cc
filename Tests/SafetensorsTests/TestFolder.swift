// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Safetensors
import Testing

/// A folder of its own for one test, removed with everything in it when the test is over.
final class TestFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("safetensors-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  /// Writes `bytes` to a file called `name` and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(filePath: path(name)))
    return path(name)
  }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try write([UInt8](text.utf8), to: name)
  }

  /// Writes a safetensors file of `UInt8` vectors, each as long as its name and holding its text.
  @discardableResult
  func writeTensors(_ tensorNames: [String], to name: String) throws -> String {
    var writer = SafetensorsWriter()
    for tensor in tensorNames {
      let bytes = [UInt8](tensor.utf8)
      try writer.add(tensor, elementType: .uint8, shape: [bytes.count], bytes: bytes)
    }
    try writer.write(toFile: path(name))
    return path(name)
  }
}

/// The bytes of a safetensors file with `header` as it stands and `dataByteCount` zeros after it.
func fileBytes(header: [UInt8], dataByteCount: Int) -> [UInt8] {
  let length = UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + header
    + [UInt8](repeating: 0, count: dataByteCount)
}

extension SafetensorsFile {
  /// A copy of a tensor's bytes.
  func bytes(of name: String) -> [UInt8]? {
    unsafe withBytes(of: name) { unsafe [UInt8]($0) }
  }
}

extension SafetensorsCheckpoint {
  /// A copy of a tensor's bytes.
  func bytes(of name: String) -> [UInt8]? {
    unsafe withBytes(of: name) { unsafe [UInt8]($0) }
  }
}

/// The folder of the files that the tests of all modules share.
let fixtures = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures").path
