// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Takes the bytes of one tensor while ``SafetensorsWriter`` writes it.
public struct TensorSink: ~Copyable {
  /// The number of bytes that are still to come.
  public private(set) var remainingByteCount: Int

  /// The file that is to hold the tensor.
  public var path: String { file.path }

  private let file: OutputFile
  private let tensor: String
  private let byteCount: Int

  init(file: OutputFile, tensor: String, byteCount: Int) {
    self.file = file
    self.tensor = tensor
    self.byteCount = byteCount
    remainingByteCount = byteCount
  }

  /// Writes the tensor's next bytes.
  ///
  /// - Parameter bytes: Elements, row-major and little endian; a piece may end within an element.
  /// - Throws: ``SafetensorsError`` with code `invalidArgument` for more bytes than the tensor has, and
  ///   `inputOutput` where the file cannot be written.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(SafetensorsError) {
    guard bytes.count <= remainingByteCount else {
      throw failure("more than its \(byteCount) bytes were given")
    }
    try unsafe file.append(bytes)
    remainingByteCount -= bytes.count
  }

  /// Writes the tensor's next bytes.
  ///
  /// - Parameter bytes: Elements, row-major and little endian; a piece may end within an element.
  /// - Throws: ``SafetensorsError`` with code `invalidArgument` for more bytes than the tensor has, and
  ///   `inputOutput` where the file cannot be written.
  public mutating func append(_ bytes: [UInt8]) throws(SafetensorsError) {
    try unsafe bytes.span.withUnsafeBytes { buffer throws(SafetensorsError) in
      try unsafe append(buffer)
    }
  }

  func finish() throws(SafetensorsError) {
    if remainingByteCount > 0 {
      throw failure("\(byteCount - remainingByteCount) of its \(byteCount) bytes were given")
    }
  }

  private func failure(_ message: String) -> SafetensorsError {
    SafetensorsError(.invalidArgument, path: file.path, tensor: tensor, message)
  }
}
