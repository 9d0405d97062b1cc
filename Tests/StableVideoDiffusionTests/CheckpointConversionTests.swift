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

@Suite struct CheckpointConversionTests {
  private static let plain = CheckpointConversion.Layout.folder(
    variant: nil,
    maximumShardByteCount: .max
  )

  /// The tensors of a model by component and diffusers' names.
  private func tensors(
    _ path: String,
    variant: String? = nil
  ) throws -> [String: StoredTensors.Tensor] {
    let checkpoint = try Checkpoint(path: path, variant: variant)
    var all: [String: StoredTensors.Tensor] = [:]
    var remarks: [String] = []
    for component in ModelComponent.allCases {
      let tensors = try checkpoint.tensors(of: component, remarks: &remarks)
      for name in tensors.names {
        let layout = try #require(tensors.layout(of: name))
        let bytes = unsafe tensors.withBytes(of: name) { unsafe [UInt8]($0) }
        all["\(component.rawValue) \(name)"] = .init(
          type: layout.elementType,
          shape: layout.shape,
          bytes: try #require(bytes)
        )
      }
    }
    return all
  }

  private func convert(
    _ source: String,
    variant: String? = nil,
    to path: String,
    _ layout: CheckpointConversion.Layout,
    _ type: ElementType? = nil,
    replaces: Bool = false
  ) throws {
    try CheckpointConversion(
      Checkpoint(path: source, variant: variant),
      to: layout,
      elementType: type
    ).write(to: path, replaces: replaces)
  }

