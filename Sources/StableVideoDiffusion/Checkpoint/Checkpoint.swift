// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors

/// A model's files, found and not yet loaded: a folder in diffusers' layout, or one safetensors file in
/// that of Stability's own code.
package struct Checkpoint: Sendable {
  /// The folder or the file.
  package let path: String
  private let variant: String?
  private let file: SingleFile?

  /// Finds a model.
  ///
  /// - Parameters:
  ///   - path: The folder that holds `model_index.json`, or a safetensors file.
  ///   - variant: The variant of a folder's weight files, as "fp16"; none for the plain files, or, where
  ///     there are none, the fp16 or bf16 ones.
  /// - Throws: ``ConfigurationError`` if there is no model of this kind, or a pickle, which is never
  ///   loaded; `SafetensorsError` if a single file cannot be read.
  package init(path: String, variant: String? = nil) throws {
    self.path = path
    self.variant = variant
    var isFolder = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let ending = path.split(separator: "/").last?.split(separator: ".").last?.lowercased() ?? ""
    guard exists && !isFolder || !exists && ending == "safetensors" else {
      file = nil
      try ModelIndex(ConfigurationFile(path: path + "/model_index.json")).check()
      return
    }
    try Pickle.refuse(path)
    let file = try SingleFile(path: path)
    self.file = file
    try ModelIndex(file.configuration("model_index.json")).check()
  }

  /// What a person calls the model: the last part of the path, without the ending of a single file.
  package var name: String {
    let name = URL(filePath: path).standardizedFileURL.lastPathComponent
    let ending = ".safetensors"
    return file != nil && name.hasSuffix(ending) ? String(name.dropLast(ending.count)) : name
  }

  /// Whether the model is one file.
  package var isSingleFile: Bool { file != nil }

  /// What a person should know of how the files were understood.
  package var remarks: [String] { file?.remarks ?? [] }

  /// The names of tensors that making clips does not need.
  package var spare: [String] { file?.spare ?? [] }

  /// One of the model's JSON files, by its place in the folder that the model is or would be.
  func configuration(_ name: String) -> ConfigurationFile {
    file?.configuration(name) ?? ConfigurationFile(path: "\(path)/\(name)")
  }

  /// The denoiser's configuration.
  ///
  /// - Throws: ``ConfigurationError``.
  package func unetConfiguration() throws(ConfigurationError) -> UNetConfiguration {
    try UNetConfiguration(configuration(ModelComponent.unet.configuration))
  }

  /// The autoencoder's configuration.
  ///
  /// - Throws: ``ConfigurationError``, also if `model_index.json` names the other class.
  package func vaeConfiguration() throws(ConfigurationError) -> VAEConfiguration {
    let vae = try VAEConfiguration(configuration(ModelComponent.vae.configuration))
    try ModelIndex(configuration("model_index.json")).check(vae)
    return vae
  }

  /// The image encoder's configuration.
  ///
  /// - Throws: ``ConfigurationError``.
  package func imageEncoderConfiguration() throws(ConfigurationError) -> CLIPVisionConfiguration {
    try CLIPVisionConfiguration(configuration(ModelComponent.imageEncoder.configuration))
  }

  /// How clips are sampled.
  ///
  /// - Throws: ``ConfigurationError``.
  func scheduler() throws(ConfigurationError) -> Scheduler {
    try Scheduler(configuration("scheduler/scheduler_config.json"))
  }

  /// What the model's makers recommend, and where they say nothing, what suits its sampler; empty where
  /// that is what all models are run with.
  ///
  /// - Throws: ``ConfigurationError``.
  package func recommendedSettings() throws(ConfigurationError) -> RecommendedSettings {
    var settings = try scheduler().recommended
    if hasRecommendations {
      settings.apply(try RecommendedSettings(configuration("zoetrope.json")))
    }
    return settings
  }

  /// Whether the model's makers say anything.
  var hasRecommendations: Bool {
    let source = configuration("zoetrope.json")
    return file != nil
      ? source.text != nil : FileManager.default.fileExists(atPath: source.path)
  }

  /// A component's tensors.
  ///
  /// - Parameters:
  ///   - component: The component.
  ///   - remarks: Receives what a person should know, as that another variant was used.
  /// - Returns: The tensors by diffusers' names.
  /// - Throws: `SafetensorsError` if weight files are missing or damaged.
  package func tensors(
    of component: ModelComponent,
    remarks: inout [String]
  ) throws -> any ComponentTensors {
    if let tensors = file?.tensors(of: component) { return tensors }
    return try ComponentFiles(folder: place(of: component), stem: component.stem)
      .open(variant, &remarks)
  }

  /// Where a component's tensors are, for messages.
  func place(of component: ModelComponent) -> String {
    file == nil ? "\(path)/\(component.rawValue)" : path
  }

  /// The folder that holds all files of the model, without a slash at the end.
  package var folder: String {
    let url = URL(filePath: path).standardizedFileURL
    let folder = (file == nil ? url : url.deletingLastPathComponent()).path
    return folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
  }

  /// The files that the weights are read from, as paths in ``folder``, component by component.
  ///
  /// - Throws: `SafetensorsError` if weight files are missing or damaged.
  package func weightFiles() throws -> [String] {
    if file != nil { return [URL(filePath: path).lastPathComponent] }
    var remarks: [String] = []
    return try ModelComponent.allCases.flatMap { component in
      let place = place(of: component)
      return try ComponentFiles(folder: place, stem: component.stem).open(variant, &remarks).files
        .map { "\(component.rawValue)/\($0.path.dropFirst(place.count + 1))" }
    }
  }

  /// The files beside the weights that a model is read from, as paths in ``folder``; the last one need
  /// not be there, and a model in one file has none.
  package var settingsFiles: [String] {
    guard file == nil else { return [] }
    return ["model_index.json"] + ModelComponent.allCases.map(\.configuration) + [
      "scheduler/scheduler_config.json", "feature_extractor/preprocessor_config.json",
      "zoetrope.json",
    ]
  }

  /// What the heads of the files tell of a component.
  package struct Part: Sendable {
    package let component: ModelComponent
    /// How many tensors it has.
    package let tensors: Int
    /// How many numbers they hold, and in how many bytes.
    package let weights, bytes: Int
    /// The kinds of the numbers, by their names in safetensors files, the most frequent first.
    package let types: [String]
  }

  /// What the heads of the files tell of the model's components.
  ///
  /// - Parameter remarks: Receives what a person should know, as that another variant was used.
  /// - Returns: One for each component.
  /// - Throws: `SafetensorsError`.
  package func parts(remarks: inout [String]) throws -> [Part] {
    try ModelComponent.allCases.map { component in
      let tensors = try tensors(of: component, remarks: &remarks)
      let layouts = tensors.names.compactMap { tensors.layout(of: $0) }
      let counts = layouts.reduce(into: [:]) { $0[$1.elementType.rawValue, default: 0] += 1 }
      return Part(
        component: component,
        tensors: layouts.count,
        weights: layouts.reduce(0) { $0 + $1.shape.reduce(1, *) },
        bytes: layouts.reduce(0) { $0 + $1.byteCount },
        types: counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
      )
    }
  }
}
