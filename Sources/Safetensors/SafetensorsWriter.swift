// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Writes tensors to a safetensors file, or to a folder of shards with an index.
///
/// The tensors are added first, which only takes note of them; then ``write(toFile:)`` or
/// ``write(toFolder:stem:variant:maximumShardByteCount:)`` asks for their bytes, one tensor at a time.
/// In a file, tensors with larger elements come first, and otherwise they keep the order in which they
/// were added: so each is aligned to its elements' size.
///
/// A file gets its name only when it is complete and on the disk; if anything fails, neither it nor a
/// part of it is left, and a file that had the name before is untouched.
public struct SafetensorsWriter {
  /// Text about the file, for the header's `__metadata__`; left out if empty.
  public var metadata: [String: String]

  private var tensors: [Tensor] = []
  private var names: Set<String> = []

  private struct Tensor {
    let name: String
    let elementType: ElementType
    let shape: [Int]
    let byteCount: Int
    let produce: (inout TensorSink) throws -> Void
  }

  /// Begins a file without tensors.
  ///
  /// - Parameter metadata: Text about the file. PyTorch's tools look for `format` with the value `pt`.
  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// Adds a tensor whose bytes are made when the file is written.
  ///
  /// - Parameters:
  ///   - name: A name that no other tensor of the checkpoint has.
  ///   - elementType: The kind of the elements.
  ///   - shape: The extents, outermost first; empty for a scalar.
  ///   - produce: Appends the tensor's bytes, row-major and little endian, in pieces of any size. It is
  ///     called once for each time that the tensor is written.
  /// - Throws: ``SafetensorsError`` with code `invalidArgument` for a name that is reserved or taken and
  ///   for a shape that is negative or too large.
  public mutating func add(
    _ name: String,
    elementType: ElementType,
    shape: [Int],
    produce: @escaping (inout TensorSink) throws -> Void
  ) throws(SafetensorsError) {
    func failure(_ message: String) -> SafetensorsError {
      SafetensorsError(.invalidArgument, path: "new file", tensor: name, message)
    }
    guard name != SafetensorsHeader.metadataKey else { throw failure("the name is reserved") }
    guard let extent = elementType.extent(ofShape: shape) else {
      throw failure("the shape \(shape) is negative or has more bytes than can be counted")
    }
    guard names.insert(name).inserted else { throw failure("the name is taken") }
    tensors.append(
      Tensor(
        name: name,
        elementType: elementType,
        shape: shape,
        byteCount: extent.byteCount,
        produce: produce
      )
    )
  }

  /// Adds a tensor that is in memory.
  ///
  /// - Parameters:
  ///   - name: A name that no other tensor of the checkpoint has.
  ///   - elementType: The kind of the elements.
  ///   - shape: The extents, outermost first; empty for a scalar.
  ///   - bytes: The elements, row-major and little endian.
  /// - Throws: ``SafetensorsError`` with code `invalidArgument` for a name that is reserved or taken, a
  ///   shape that is negative or too large, and a number of bytes that does not fit the shape.
  public mutating func add(
    _ name: String,
    elementType: ElementType,
    shape: [Int],
    bytes: [UInt8]
  ) throws(SafetensorsError) {
    if let extent = elementType.extent(ofShape: shape), extent.byteCount != bytes.count {
      throw SafetensorsError(
        .invalidArgument,
        path: "new file",
        tensor: name,
        "\(elementType.rawValue) of shape \(shape) has \(extent.byteCount) bytes, not \(bytes.count)"
      )
    }
    try add(name, elementType: elementType, shape: shape) { sink in try sink.append(bytes) }
  }

  /// Writes all tensors to one file.
  ///
  /// - Parameter path: The file, in a folder that exists; a file of that name is replaced.
  /// - Throws: ``SafetensorsError`` with code `inputOutput` where the file cannot be written, and
  ///   `invalidArgument` for a tensor that comes with a wrong number of bytes or for a header that is
  ///   too long; and what the closures given to `add` throw.
  public func write(toFile path: String) throws {
    try writtenFile(tensors, path: path).publish()
    try synchronizeFolder(folderPath(of: path))
  }

