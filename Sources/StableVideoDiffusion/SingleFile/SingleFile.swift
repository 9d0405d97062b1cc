// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Safetensors

/// A whole model in one file, with the names of Stability's own code; a view of it as diffusers' parts.
final class SingleFile: Sendable {
  /// The file's path.
  let path: String
  /// What a person should know of how it was understood.
  let remarks: [String]
  /// The names of tensors that making clips does not need, sorted.
  let spare: [String]

  private let texts: [String: String]
  private let components: [ModelComponent: SingleFileTensors]

  /// What stands before a configuration file's name in the file's metadata, where `zoetrope convert` puts
  /// what tensors cannot tell.
  static let metadataPrefix = "zoetrope/"

  /// Maps a file and finds its parts.
  ///
  /// - Throws: `SafetensorsError` if it cannot be read, ``ConfigurationError`` if it holds no such model,
  ///   or a tensor that has no place in one.
  init(path: String) throws {
    let file = try SafetensorsFile(path: path)
    try Self.requireModel(file)
    var texts: [String: String] = [:]
    for (key, text) in file.metadata where key.hasPrefix(Self.metadataPrefix) {
      texts[String(key.dropFirst(Self.metadataPrefix.count))] = text
    }
    func carried(_ component: ModelComponent) -> ConfigurationFile? {
      let name = component.configuration
      return texts[name].map { ConfigurationFile(path: "\(path) (\(name))", text: $0) }
    }
    let unet =
      try carried(.unet).map { try UNetLayout(UNetConfiguration($0)) }
      ?? UNetLayout(names: file.names)
    var vae =
      try carried(.vae).map { try VAELayout(VAEConfiguration($0)) } ?? VAELayout(names: file.names)
    vae.encoderPrefix = VAELayout.encoderPrefix(names: file.names)
    let vision =
      try carried(.imageEncoder).map { try VisionLayout(CLIPVisionConfiguration($0)) }
      ?? VisionLayout(names: file.names)

    let tables: [ModelComponent: TensorNames] = [
      .unet: unet.names, .vae: vae.names, .imageEncoder: vision.names,
    ]
    let (pieces, spare) = try Self.sort(file, tables, vae)
    let components = tables.reduce(into: [:]) { components, entry in
      components[entry.key] = SingleFileTensors(file, entry.value, pieces[entry.key] ?? [:])
    }

    var remarks: [String] = []
    let inferred = InferredConfiguration(path: path)
    if texts[ModelComponent.unet.configuration] == nil, let tensors = components[.unet] {
      let frames = InferredConfiguration.frames(path: path)
      if frames == nil {
        remarks.append(
          "\(path): 25 frames are taken for what the model was trained for, since neither its tensors nor "
            + "its name tell"
        )
      }
      texts[ModelComponent.unet.configuration] = try inferred.unet(
        unet,
        tensors,
        frames: frames ?? 25
      )
    }
    if texts[ModelComponent.vae.configuration] == nil, let tensors = components[.vae] {
      texts[ModelComponent.vae.configuration] = try inferred.vae(vae, tensors)
    }
    if texts[ModelComponent.imageEncoder.configuration] == nil,
      let tensors = components[.imageEncoder]
    {
      texts[ModelComponent.imageEncoder.configuration] = try inferred.imageEncoder(vision, tensors)
    }
    for name in ["scheduler/scheduler_config.json", "feature_extractor/preprocessor_config.json"]
    where texts[name] == nil {
      texts[name] = TinyConfiguration.files[name]
    }
    if texts["model_index.json"] == nil {
      let index = TinyConfiguration.files["model_index.json"] ?? ""
      texts["model_index.json"] =
        vae.isTemporal
        ? index : index.replacing("AutoencoderKLTemporalDecoder", with: "AutoencoderKL")
    }
    self.path = path
    self.remarks = remarks
    self.spare = spare
    self.texts = texts
    self.components = components
  }

  /// The names of the configuration files that the model has, sorted.
  var configurations: [String] { texts.keys.sorted() }

  /// A file of the folder that the model would be; without text if it would not have it.
  func configuration(_ name: String) -> ConfigurationFile {
    ConfigurationFile(path: "\(path) (\(name))", text: texts[name])
  }

  /// A component's tensors.
  func tensors(of component: ModelComponent) -> SingleFileTensors? { components[component] }

  private static func requireModel(_ file: SafetensorsFile) throws(ConfigurationError) {
    let names = file.names
    func has(_ prefixes: String...) -> Bool {
      names.contains { name in prefixes.contains { name.hasPrefix($0) } }
    }
    func refuse(_ message: String) -> ConfigurationError {
      ConfigurationError(file.path, nil, message)
    }
    guard has(UNetLayout.prefix + ".") else {
      if names.contains(where: { LoRAKey($0)?.part == .down }) {
        throw refuse("holds a LoRA, which is added to a model: name it with --lora")
      }
      if has("down_blocks.", "vision_model.", "encoder.down_blocks.") {
        throw refuse(
          "holds one part of a model in diffusers' layout; give the folder that holds model_index.json"
        )
      }
      throw refuse(
        "holds no Stable Video Diffusion model: no tensor's name begins with \(UNetLayout.prefix)"
      )
    }
    guard names.contains(where: { $0.hasPrefix(UNetLayout.prefix) && $0.contains(".time_stack.") })
    else {
      throw refuse("holds a model of still pictures: its denoiser has no layers over time")
    }
    for (part, prefixes) in [
      ("image encoder", [VisionLayout.prefix + "."]),
      ("decoder", [VAELayout.firstStage + ".decoder."]),
      ("encoder", [VAELayout.conditioner + ".encoder.", VAELayout.firstStage + ".encoder."]),
    ] where !names.contains(where: { name in prefixes.contains { name.hasPrefix($0) } }) {
      throw refuse(
        "lacks the \(part): no tensor's name begins with \(prefixes.joined(separator: " or "))"
      )
    }
  }

