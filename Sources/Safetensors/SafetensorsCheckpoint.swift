// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The weights of one component of a model: a single safetensors file, or shards with an index.
///
/// The names follow diffusers and transformers. With the stem `model`, these are looked for in order,
/// and the first that is there is taken, whatever state it is in:
///
/// 1. with the variant `fp16`: `model.fp16.safetensors`, `model.safetensors.index.fp16.json`,
///    `model.safetensors.fp16.index.json`;
/// 2. `model.safetensors`, `model.safetensors.index.json`.
public final class SafetensorsCheckpoint: Sendable {
  /// The folder given to ``init(folder:stem:variant:)``.
  public let folder: String
  /// The files that hold the tensors: one, or the shards sorted by name.
  public let files: [SafetensorsFile]
  /// The tensors' names, file by file, and in each file in the order of their bytes.
  ///
  /// Tensors that a shard holds without the index saying so are among them.
  public let names: [String]
  /// The variant that was found; `nil` for files without one.
  public let usedVariant: String?
  /// One line about a variant that was asked for and is not there, else `nil`.
  public let warning: String?

  private let fileIndices: [String: Int]

  /// Finds, maps and checks the checkpoint called `stem` in `folder`.
  ///
  /// - Parameters:
  ///   - folder: The component's folder.
  ///   - stem: The part of the file names before the first point: `diffusion_pytorch_model` or `model`.
  ///   - variant: The kind of weights to prefer, such as `fp16`. If the folder has none of that kind,
  ///     those without a variant are taken, and ``warning`` says so.
  /// - Throws: ``SafetensorsError`` with code `notFound` where the folder, the checkpoint or a shard is
  ///   missing, `malformedIndex` where index and shards disagree, `invalidArgument` for a stem or
  ///   variant that is no part of a file name, and the errors of ``SafetensorsFile/init(path:)``.
  public init(folder: String, stem: String, variant: String?) throws(SafetensorsError) {
    let wanted = try CheckpointLayout(folder: folder, stem: stem, variant: variant)
    let plain = try wanted.plain
    let layouts = variant == nil ? [plain] : [wanted, plain]
    let found = layouts.lazy.compactMap { layout in
      layout.firstPresent.map { (layout, name: $0) }
    }.first
    guard let (layout, name) = found else {
      throw Self.nothingFound(in: folder, lookingFor: layouts.flatMap(\.candidates))
    }
    if name == layout.single {
      files = [try SafetensorsFile(path: layout.path(name))]
      fileIndices = files[0].entries.mapValues { _ in 0 }
    } else {
      (files, fileIndices) = try Self.openShards(layout, indexName: name)
    }
    self.folder = folder
    names = files.flatMap(\.names)
    usedVariant = layout.variant
    if let variant, layout.variant == nil {
      warning = "\(folder): there is no variant \(quoted(variant)) of \(stem); using \(name)"
    } else {
      warning = nil
    }
  }

  private static func openShards(
    _ layout: CheckpointLayout,
    indexName: String
  ) throws(SafetensorsError) -> ([SafetensorsFile], [String: Int]) {
    let indexPath = layout.path(indexName)
    let index = try CheckpointIndex(path: indexPath)
    let shards = index.files
    var files: [SafetensorsFile] = []
    var fileIndices: [String: Int] = [:]
    for (number, shard) in shards.enumerated() {
      let file: SafetensorsFile
      do throws(SafetensorsError) {
        file = try SafetensorsFile(path: layout.path(shard))
      } catch  where error.code == .notFound {
        throw SafetensorsError(
          .notFound,
          path: error.path,
          "the shard is named by \(indexName) and is not there; fetch the checkpoint again"
        )
      }
      for name in file.names {
        if let other = fileIndices.updateValue(number, forKey: name) {
          throw SafetensorsError(
            .malformedIndex,
            path: indexPath,
            tensor: name,
            "both \(quoted(shards[other])) and \(quoted(shard)) hold it"
          )
        }
      }
      files.append(file)
    }
    for (name, shard) in index.shardNames.sorted(by: { $0.key < $1.key }) {
      let holder = fileIndices[name].map { shards[$0] }
      guard holder != shard else { continue }
      let place = holder.map { "\(quoted($0)) holds it" } ?? "no shard holds it"
      throw SafetensorsError(
        .malformedIndex,
        path: indexPath,
        tensor: name,
        "weight_map puts it in \(quoted(shard)), but \(place)"
      )
    }
    return (files, fileIndices)
  }

  private static func nothingFound(
    in folder: String,
    lookingFor candidates: [String]
  ) -> SafetensorsError {
    let wanted = candidates.joined(separator: ", ")
    guard let present = fileNames(inFolder: folder) else {
      return SafetensorsError(
        .notFound,
        path: folder,
        "there is no such folder, or it cannot be read; it should hold one of \(wanted)"
      )
    }
    func listed(_ names: [String]) -> String {
      names.prefix(8).map(quoted).joined(separator: ", ")
        + (names.count > 8 ? " and \(names.count - 8) more" : "")
    }
    var message = "none of these files is there: \(wanted)"
    let others = present.filter { $0.contains(".safetensors") }
    let pickles = present.filter { name in
      [".bin", ".ckpt", ".pt", ".pth"].contains { name.hasSuffix($0) }
    }
    if !others.isEmpty {
      message += "; the folder has \(listed(others))"
    }
    if !pickles.isEmpty {
      message +=
        "; \(listed(pickles)) may hold a pickle, which is a program and is "
        + "never run: save the checkpoint again as safetensors"
    }
    return SafetensorsError(.notFound, path: folder, message)
  }

  /// The tensors' size in bytes, together.
  public var totalByteCount: Int { files.reduce(0) { $0 + $1.totalByteCount } }

  /// What the checkpoint says about a tensor.
  ///
  /// - Parameter name: The tensor's name.
  /// - Returns: Its entry, or `nil` if there is no such tensor.
  public func entry(_ name: String) -> TensorEntry? {
    file(holding: name)?.entries[name]
  }

  /// The file with a tensor.
  ///
  /// - Parameter name: The tensor's name.
  /// - Returns: One of ``files``, or `nil` if there is no such tensor.
  public func file(holding name: String) -> SafetensorsFile? {
    fileIndices[name].map { files[$0] }
  }

  /// Calls `body` with the bytes of a tensor, as ``SafetensorsFile/withBytes(of:_:)`` does.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - body: Reads the bytes; touching them may wait for the disk.
  /// - Returns: What `body` returns, or `nil`, without calling it, if there is no such tensor.
  /// - Throws: What `body` throws, and nothing else.
  public func withBytes<Result: ~Copyable, Failure: Error>(
    of name: String,
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result? {
    guard let file = file(holding: name) else { return nil }
    return try unsafe file.withBytes(of: name, body)
  }

  /// Gives back the memory that a tensor's pages take, because its data have been copied elsewhere.
  ///
  /// - Parameter name: The tensor's name; an unknown one does nothing.
  public func discardPages(of name: String) {
    file(holding: name)?.discardPages(of: name)
  }

  /// Asks the system to begin reading a tensor's pages, without waiting for them.
  ///
  /// - Parameter name: The tensor's name; an unknown one does nothing.
  public func willNeed(_ name: String) {
    file(holding: name)?.willNeed(name)
  }
}