  @Test(arguments: ["tiny", "tiny-odd"])
  func `from folder to file to folder every byte comes back`(_ name: String) throws {
    let source = "\(Fixtures.folder)/\(name)/model"
    let folder = try TemporaryFolder()
    let (file, back) = (folder.path + "/one.safetensors", folder.path + "/back")
    try convert(source, variant: "fp16", to: file, .singleFile)
    try convert(file, to: back, Self.plain)
    let before = try tensors(source, variant: "fp16")
    #expect(try tensors(file) == before)
    #expect(try tensors(back) == before)
    for name in [
      "model_index.json", "unet/config.json", "vae/config.json", "image_encoder/config.json",
      "scheduler/scheduler_config.json", "feature_extractor/preprocessor_config.json",
    ] {
      let old = try Data(contentsOf: URL(filePath: "\(source)/\(name)"))
      #expect(try Data(contentsOf: URL(filePath: "\(back)/\(name)")) == old, "\(name)")
    }
    // Nothing else is left.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "back", "one.safetensors",
      ]
    )
  }

  @Test func `the file has Stability's names and shapes`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/one.safetensors"
    try TinyFile.write(to: path)
    let file = try SafetensorsFile(path: path)
    let clip = "conditioner.embedders.0.open_clip.model.visual."
    for (name, shape) in [
      (clip + "proj", [32, 32]), (clip + "transformer.resblocks.0.attn.in_proj_weight", [96, 32]),
      (clip + "transformer.resblocks.0.attn.in_proj_bias", [96]),
      ("first_stage_model.decoder.mid.attn_1.proj_out.weight", [32, 32, 1, 1]),
      ("first_stage_model.decoder.conv_out.time_mix_conv.weight", [3, 3, 3, 1, 1]),
      ("first_stage_model.encoder.conv_out.weight", [8, 32, 3, 3]),
      ("conditioner.embedders.3.encoder.quant_conv.weight", [8, 8, 1, 1]),
      ("model.diffusion_model.input_blocks.3.0.op.weight", [32, 32, 3, 3]),
      ("model.diffusion_model.time_embed.0.weight", [128, 32]),
    ] {
      #expect(file.entries[name]?.shape == shape, "\(name)")
    }
    #expect(file.entries["first_stage_model.quant_conv.weight"] == nil)
    #expect(file.metadata["format"] == "pt")
  }

  @Test func `halves become floats and halves again without loss`() throws {
    let folder = try TemporaryFolder()
    let (wide, back) = (folder.path + "/wide", folder.path + "/back")
    try convert(Tiny.folder, variant: "fp16", to: wide, Self.plain, .float32)
    try convert(wide, to: back, .folder(variant: "fp16", maximumShardByteCount: .max), .float16)
    let before = try tensors(Tiny.folder, variant: "fp16")
    #expect(try tensors(back) == before)
    let after = try tensors(wide)
    #expect(after.values.allSatisfy { $0.type == .float32 } && after.count == before.count)
    // Weights of another kind are the same model to those who compute in float32.
    let model = try StableVideoDiffusionModel(folder: wide, backend: CPUBackend())
    #expect(
      model.remarks.isEmpty
        && model.weightBytes == 2 * before.values.reduce(0) { $0 + $1.bytes.count }
    )
    let names = try FileManager.default.contentsOfDirectory(atPath: back + "/unet")
    #expect(names.sorted() == ["config.json", "diffusion_pytorch_model.fp16.safetensors"])
  }

  @Test func `bfloat16 in shards is written and loaded`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/brain"
    try convert(
      Tiny.folder,
      variant: "fp16",
      to: path,
      .folder(variant: "bf16", maximumShardByteCount: 700_000),
      .bfloat16
    )
    let names = try FileManager.default.contentsOfDirectory(atPath: path + "/unet").sorted()
    #expect(names.contains("diffusion_pytorch_model.bf16-00001-of-00004.safetensors"), "\(names)")
    #expect(names.contains("diffusion_pytorch_model.safetensors.index.bf16.json"), "\(names)")
    let tensors = try tensors(path, variant: "bf16")
    #expect(tensors.values.allSatisfy { $0.type == .bfloat16 })
    // Found by itself where there are only such files.
    let model = try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    #expect(model.remarks.count == 3 && model.remarks.allSatisfy { $0.contains("bf16") })
    let output = try StableVideoDiffusionPipeline(model).generate([Tiny.picture()], Tiny.request)
    #expect(try output.latents.values().allSatisfy(\.isFinite))
  }

  @Test func `numbers are rounded as torch rounds them`() throws {
    // Ties to even, subnormal halves, infinities, and a NaN whose upper bits say so only just.
    let values: [UInt32] = [
      0x3F80_0000, 0x3F80_8000, 0x3F81_8000, 0x3F80_8001, 0xBF80_7FFF, 0x3F80_1000, 0x3F80_3000,
      0x3380_0000, 0x3300_0000, 0x3300_0001, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0x0000_0001,
    ]
    let expected: [ElementType: [UInt16]] = [
      .bfloat16: [
        0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xBF80, 0x3F80, 0x3F80, 0x3380, 0x3300, 0x3300, 0x7F80,
        0xFF80, 0x7FC0, 0x0000,
      ],
      .float16: [
        0x3C00, 0x3C04, 0x3C0C, 0x3C04, 0xBC04, 0x3C00, 0x3C02, 0x0001, 0x0000, 0x0001, 0x7C00,
        0xFC00, 0x7E00, 0x0000,
      ],
    ]
    for (type, expected) in expected {
      let bytes = unsafe values.withUnsafeBytes { unsafe ElementType.float32.convert($0, to: type) }
      let bits = stride(from: 0, to: bytes?.count ?? 0, by: 2).map { at in
        UInt16(bytes?[at] ?? 0) | UInt16(bytes?[at + 1] ?? 0) << 8
      }
      for (index, (bits, expected)) in zip(bits, expected).enumerated() where index != 12 {
        #expect(bits == expected, "\(type) of \(values[index])")
      }
      try #require(bits.count == values.count)
      let nan =
        type == .float16
        ? Float(Float16(bitPattern: bits[12])) : Float(bitPattern: UInt32(bits[12]) << 16)
      #expect(nan.isNaN)
    }
    let large = [Float(65520), 1]
    unsafe large.withUnsafeBytes { bytes in
      #expect(unsafe ElementType.float32.convert(bytes, to: .float16) == nil)
      #expect(unsafe ElementType.float32.convert(bytes, to: .bfloat16) != nil)
    }
  }

  @Test func `numbers of eight bits are those of torch`() throws {
    // Each as torch 2.13 casts it to float8_e4m3fn.
    for (value, bits) in [
      (0, 0), (-0.0, 128), (1, 56), (-1, 184), (448, 126), (463.9, 126), (464, 126), (0.0625, 24),
      (0.015625, 8), (0.001953125, 1), (0.0009765625, 0), (0.0029296875, 2), (0.00098632811, 1),
      (0.1, 29), (-0.3, 170), (17, 88), (18.5, 89), (19, 90), (1.0625, 56), (1.1875, 58),
    ] as [(Float, UInt8)] {
      #expect(Float8.bits(value) == bits, "\(value)")
    }
    #expect(Float8.bits(.nan).map { $0 & 0x7F } == 0x7F)
    #expect(Float8.bits(464.1) == nil && Float8.bits(.infinity) == nil)
    for bits in UInt8.min...UInt8.max where bits & 0x7F != 0x7F {
      #expect(Float8.bits(Float(Float8.number(bits))) == bits)
    }
    #expect(Float8.number(0x7F).isNaN && Float8.number(0x7E) == 448 && Float8.number(1) == 1 / 512)
  }

  @Test func `matrices of eight bits are written, read back, and make clips`() throws {
    let folder = try TemporaryFolder()
    let (small, back) = (folder.path + "/small", folder.path + "/back.safetensors")
    try convert(Tiny.folder, variant: "fp16", to: small, Self.plain, .float8)
    let (before, after) = (try tensors(Tiny.folder, variant: "fp16"), try tensors(small))
    for (name, tensor) in before {
      let other = try #require(after[name])
      guard tensor.shape.count > 1 else {
        #expect(other == tensor, "\(name)")
        continue
      }
      let nearest = unsafe tensor.bytes.withUnsafeBytes {
        unsafe ElementType.float16.convert($0, to: .float8)
      }
      #expect(other.type == .float8 && other.bytes == nearest, "\(name)")
    }
    let model = try StableVideoDiffusionModel(folder: small, backend: CPUBackend())
    let output = try StableVideoDiffusionPipeline(model).generate([Tiny.picture()], Tiny.request)
    let values = try output.latents.values()
    #expect(values.allSatisfy { $0.isFinite })

    // Halves hold the same numbers.
    try convert(small, to: back, .singleFile, .float16)
    let wide = try StableVideoDiffusionModel(folder: back, backend: CPUBackend())
    let again = try StableVideoDiffusionPipeline(wide).generate([Tiny.picture()], Tiny.request)
    #expect(try again.latents.values() == values)
  }

  @Test
  func `a model that lacks a tensor, or has one of other sizes, is refused and nothing is left`()
    throws
  {
    for (file, name, shape) in [
      (
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "mid_block.attentions.0.temporal_transformer_blocks.0.attn2.to_q.weight", [1024]
      ),
      ("vae/diffusion_pytorch_model.fp16.safetensors", "quant_conv.bias", [8, 1]),
      ("image_encoder/model.fp16.safetensors", "visual_projection.weight", [1024]),
    ] as [(String, String, [Int])] {
      for isMissing in [true, false] {
        let folder = try TemporaryFolder()
        let model = try folder.copy(ofFixture: "tiny/model")
        var stored = try StoredTensors("\(model)/\(file)")
        if isMissing {
          stored.tensors[name] = nil
        } else {
          stored.tensors[name]?.shape = shape
        }
        try stored.write("\(model)/\(file)")
        for layout in [Self.plain, .singleFile] {
          let error = #expect(throws: WeightsError.self) {
            try convert(model, variant: "fp16", to: folder.path + "/out.safetensors", layout)
          }
          #expect(error?.code == (isMissing ? .missing : .shape))
          let text = "\(error.map { "\($0)" } ?? "")"
          #expect(text.hasPrefix("\(model)/") && text.contains("\(name) is"), "\(text)")
          #expect(!text.contains("\n"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
      }
    }
  }

  @Test func `a number that is too large for the new kind is an error that leaves nothing`() throws
  {
    let folder = try TemporaryFolder()
    let path = folder.path + "/wide.safetensors"
    try convert(Tiny.folder, variant: "fp16", to: path, .singleFile, .float32)
    var stored = try StoredTensors(path)
    let name = "model.diffusion_model.out.0.bias"
    stored.tensors[name]?.bytes.replaceSubrange(0..<4, with: [0, 0, 0x80, 0x4F])
    try stored.write(path)
    let other = folder.path + "/half.safetensors"
    let error = #expect(throws: ConfigurationError.self) {
      try convert(path, to: other, .singleFile, .float16)
    }
    #expect(error?.key == name && error?.path == other)
    let model = folder.path + "/half"
    #expect(throws: ConfigurationError.self) { try convert(path, to: model, Self.plain, .float16) }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["wide.safetensors"]
    )
  }

  @Test func `what is there is replaced only by force, and only if it is a model`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/model"
    try convert(Tiny.folder, variant: "fp16", to: path, Self.plain)
    let error = #expect(throws: ConfigurationError.self) {
      try convert(Tiny.folder, variant: "fp16", to: path, Self.plain, .float32)
    }
    #expect(error?.description == "\(path): is there already; --force replaces it")
    // Also where the model itself is what is replaced.
    try convert(path, to: path, Self.plain, .float32, replaces: true)
    #expect(try tensors(path).values.allSatisfy { $0.type == .float32 })
    #expect(throws: ConfigurationError.self) {
      try convert(path, to: path, .singleFile, replaces: true)
    }
    let home = try TemporaryFolder()
    try home.write("dear", to: "letter.txt")
    #expect(throws: ConfigurationError.self) {
      try convert(path, to: home.path, Self.plain, replaces: true)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: home.path) == ["letter.txt"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
  }

  /// A model whose decoder is that of `AutoencoderKL`, as Stability's variants with `image_decoder` have.
  @Test func `an image decoder goes from folder to file and back, and makes clips`() throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    let index = URL(filePath: model + "/model_index.json")
    let text = try String(contentsOf: index, encoding: .utf8)
    try Data(text.replacing("AutoencoderKLTemporalDecoder", with: "AutoencoderKL").utf8).write(
      to: index
    )
    let place = URL(filePath: model + "/vae/config.json")
    try Data(contentsOf: URL(filePath: Fixtures.folder + "/image-decoder/config.json")).write(
      to: place
    )
    let source = FormulaWeights(component: "vae", seed: 5)
    _ = try AutoencoderKLTemporalDecoder(
      Weights(source, backend: CPUBackend(), place: model),
      VAEConfiguration(path: place.path)
    )
    var writer = SafetensorsWriter()
    for (name, shape) in source.tensors {
      let bytes = source.elements(name, shape).flatMap { value in
        [
          UInt8(truncatingIfNeeded: value.bitPattern),
          UInt8(truncatingIfNeeded: value.bitPattern >> 8),
        ]
      }
      try writer.add(name, elementType: .float16, shape: shape.dimensions, bytes: bytes)
    }
    try FileManager.default.removeItem(
      atPath: model + "/vae/diffusion_pytorch_model.fp16.safetensors"
    )
    try writer.write(toFolder: model + "/vae", stem: "diffusion_pytorch_model", variant: "fp16")

    let (file, back) = (folder.path + "/one.safetensors", folder.path + "/back")
    try convert(model, variant: "fp16", to: file, .singleFile)
    try convert(file, to: back, Self.plain)
    #expect(try tensors(back) == tensors(model, variant: "fp16"))
    let names = try SafetensorsFile(path: file).entries
    #expect(names["first_stage_model.post_quant_conv.weight"]?.shape == [4, 4, 1, 1])
    #expect(names["first_stage_model.decoder.up.1.block.0.conv1.weight"] != nil)

    let loaded = try StableVideoDiffusionModel(folder: file, backend: CPUBackend())
    #expect(!loaded.vaeConfiguration.isTemporal)
    let output = try StableVideoDiffusionPipeline(loaded).generate([Tiny.picture()], Tiny.request)
    #expect(try output.latents.values().allSatisfy(\.isFinite))
  }
}
