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

/// The tensors of a safetensors file, free to be changed.
struct StoredTensors {
  struct Tensor: Equatable {
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  var tensors: [String: Tensor] = [:]
  var metadata: [String: String]

  init(_ path: String) throws {
    let file = try SafetensorsFile(path: path)
    metadata = file.metadata
    for (name, entry) in file.entries {
      let bytes = unsafe file.withBytes(of: name) { unsafe [UInt8]($0) }
      tensors[name] = Tensor(
        type: entry.elementType,
        shape: entry.shape,
        bytes: try #require(bytes)
      )
    }
  }

  func write(_ path: String) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      try writer.add(name, elementType: tensor.type, shape: tensor.shape, bytes: tensor.bytes)
    }
    try writer.write(toFile: path)
  }
}

/// The tiny checkpoint as one file.
enum TinyFile {
  static func write(to path: String) throws {
    try CheckpointConversion(Checkpoint(path: Tiny.folder, variant: "fp16"), to: .singleFile)
      .write(to: path)
  }

  /// The error of loading it after a change.
  static func failure(
    _ change: (inout StoredTensors) -> Void
  ) throws -> (error: String, path: String) {
    let folder = try TemporaryFolder()
    let path = folder.path + "/tiny.safetensors"
    try write(to: path)
    var tensors = try StoredTensors(path)
    change(&tensors)
    try tensors.write(path)
    let error = #expect(throws: (any Error).self) {
      try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    }
    return (error.map { "\($0)" } ?? "", path)
  }
}

@Suite struct SingleFileTests {
  private static let residual = "model.diffusion_model.input_blocks.1.0"

  @Test func `one file makes the clip that the folder makes, and is told to be the same model`()
    throws
  {
    let folder = try TemporaryFolder()
    let path = folder.path + "/tiny.safetensors"
    try TinyFile.write(to: path)
    let single = try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    let parts = try Tiny.pipeline.get()
    #expect(single.digest == parts.model.digest)
    #expect(single.weightBytes == parts.model.weightBytes)
    #expect(single.remarks.isEmpty)
    let ours = try StableVideoDiffusionPipeline(single).generate([Tiny.picture()], Tiny.request)
    let theirs = try parts.generate([Tiny.picture()], Tiny.request)
    #expect(try ours.latents.values() == theirs.latents.values())
  }

  @Test func `what clips do not need is passed over`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/tiny.safetensors"
    try TinyFile.write(to: path)
    var tensors = try StoredTensors(path)
    let clip = "conditioner.embedders.0.open_clip.model."
    let spare = [
      clip + "ln_final.weight", clip + "logit_scale", clip + "positional_embedding",
      clip + "text_projection", clip + "token_embedding.weight",
      clip + "transformer.resblocks.0.ln_1.bias",
      "conditioner.embedders.3.encoder.decoder.conv_in.weight",
      "conditioner.embedders.3.encoder.post_quant_conv.bias", "denoiser.sigmas",
      "model_ema.decay",
    ]
    for name in spare {
      tensors.tensors[name] = .init(type: .float32, shape: [1], bytes: [0, 0, 0, 0])
    }
    try tensors.write(path)
    let checkpoint = try Checkpoint(path: path)
    #expect(
      checkpoint.spare.filter { !$0.hasPrefix("first_stage_model.encoder.") } == spare.sorted()
    )
    #expect(throws: Never.self) {
      try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    }
  }

  @Test func `a tensor that has no place is named`() throws {
    let name = Self.residual + ".surprise.weight"
    let (error, path) = try TinyFile.failure {
      $0.tensors[name] = .init(type: .float32, shape: [1], bytes: [0, 0, 0, 0])
    }
    #expect(error.hasPrefix("\(path): \(name): is in the checkpoint, but has no place"))
  }

  @Test(arguments: [
    residual + ".in_layers.2.weight", "model.diffusion_model.out.0.bias",
    "first_stage_model.decoder.up.3.block.0.mix_factor",
    "conditioner.embedders.3.encoder.encoder.mid.attn_1.q.weight",
    "conditioner.embedders.0.open_clip.model.visual.transformer.resblocks.1.attn.in_proj_bias",
    "conditioner.embedders.0.open_clip.model.visual.proj",
  ])
  func `a missing tensor is named as the file would`(_ name: String) throws {
    var isThere = false
    let (error, path) = try TinyFile.failure {
      isThere = $0.tensors.removeValue(forKey: name) != nil
    }
    #expect(isThere)
    #expect(error == "\(path): \(name) is missing")
  }

  @Test func `a tensor of other sizes is named as the file would`() throws {
    let name = Self.residual + ".in_layers.2.weight"
    let (error, path) = try TinyFile.failure { $0.tensors[name]?.shape += [1] }
    #expect(
      error
        == "\(path): \(name) is [32, 32, 3, 3, 1], but the configuration asks for [32, 32, 3, 3]"
    )
    let attention = "conditioner.embedders.3.encoder.encoder.mid.attn_1.q.weight"
    let (other, _) = try TinyFile.failure { $0.tensors[attention]?.shape = [32, 1, 32, 1] }
    #expect(other.contains("\(attention) is [32, 1, 32, 1], but"))
  }

  @Test func `a file that is no such model is refused in a line that says what it is`() throws {
    func refusal(_ keep: (String) -> Bool) throws -> String {
      let (error, path) = try TinyFile.failure {
        $0.tensors = $0.tensors.filter { keep($0.key) }
        $0.metadata = [:]
      }
      #expect(error.hasPrefix(path + ": "))
      return String(error.dropFirst(path.count + 2))
    }
    #expect(
      try refusal { $0.hasPrefix("first") }.hasPrefix("holds no Stable Video Diffusion model")
    )
    #expect(try refusal { !$0.contains("time_stack") }.hasPrefix("holds a model of still pictures"))
    #expect(try refusal { !$0.contains("open_clip") }.hasPrefix("lacks the image encoder"))
    #expect(try refusal { !$0.contains("_model.decoder") }.hasPrefix("lacks the decoder"))
    #expect(try refusal { !$0.contains(".encoder.") }.hasPrefix("lacks the encoder"))
    // Without what the conversion put there, and of no published size.
    #expect(try refusal { _ in true }.contains("heads of 64 do not divide"))
    let part = Tiny.folder + "/unet/diffusion_pytorch_model.fp16.safetensors"
    let error = #expect(throws: ConfigurationError.self) { try Checkpoint(path: part) }
    #expect(error?.message.contains("one part of a model in diffusers' layout") == true)
  }

  @Test(arguments: ["svd.ckpt", "svd_xt.PT", "diffusion_pytorch_model.bin", "svd.pth"])
  func `a pickle is never run, and the way out is told`(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("\u{80}\u{2}.", to: name)
    let error = #expect(throws: ConfigurationError.self) {
      try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    }
    #expect(error?.path == path)
    #expect(error?.message.contains("never run") == true)
    #expect(error?.message.contains("safetensors.torch.save_file") == true)
  }

  @Test func `a file that is not there is named`() throws {
    let error = #expect(throws: SafetensorsError.self) {
      try Checkpoint(path: "/nowhere/svd.safetensors")
    }
    #expect(error?.code == .notFound && error?.path == "/nowhere/svd.safetensors")
  }

  /// Other programs know no conditioner's encoder: theirs has its last two convolutions in one.
  @Test func `a file with the first stage's encoder only encodes alike`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/tiny.safetensors"
    try TinyFile.write(to: path)
    var tensors = try StoredTensors(path)
    tensors.tensors = tensors.tensors.filter { !$0.key.hasPrefix("conditioner.embedders.3.") }
    try tensors.write(path)
    let checkpoint = try Checkpoint(path: path)
    #expect(!checkpoint.spare.contains { $0.hasPrefix("first_stage_model.") })
    let model = try StableVideoDiffusionModel(folder: path, backend: CPUBackend())
    let picture: [Float] = (0..<2304).map { index in Float(index % 37) / 18 - 1 }
    func latents(_ model: StableVideoDiffusionModel) throws -> [Float] {
      try model.vae.encode(model.backend.upload(picture, shape: [1, 24, 32, 3])).values()
    }
    let difference = Difference(try latents(model), try latents(Tiny.pipeline.get().model))
    #expect(difference.relative < 2e-3)
  }
}