  private typealias Pieces = [ModelComponent: [String: SingleFileTensors.Piece]]

  /// The tensors of each component, and the names of those that are not needed.
  private static func sort(
    _ file: SafetensorsFile,
    _ tables: [ModelComponent: TensorNames],
    _ vae: VAELayout
  ) throws(ConfigurationError) -> (Pieces, spare: [String]) {
    var pieces: Pieces = [:]
    var spare: [String] = []
    var unknown: [String] = []
    for name in file.names {
      guard let entry = file.entries[name] else { continue }
      var isKnown = false
      for (component, table) in tables {
        for ours in table.ours(of: name) {
          pieces[component, default: [:]][ours.name] = piece(entry, ours.form)
          isKnown = true
        }
      }
      guard !isKnown else { continue }
      if isSpare(name, vae) { spare.append(name) } else { unknown.append(name) }
    }
    if let first = unknown.min() {
      let others = unknown.count > 1 ? " (and \(unknown.count - 1) more)" : ""
      throw ConfigurationError(
        file.path,
        first + others,
        "is in the checkpoint, but has no place in a Stable Video Diffusion model"
      )
    }
    if vae.encoderPrefix == VAELayout.firstStage, pieces[.vae]?["quant_conv.weight"] == nil,
      let last = pieces[.vae]?["encoder.conv_out.weight"]?.layout, let size = last.shape.first
    {
      // It is part of the convolution before it.
      pieces[.vae]?["quant_conv.weight"] = identity(size, last.elementType)
      pieces[.vae]?["quant_conv.bias"] = zeros(size, last.elementType)
    }
    return (pieces, spare.sorted())
  }

  private static func piece(_ entry: TensorEntry, _ form: TensorForm) -> SingleFileTensors.Piece {
    var (form, shape) = (form, entry.shape)
    switch form {
    case .matrix where shape.count == 4 && shape[2...] == [1, 1]: shape.removeLast(2)
    case .transposed where shape.count == 2: shape.reverse()
    case .third where shape.first.map { $0 % 3 == 0 } == true: shape[0] /= 3
    // Sizes that are wrong are told when the model asks for others.
    default: form = .same
    }
    return SingleFileTensors.Piece(
      source: entry.name,
      form: form,
      layout: TensorLayout(elementType: entry.elementType, shape: shape)
    )
  }

  /// A convolution of one pixel that changes nothing.
  private static func identity(_ size: Int, _ type: ElementType) -> SingleFileTensors.Piece? {
    guard type.isFloatingPoint, (1...512).contains(size) else { return nil }
    let values = (0..<size * size).map { Float($0 % (size + 1) == 0 ? 1 : 0) }
    return made("quant_conv.weight", [size, size, 1, 1], values, type)
  }

  private static func zeros(_ size: Int, _ type: ElementType) -> SingleFileTensors.Piece? {
    guard type.isFloatingPoint, (1...512).contains(size) else { return nil }
    return made("quant_conv.bias", [size], [Float](repeating: 0, count: size), type)
  }

  private static func made(
    _ name: String,
    _ shape: [Int],
    _ values: [Float],
    _ type: ElementType
  ) -> SingleFileTensors.Piece {
    SingleFileTensors.Piece(
      source: name,
      form: .same,
      layout: TensorLayout(elementType: type, shape: shape),
      bytes: unsafe values.withUnsafeBytes { bytes in
        unsafe ElementType.float32.convert(bytes, to: type)
      }
    )
  }

  /// Whether a tensor is known to be of no use for clips of pictures.
  private static func isSpare(_ name: String, _ vae: VAELayout) -> Bool {
    let clip = "conditioner.embedders.0.open_clip."
    var prefixes = [
      // A second, averaged copy of the denoiser, and noise levels that its sampler makes by itself.
      "model_ema.", "denoiser.",
      // The half of CLIP that reads text.
      clip + "model.transformer.", clip + "model.ln_final.", clip + "model.token_embedding.",
      clip + "model.positional_embedding", clip + "model.text_projection",
      clip + "model.logit_scale", clip + "model.logit_bias", clip + "model.attn_mask",
      clip + "mean", clip + "std",
      // Pictures are encoded here, and decoded elsewhere.
      VAELayout.conditioner + ".decoder.", VAELayout.conditioner + ".post_quant_conv.",
      VAELayout.conditioner + ".loss.", VAELayout.firstStage + ".loss.",
    ]
    if vae.encoderPrefix == VAELayout.conditioner {
      prefixes += [VAELayout.firstStage + ".encoder.", VAELayout.firstStage + ".quant_conv."]
    }
    return prefixes.contains { name.hasPrefix($0) }
  }
}
