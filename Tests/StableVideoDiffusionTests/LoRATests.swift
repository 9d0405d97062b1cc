// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite("LoRA") struct LoRATests {
  /// As diffusers saves one that peft trained: of every layer, with peft's settings in its head.
  private static let file = Fixtures.folder + "/lora/lora.safetensors"
  private static let golden = Result {
    try SafetensorsFile(path: Fixtures.folder + "/lora/golden.safetensors")
  }
  /// The scale that the golden numbers were made with.
  private static let scale: Float = 0.75
  private static let backend = CPUBackend()

  private static func adapted(_ path: String, scale: Float = scale) throws -> AdaptedTensors {
    let checkpoint = try Checkpoint(path: Tiny.folder, variant: "fp16")
    var remarks: [String] = []
    return try checkpoint.adding(
      [LoRA(path, scale: scale)],
      to: checkpoint.tensors(of: .unet, remarks: &remarks)
    )
  }

  private static func values(_ name: String, _ tensors: AdaptedTensors) throws -> [Float] {
    try tensors.load(name + ".weight", scale: 1, to: backend).values()
  }

  /// The layers whose sums the fixture has.
  private static func kept() throws -> [String] {
    try golden.get().names.filter { ($0.contains("_") || $0.contains(".")) }
  }

  @Test func `every layer is found, and every rank`() throws {
    let file = try Self.adapted(Self.file).files[0]
    #expect(file.layerCount == 329)
    #expect(file.ranks == [2, 3])
    #expect(try Self.kept().count == 7)
  }

  /// The fixture under the names of another program, with the factors as tensors.
  private static func write(
    _ path: String,
    alpha: String?,
    _ rename: (_ layer: String, _ isUp: Bool) -> String
  ) throws {
    var stored = try StoredTensors(file)
    stored.metadata = ["format": "pt"]
    var renamed: [String: StoredTensors.Tensor] = [:]
    for (name, tensor) in stored.tensors {
      let words = name.dropFirst("unet.".count).split(separator: ".")
      let layer = words.dropLast(2).joined(separator: ".")
      let isUp = words[words.count - 2] == "lora_B"
      let other = rename(layer, isUp)
      renamed[other] = tensor
      guard let alpha, !isUp else { continue }
      let value: Float = layer == "conv_in" ? 6 : layer.hasSuffix("attn1.to_q") ? 1 : 3
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
      let place = other.replacing("lora_down.weight", with: alpha).replacing(
        "lora.down.weight",
        with: alpha
      )
      renamed[place] = .init(type: .float32, shape: [], bytes: bytes)
    }
    stored.tensors = renamed
    try stored.write(path)
  }

  @Test func `the names of kohya's scripts and of attention processors are understood`() throws {
    let folder = try TemporaryFolder()
    let kohya = folder.path + "/kohya.safetensors"
    try Self.write(kohya, alpha: "alpha") { layer, isUp in
      "lora_unet_\(layer.replacing(".", with: "_")).lora_\(isUp ? "up" : "down").weight"
    }
    let processors = folder.path + "/processors.safetensors"
    try Self.write(processors, alpha: "lora.alpha") { layer, isUp in
      let end = ".\(isUp ? "up" : "down").weight"
      guard layer.contains(".attn") else { return "unet.\(layer).lora\(end)" }
      let words = layer.replacing(".to_out.0", with: ".to_out").split(separator: ".")
      return
        "unet.\(words.dropLast().joined(separator: ".")).processor.\(words.last ?? "")_lora\(end)"
    }
    let theirs = folder.path + "/theirs.safetensors"
    let table = UNetLayout(
      try UNetConfiguration(path: Tiny.folder + "/unet/config.json")
    ).names
    try Self.write(theirs, alpha: "alpha") { layer, isUp in
      let name = table.theirs(of: layer)?.name ?? ""
      return "\(name.dropFirst("model.".count)).lora_\(isUp ? "up" : "down").weight"
    }
    let joined = folder.path + "/joined.safetensors"
    try Self.write(joined, alpha: "alpha") { layer, isUp in
      let name = (table.theirs(of: layer)?.name ?? "").dropFirst("model.diffusion_model.".count)
      return "lora_unet_\(name.replacing(".", with: "_")).lora_\(isUp ? "up" : "down").weight"
    }
    let first = try Self.adapted(Self.file)
    for path in [kohya, processors, theirs, joined] {
      let other = try Self.adapted(path)
      #expect(other.files[0].layerCount == 329, "\(path)")
      for name in try Self.kept() {
        #expect(try Self.values(name, other) == Self.values(name, first), "\(path): \(name)")
      }
    }
  }

  @Test func `peft's own folder is read with the settings beside it`() throws {
    let folder = try TemporaryFolder()
    var stored = try StoredTensors(Self.file)
    let settings = stored.metadata["lora_adapter_metadata"] ?? ""
    stored.metadata = [:]
    stored.tensors = Dictionary(
      uniqueKeysWithValues: stored.tensors.map {
        ("base_model.model." + $0.key.dropFirst("unet.".count), $0.value)
      }
    )
    try stored.write(folder.path + "/adapter_model.safetensors")
    try folder.write(settings.replacing("unet.", with: ""), to: "adapter_config.json")
    let (first, other) = (try Self.adapted(Self.file), try Self.adapted(folder.path))
    for name in try Self.kept() {
      #expect(try Self.values(name, other) == Self.values(name, first), "\(name)")
    }
  }

  @Test func `a scale of zero changes nothing, and the digest tells one scale from another`() throws
  {
    func model(_ loras: [LoRA]) throws -> StableVideoDiffusionModel {
      try StableVideoDiffusionModel(
        folder: Tiny.folder,
        variant: "fp16",
        loras: loras,
        backend: Self.backend
      )
    }
    let plain = try Tiny.pipeline.get().model
    let half = try model([LoRA(Self.file, scale: 0.5)])
    let whole = try model([LoRA(Self.file)])
    #expect(Set([plain.digest, half.digest, whole.digest]).count == 3)
    #expect(try model([LoRA(Self.file, scale: 0.5)]).digest == half.digest)

    let none = try Self.adapted(Self.file, scale: 0)
    let checkpoint = try Checkpoint(path: Tiny.folder, variant: "fp16")
    var remarks: [String] = []
    let tensors = try checkpoint.tensors(of: .unet, remarks: &remarks)
    for name in try Self.kept() {
      let before = try tensors.load(name + ".weight", scale: 1, to: Self.backend).values()
      #expect(try Self.values(name, none) == before, "\(name)")
    }
    // Two halves are a whole.
    let twice = try checkpoint.adding(
      [LoRA(Self.file, scale: 0.25), LoRA(Self.file, scale: 0.5)],
      to: tensors
    )
    let once = try Self.adapted(Self.file)
    for name in try Self.kept() {
      expectClose(try Self.values(name, twice), try Self.values(name, once), within: 1e-6, name)
    }
  }

  @Test func `tensors for a text encoder are passed over, and said`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/both.safetensors"
    var stored = try StoredTensors(Self.file)
    let some = try #require(stored.tensors.values.first)
    stored.tensors["text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight"] = some
    stored.tensors["lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha"] = some
    try stored.write(path)
    let file = try Self.adapted(path).files[0]
    #expect(file.layerCount == 329)
    #expect(
      file.remarks == [
        "\(path): 2 tensors are for a model that reads text, and are not used"
      ]
    )
  }

  @Test func `what does not fit is one line that names the file and the tensor`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/bad.safetensors"
    let layer = "unet.mid_block.attentions.0.proj_in"
    let (down, up) = (layer + ".lora_A.weight", layer + ".lora_B.weight")
    func refused(_ words: String..., change: (inout StoredTensors) -> Void) throws {
      var stored = try StoredTensors(Self.file)
      stored.tensors = stored.tensors.filter { $0.key.hasPrefix(layer + ".") }
      change(&stored)
      try stored.write(path)
      let error = #expect(throws: ConfigurationError.self) { try Self.adapted(path) }
      let text = "\(error.map { "\($0)" } ?? "")"
      #expect(text.hasPrefix(path) && !text.contains("\n"), "\(text)")
      for word in words { #expect(text.contains(word), "\(text)") }
    }
    let half = StoredTensors.Tensor(type: .float16, shape: [2], bytes: [0, 0, 0, 0])
    try refused(down, "second matrix") { $0.tensors[up] = nil }
    try refused(up, "first matrix") { $0.tensors[down] = nil }
    try refused(down, "has the sizes [2];", "[32]") { $0.tensors[down] = half }
    try refused(up, "has the sizes [2]") { $0.tensors[up] = half }
    try refused(up, "floating-point") { $0.tensors[up]?.type = .int16 }
    try refused("unet.mid_block.nothing.lora_A.weight", "does not have") {
      $0.tensors["unet.mid_block.nothing.lora_A.weight"] = half
    }
    try refused("mid_block.attentions.0.proj_in.lora_A.weight", "same layer") {
      $0.tensors["mid_block.attentions.0.proj_in.lora_A.weight"] = $0.tensors[down]
    }
    try refused(layer + ".alpha", "not one") { $0.tensors[layer + ".alpha"] = half }
    try refused(layer + ".lora_magnitude_vector", "DoRA") {
      $0.tensors[layer + ".lora_magnitude_vector"] = half
    }
    try refused("lokr_w1", "another kind") { $0.tensors[layer + ".lokr_w1"] = half }
    try refused("lora_B.bias", "bias") { $0.tensors[layer + ".lora_B.bias"] = half }
    try refused("conv_in.weight", "no part of a LoRA") { $0.tensors["conv_in.weight"] = half }
    try refused("holds no tensors") { $0.tensors = [:] }
    try refused("reads text") { $0.tensors = ["lora_te_a.lora_up.weight": half] }
    try refused("lora_adapter_metadata", "JSON") { $0.metadata["lora_adapter_metadata"] = "[" }
    try refused("unet.use_dora", "DoRA") {
      $0.metadata["lora_adapter_metadata"] = #"{"unet.use_dora": true}"#
    }
    try refused("alpha_pattern", "expression") {
      $0.metadata["lora_adapter_metadata"] = #"{"unet.alpha_pattern": {".*to_q": 1}}"#
    }

    for (name, words) in [
      ("gone.safetensors", "is not there"), ("style.pt", "never run"), ("", "is a folder without"),
    ] {
      if name == "style.pt" { try folder.write("", to: name) }
      let error = #expect(throws: ConfigurationError.self) { try LoRA(folder.path + "/" + name) }
      #expect(error?.message.contains(words) == true, "\(name): \(String(describing: error))")
    }
    #expect(throws: ConfigurationError.self) { try LoRA(Self.file, scale: .nan) }
    try folder.write("not a safetensors file at all", to: "text.safetensors")
    let error = #expect(throws: SafetensorsError.self) {
      try Self.adapted(folder.path + "/text.safetensors")
    }
    #expect(error?.path == folder.path + "/text.safetensors")
  }
}
