// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Synchronization
public import TensorCore

/// A checkpoint seen from one place in its tree.
///
/// The path in Swift is the path in diffusers, character for character, so that
/// `weights.down_blocks[0].resnets[1].time_mixer.mix_factor` is found by searching for it. Every read
/// is remembered: after a model is built, `requireAllRead` finds tensors that it had no use for.
@dynamicMemberLookup
public struct Weights: Sendable {
  private let reader: Reader
  /// Where tensors are to live.
  public let backend: any Backend
  /// The names walked so far, joined by dots.
  private let path: String

  private final class Reader: Sendable {
    let source: any WeightSource
    let place: String
    let read = Mutex<Set<String>>([])

    init(source: any WeightSource, place: String) {
      self.source = source
      self.place = place
    }
  }

  /// Looks at a checkpoint from its root.
  ///
  /// - Parameters:
  ///   - source: Where tensors come from.
  ///   - backend: Where they are to live.
  ///   - place: The folder, for messages.
  public init(_ source: any WeightSource, backend: any Backend, place: String) {
    reader = Reader(source: source, place: place)
    self.backend = backend
    path = ""
  }

  private init(reader: Reader, backend: any Backend, path: String) {
    self.reader = reader
    self.backend = backend
    self.path = path
  }

  /// The same place of the same checkpoint, whose tensors are to live in full precision.
  public var inFullPrecision: Weights {
    Weights(reader: reader, backend: backend.inFullPrecision, path: path)
  }

  /// One level down, by name.
  public subscript(dynamicMember name: String) -> Weights {
    Weights(reader: reader, backend: backend, path: path.isEmpty ? name : path + "." + name)
  }

  /// One level down, by number.
  public subscript(index: Int) -> Weights { self[dynamicMember: String(index)] }

  /// Reads the tensor at this place.
  ///
  /// - Parameters:
  ///   - shape: The sizes that it must have.
  ///   - scale: What every element is multiplied by.
  /// - Returns: The tensor, as float32.
  /// - Throws: `WeightsError` with code `.missing`, `.shape`, `.type` or `.read`.
  public func tensor(_ shape: Shape, scale: Float = 1) throws(WeightsError) -> Tensor {
    try require(shape)
    return try reader.source.load(path, scale: scale, to: backend)
  }

  /// Reads a single number.
  ///
  /// - Throws: `WeightsError` with code `.missing`, `.shape`, `.type` or `.read`.
  public func number() throws(WeightsError) -> Float {
    let values = try wrapping { try self.tensor([1]).values() }
    return values.first ?? 0
  }

  /// Says that a tensor may be there and is deliberately not used.
  ///
  /// - Parameters:
  ///   - shape: The sizes that it must have if it is there.
  ///   - reason: Why the model does not need it; for the reader of the code.
  /// - Throws: `WeightsError` with code `.missing` or `.shape`.
  public func ignore(_ shape: Shape, because reason: StaticString) throws(WeightsError) {
    try require(shape)
  }

  /// Says that tensors under this place, if there are any, are not looked at.
  ///
  /// - Parameter reason: Why; for the reader of the code.
  public func skip(because reason: StaticString) {
    let skipped = reader.source.names.filter { $0 == path || $0.hasPrefix(path + ".") }
    reader.read.withLock { $0.formUnion(skipped) }
  }

  private func require(_ shape: Shape) throws(WeightsError) {
    guard let found = reader.source.shape(of: path, expected: shape) else {
      throw error(.missing, "is missing")
    }
    guard found == shape.dimensions else {
      throw error(.shape, "is \(Shape(found)), but the configuration asks for \(shape)")
    }
    _ = reader.read.withLock { $0.insert(path) }
  }

  /// Checks that the model has had a use for every tensor of the checkpoint.
  ///
  /// - Throws: `WeightsError` with code `.unexpected` for the first that it had none for.
  public func requireAllRead() throws(WeightsError) {
    let unread = reader.read.withLock { read in
      reader.source.names.filter { !read.contains($0) }.sorted()
    }
    guard let first = unread.first.map(reader.source.title(of:)) else { return }
    let others = unread.count > 1 ? " (and \(unread.count - 1) more)" : ""
    throw WeightsError(
      .unexpected,
      reader.place,
      first + others,
      "is in the checkpoint, but the configuration has no place for it"
    )
  }

  /// Uploads numbers that the program computed, beside the weights.
  ///
  /// - Parameters:
  ///   - values: Row-major elements.
  ///   - shape: Their shape.
  /// - Returns: The tensor.
  /// - Throws: `WeightsError` with code `.read` if memory is short.
  public func upload(_ values: [Float], _ shape: Shape) throws(WeightsError) -> Tensor {
    try wrapping { () throws(TensorError) in try backend.upload(values, shape: shape) }
  }

  /// Lays a weight out for its backend.
  ///
  /// - Parameter parts: Tensors to be stacked along their outputs.
  /// - Returns: The weight.
  /// - Throws: `WeightsError` with code `.read` if memory is short.
  public func prepare(_ parts: Tensor...) throws(WeightsError) -> any PreparedWeight {
    try wrapping { () throws(TensorError) in
      try backend.prepare(Tensor.concatenatingRows(parts))
    }
  }

  /// Runs tensor operations while building a model.
  ///
  /// - Parameter body: The operations.
  /// - Returns: What the body returns.
  /// - Throws: `WeightsError` with code `.read` where the body throws a `TensorError`; its own
  ///   `WeightsError` otherwise.
  public func wrapping<Value>(_ body: () throws -> Value) throws(WeightsError) -> Value {
    do { return try body() } catch let error as WeightsError { throw error } catch {
      throw self.error(.read, "could not be prepared: \(error)")
    }
  }

  private func error(_ code: WeightsError.Code, _ message: String) -> WeightsError {
    WeightsError(code, reader.place, reader.source.title(of: path), message)
  }
}
