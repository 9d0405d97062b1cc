// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import Safetensors
internal import TensorCore

/// One component of a single-file checkpoint: its tensors by diffusers' names, read where they lie.
final class SingleFileTensors: ComponentTensors {
  /// A tensor, and what it is made of.
  struct Piece {
    /// What the file calls it.
    let source: String
    let form: TensorForm
    let layout: TensorLayout
    /// Its bytes, where the file has none.
    var bytes: [UInt8]?
  }

  private let file: SafetensorsFile
  private let table: TensorNames
  private let pieces: [String: Piece]

  /// - Parameters:
  ///   - file: The checkpoint.
  ///   - table: The component's names.
  ///   - pieces: Its tensors by diffusers' names.
  init(_ file: SafetensorsFile, _ table: TensorNames, _ pieces: [String: Piece]) {
    self.file = file
    self.table = table
    self.pieces = pieces
  }

  var names: [String] { Array(pieces.keys) }

  var totalByteCount: Int { pieces.values.reduce(0) { $0 + $1.layout.byteCount } }

  func title(of name: String) -> String { table.theirs(of: name)?.name ?? name }

  func shape(of name: String, expected: Shape) -> [Int]? { pieces[name]?.layout.shape }

  func layout(of name: String) -> TensorLayout? { pieces[name]?.layout }

  func withBytes<Result, Failure: Error>(
    of name: String,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let piece = pieces[name] else { return nil }
    if let bytes = piece.bytes {
      return try unsafe bytes.span.withUnsafeBytes { bytes throws(Failure) in try unsafe body(bytes)
      }
    }
    return try unsafe file.withBytes(of: piece.source) { bytes throws(Failure) in
      switch piece.form {
      case .same, .matrix: return try unsafe body(bytes)
      case .third(let index):
        let count = bytes.count / 3
        return try unsafe body(
          UnsafeRawBufferPointer(rebasing: bytes[index * count..<(index + 1) * count])
        )
      case .transposed:
        let turned = unsafe Self.transposed(bytes, piece.layout)
        return try unsafe turned.span.withUnsafeBytes { bytes throws(Failure) in
          try unsafe body(bytes)
        }
      }
    }
  }

  func discardPages(of name: String) {
    if let piece = pieces[name], piece.bytes == nil { file.discardPages(of: piece.source) }
  }

  func load(_ name: String, scale: Float, to backend: any Backend) throws(WeightsError) -> Tensor {
    let tensor = try unsafe withBytes(of: name) { bytes throws(WeightsError) in
      let layout = pieces[name]?.layout
      return try unsafe upload(
        bytes,
        layout?.elementType ?? .uint8,
        layout?.shape ?? [],
        scale: scale,
        WeightPlace(folder: file.path, tensor: title(of: name)),
        to: backend
      )
    }
    // The numbers are copied; keeping the file's pages mapped would count them twice.
    discardPages(of: name)
    guard let tensor else {
      throw WeightsError(.missing, file.path, title(of: name), "is missing")
    }
    return tensor
  }

  /// A matrix by columns; `layout` is what it becomes.
  static func transposed(_ bytes: UnsafeRawBufferPointer, _ layout: TensorLayout) -> [UInt8] {
    let (rows, columns) = (layout.shape[0], layout.shape[1])
    let size = layout.elementType.byteCount
    return unsafe [UInt8](unsafeUninitializedCapacity: bytes.count) { output, count in
      for row in 0..<rows {
        for column in 0..<columns {
          let (from, to) = ((column * rows + row) * size, (row * columns + column) * size)
          for byte in 0..<size { unsafe output[to + byte] = bytes[from + byte] }
        }
      }
      count = bytes.count
    }
  }
}