@Suite struct ImageDecoderTests {
  @Test func `a decoder without time layers decodes as diffusers' AutoencoderKL`() throws {
    let folder = Fixtures.folder + "/image-decoder"
    let golden = try SafetensorsFile(path: folder + "/golden.safetensors")
    func values(_ name: String) throws -> [Float] {
      let values = unsafe golden.withBytes(of: name) { bytes in
        (0..<bytes.count / 4).map { index in
          unsafe bytes.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
        }
      }
      return try #require(values)
    }
    func channelsLast(_ values: [Float], _ shape: [Int]) -> [Float] {
      var turned = [Float](repeating: 0, count: values.count)
      let pixels = shape[2] * shape[3]
      for image in 0..<shape[0] {
        for channel in 0..<shape[1] {
          for pixel in 0..<pixels {
            turned[(image * pixels + pixel) * shape[1] + channel] =
              values[(image * shape[1] + channel) * pixels + pixel]
          }
        }
      }
      return turned
    }
    let configuration = try VAEConfiguration(path: folder + "/config.json")
    #expect(!configuration.isTemporal)
    let backend = CPUBackend()
    let vae = try AutoencoderKLTemporalDecoder(
      Weights(FormulaWeights(component: "vae", seed: 1003), backend: backend, place: folder),
      configuration
    )
    let latents = channelsLast(try values("latents"), [3, 4, 6, 5])
    let frames = try vae.decode(backend.upload(latents, shape: [3, 6, 5, 4]))
    #expect(frames.shape == [3, 12, 10, 3])
    let expected = channelsLast(try values("frames"), [3, 3, 12, 10])
    #expect(Difference(try frames.values(), expected).relative < 1e-5)

    let picture = channelsLast(try values("picture"), [1, 3, 12, 10])
    let mean = try vae.encode(backend.upload(picture, shape: [1, 12, 10, 3]))
    let expectedMean = channelsLast(try values("mean"), [1, 4, 6, 5])
    #expect(Difference(try mean.values(), expectedMean).relative < 1e-5)
  }

  @Test(arguments: [
    "\"mid_block_add_attention\": true", "\"use_quant_conv\": true",
    "\"use_post_quant_conv\": true",
  ])
  func `what the decoder cannot do without is refused by its key`(_ setting: String) throws {
    let path = Fixtures.folder + "/image-decoder/config.json"
    let text = try String(contentsOf: URL(filePath: path), encoding: .utf8)
    try #require(text.contains(setting))
    let folder = try TemporaryFolder()
    let changed = try folder.write(
      text.replacing(setting, with: setting.replacing("true", with: "false")),
      to: "config.json"
    )
    let error = #expect(throws: ConfigurationError.self) { try VAEConfiguration(path: changed) }
    #expect(error?.key.map(setting.contains) == true)
  }
}