  /// Writes all tensors to a folder, in shards if they are too many for one file.
  ///
  /// The names are those that ``SafetensorsCheckpoint`` looks for. The tensors are dealt out in the order
  /// in which they were added. No file gets its name before all are complete, and the index comes last.
  ///
  /// - Parameters:
  ///   - folder: A folder that exists.
  ///   - stem: The part of the file names before the first point: `diffusion_pytorch_model` or `model`.
  ///   - variant: The kind of weights, such as `fp16`, which becomes part of the names.
  ///   - maximumShardByteCount: The most bytes of tensors in one file, above 0. A tensor that is larger
  ///     has a file to itself.
  /// - Throws: As ``write(toFile:)``, and ``SafetensorsError`` with code `invalidArgument` for a bad stem,
  ///   variant or size, and if shards are needed and the folder has a single file of the same name, which
  ///   readers would prefer.
  public func write(
    toFolder folder: String,
    stem: String,
    variant: String? = nil,
    maximumShardByteCount: Int = .max
  ) throws {
    let layout = try CheckpointLayout(folder: folder, stem: stem, variant: variant)
    guard maximumShardByteCount > 0 else {
      throw SafetensorsError(.invalidArgument, path: folder, "the size of a shard must be above 0")
    }
    let shards = shards(ofAtMost: maximumShardByteCount)
    guard shards.count > 1 else {
      return try write(toFile: layout.path(layout.single))
    }
    guard layout.firstPresent != layout.single else {
      throw SafetensorsError(
        .invalidArgument,
        path: layout.path(layout.single),
        "the file would be read in place of the shards; remove it first"
      )
    }
    var files: [OutputFile] = []
    var shardNames: [String: String] = [:]
    for (index, tensors) in shards.enumerated() {
      let name = layout.shard(index + 1, of: shards.count)
      files.append(try writtenFile(tensors, path: layout.path(name)))
      for tensor in tensors { shardNames[tensor.name] = name }
    }
    let index = try OutputFile(path: layout.path(layout.indices[0]))
    let totalByteCount = tensors.reduce(0) { $0 + $1.byteCount }
    try index.append(CheckpointIndex.text(shardNames: shardNames, totalByteCount: totalByteCount))
    try index.finish()
    for file in files + [index] { try file.publish() }
    try synchronizeFolder(folder)
  }

  private func shards(ofAtMost limit: Int) -> [[Tensor]] {
    var shards: [[Tensor]] = []
    var room = 0
    for tensor in tensors {
      if shards.isEmpty || tensor.byteCount > room {
        shards.append([])
        room = limit
      }
      shards[shards.count - 1].append(tensor)
      room -= min(room, tensor.byteCount)
    }
    return shards
  }

  /// The complete file for `path`, still under its temporary name.
  private func writtenFile(_ tensors: [Tensor], path: String) throws -> OutputFile {
    let arranged = tensors.enumerated().sorted { left, right in
      let (a, b) = (left.element.elementType.byteCount, right.element.elementType.byteCount)
      return a == b ? left.offset < right.offset : a > b
    }.map(\.element)
    let header = headerText(of: arranged)
    guard header.count <= SafetensorsHeader.byteLimit else {
      throw SafetensorsError(
        .invalidArgument,
        path: path,
        "the header would be \(header.count) bytes long, and \(SafetensorsHeader.byteLimit) are allowed"
      )
    }
    let file = try OutputFile(path: path)
    let length = UInt64(header.count)
    try file.append((0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + header)
    for tensor in arranged {
      var sink = TensorSink(file: file, tensor: tensor.name, byteCount: tensor.byteCount)
      try tensor.produce(&sink)
      try sink.finish()
    }
    try file.finish()
    return file
  }

  /// The header's text, padded to a multiple of 8 bytes so that the data begin at one.
  private func headerText(of tensors: [Tensor]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { key, value in
        "\(jsonString(key)):\(jsonString(value))"
      }
      members.append("\"\(SafetensorsHeader.metadataKey)\":{\(pairs.joined(separator: ","))}")
    }
    var begin = 0
    for tensor in tensors {
      let end = begin + tensor.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(jsonString(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\","
          + "\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}"
      )
      begin = end
    }
    var text = [UInt8]("{\(members.joined(separator: ","))}".utf8)
    text.append(contentsOf: repeatElement(0x20, count: (8 - text.count % 8) % 8))
    return text
  }
}
