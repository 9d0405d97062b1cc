// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
package import Safetensors

/// Writes a model in another layout, in shards of another size, or with numbers of another kind.
///
/// One tensor at a time is looked at and written, in pieces.
package struct CheckpointConversion {
  /// How a model is written.
  package enum Layout: Sendable {
    /// One file, in the layout of Stability's own code.
    case singleFile
    /// A folder in diffusers' layout.
    ///
    /// - Parameters:
    ///   - variant: The variant that the weight files are called; none for the plain names.
    ///   - maximumShardByteCount: The most bytes of tensors in one file.
    case folder(variant: String?, maximumShardByteCount: Int)
  }

  private let source: Checkpoint
  private let layout: Layout
  /// The tensors of each file, or of each component.
  private let parts: [(component: ModelComponent?, tensors: [ConvertedTensor])]
  /// What a person should know of how the source was understood.
  package let remarks: [String]

  /// The size of all tensors that will be written, in bytes.
  package var byteCount: Int {
    parts.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.byteCount } }
  }

  /// Plans a conversion, which reads the heads of the files only.
  ///
  /// - Parameters:
  ///   - source: The model.
  ///   - layout: How it is written.
  ///   - elementType: A floating-point kind to write all floating-point numbers as; nil for the kind that
  ///     each has. Of 8 bits only those of tensors of two axes and more are made.
  /// - Throws: ``ConfigurationError`` or `SafetensorsError` if the model cannot be read, or has a tensor
  ///   that the layout has no place for; `WeightsError` if a tensor is missing or is of other sizes than
  ///   the configuration says.
  package init(_ source: Checkpoint, to layout: Layout, elementType: ElementType? = nil) throws {
    var remarks = source.remarks
    var components: [ModelComponent: any ComponentTensors] = [:]
    for component in ModelComponent.allCases {
      components[component] = try source.tensors(of: component, remarks: &remarks)
    }
    try source.checkCompleteness(of: components)
    self.source = source
    self.layout = layout
    self.remarks = remarks
    switch layout {
    case .singleFile:
      let plan = SingleFilePlan(source: source, elementType: elementType)
      parts = [(nil, try plan.tensors(components))]
    case .folder:
      parts = components.sorted { $0.key.rawValue < $1.key.rawValue }.map { component, tensors in
        let converted = tensors.names.sorted().compactMap { name -> ConvertedTensor? in
          guard let layout = tensors.layout(of: name) else { return nil }
          let type = layout.elementType
          return ConvertedTensor(
            name: name,
            shape: layout.shape,
            source: type,
            target: type.written(as: elementType, shape: layout.shape),
            tensors: tensors,
            content: .copied([name])
          )
        }
        return (component, converted)
      }
    }
  }

  /// Writes the model, which has its name only when all of it is there.
  ///
  /// - Parameters:
  ///   - path: The file or the folder.
  ///   - replaces: Whether a model that is there already is replaced.
  ///   - progress: Told how many bytes of tensors are written.
  /// - Throws: ``ConfigurationError`` if there is something already that is not to be replaced, or is no
  ///   model, and if a number is too large for its new kind; `SafetensorsError` if files cannot be written;
  ///   `CancellationError`. Nothing is left of what was begun.
  package func write(
    to path: String,
    replaces: Bool = false,
    progress: @escaping (Int) -> Void = { _ in }
  ) throws {
    try check(path, replaces: replaces)
    var done = 0
    let count = { (bytes: Int) in
      done += bytes
      progress(done)
    }
    switch layout {
    case .singleFile:
      var metadata = ["format": "pt"]
      for (name, text) in try texts() { metadata[SingleFile.metadataPrefix + name] = text }
      for part in parts {
        try writer(part.tensors, metadata, count).write(toFile: path)
      }
    case .folder(let variant, let maximumShardByteCount):
      let temporary = Self.nameBeside(path)
      defer { try? FileManager.default.removeItem(atPath: temporary) }
      try FullConfiguration.write(texts(), to: temporary)
      for part in parts {
        guard let component = part.component else { continue }
        try writer(part.tensors, ["format": "pt"], count).write(
          toFolder: "\(temporary)/\(component.rawValue)",
          stem: component.stem,
          variant: variant,
          maximumShardByteCount: maximumShardByteCount
        )
      }
      try Self.move(temporary, to: path)
    }
  }

  private func writer(
    _ tensors: [ConvertedTensor],
    _ metadata: [String: String],
    _ count: @escaping (Int) -> Void
  ) throws -> SafetensorsWriter {
    var writer = SafetensorsWriter(metadata: metadata)
    for tensor in tensors {
      try writer.add(tensor.name, elementType: tensor.target, shape: tensor.shape) { sink in
        try tensor.write(to: &sink, progress: count)
      }
    }
    return writer
  }

  /// The model's configuration files by their places in its folder.
  private func texts() throws(ConfigurationError) -> [String: String] {
    var texts: [String: String] = [:]
    let names =
      ModelComponent.allCases.map(\.configuration) + [
        "model_index.json", "scheduler/scheduler_config.json",
        "feature_extractor/preprocessor_config.json",
      ]
    for name in names {
      texts[name] = String(decoding: try source.configuration(name).data(), as: UTF8.self)
    }
    if source.hasRecommendations {
      let data = try source.configuration("zoetrope.json").data()
      texts["zoetrope.json"] = String(decoding: data, as: UTF8.self)
    }
    return texts
  }

  private func check(_ path: String, replaces: Bool) throws(ConfigurationError) {
    let files = FileManager.default
    var isFolder = false
    guard files.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard replaces else {
      throw ConfigurationError(path, nil, "is there already; --force replaces it")
    }
    switch layout {
    case .singleFile where isFolder:
      throw ConfigurationError(path, nil, "is a folder, which a file does not replace")
    case .folder where !isFolder:
      throw ConfigurationError(path, nil, "is a file, which a folder does not replace")
    case .folder where !files.fileExists(atPath: path + "/model_index.json"):
      let content = try? files.contentsOfDirectory(atPath: path)
      if content?.isEmpty != true {
        throw ConfigurationError(path, nil, "holds no model, and is not replaced by one")
      }
    default: break
    }
  }

  /// Gives a folder its name, in the place of what has it.
  private static func move(_ folder: String, to path: String) throws(ConfigurationError) {
    let files = FileManager.default
    let old = nameBeside(path)
    do {
      let exists = files.fileExists(atPath: path)
      if exists { try files.moveItem(atPath: path, toPath: old) }
      do { try files.moveItem(atPath: folder, toPath: path) } catch {
        if exists { try? files.moveItem(atPath: old, toPath: path) }
        throw error
      }
      if exists { try files.removeItem(atPath: old) }
    } catch { throw ConfigurationError(path, nil, "cannot be put in its place: \(error)") }
  }

  /// A name in the same folder that nothing has.
  private static func nameBeside(_ path: String) -> String {
    let url = URL(filePath: path).standardizedFileURL
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    return url.deletingLastPathComponent().path + "/." + url.lastPathComponent + ".\(suffix).tmp"
  }
}
