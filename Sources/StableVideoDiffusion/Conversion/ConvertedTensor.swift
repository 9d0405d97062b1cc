// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import Safetensors

/// A tensor that a conversion writes: its name and sizes there, and where its numbers come from.
struct ConvertedTensor {
  /// Where numbers come from.
  enum Content {
    /// Tensors of one kind behind each other.
    case copied([String])
    /// A matrix by columns.
    case transposed(String)
    /// Numbers that were computed.
    case made([Float])
  }

  let name: String
  let shape: [Int]
  /// The kind of the numbers at their source.
  let source: ElementType
  /// The kind that they are written as.
  let target: ElementType
  let tensors: any ComponentTensors
  let content: Content

  var byteCount: Int { shape.reduce(target.byteCount, *) }

  /// How much is looked at and written at once, in bytes of the source.
  private static let pieceByteCount = 8 << 20

  /// Writes the numbers.
  ///
  /// - Parameters:
  ///   - sink: Where to.
  ///   - progress: Told of each piece's bytes once it is written.
  /// - Throws: `SafetensorsError`; ``ConfigurationError`` for a number that the new kind cannot hold;
  ///   `CancellationError`.
  func write(to sink: inout TensorSink, progress: (Int) -> Void) throws {
    switch content {
    case .copied(let names):
      for name in names {
        try unsafe tensors.withBytes(of: name) { bytes in
          try unsafe write(bytes, source, to: &sink, progress)
        }
        // What was written is not looked at again, and the next tensor needs the memory.
        tensors.discardPages(of: name)
      }
    case .transposed(let name):
      let layout = TensorLayout(elementType: source, shape: shape)
      let turned = unsafe tensors.withBytes(of: name) { bytes in
        unsafe SingleFileTensors.transposed(bytes, layout)
      }
      try unsafe (turned ?? []).withUnsafeBytes { bytes in
        try unsafe write(bytes, source, to: &sink, progress)
      }
    case .made(let values):
      try unsafe values.withUnsafeBytes { bytes in
        try unsafe write(bytes, .float32, to: &sink, progress)
      }
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer,
    _ type: ElementType,
    to sink: inout TensorSink,
    _ progress: (Int) -> Void
  ) throws {
    // The size of a piece is a multiple of every element's.
    for start in stride(from: 0, to: bytes.count, by: Self.pieceByteCount) {
      try Task.checkCancellation()
      let end = min(start + Self.pieceByteCount, bytes.count)
      let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      if type == target {
        try unsafe sink.append(piece)
      } else {
        guard let converted = unsafe type.convert(piece, to: target) else {
          throw ConfigurationError(
            sink.path,
            name,
            "holds a number that is too large for \(target.rawValue); bfloat16 and float32 hold it"
          )
        }
        try sink.append(converted)
      }
      progress((end - start) / type.byteCount * target.byteCount)
    }
  }
}
