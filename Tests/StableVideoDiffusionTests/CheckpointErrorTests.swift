// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import NeuralNetwork
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorCore
internal import TensorTesting
import Testing

/// Checkpoints whose weights are not what the configuration asks for.
@Suite struct CheckpointErrorTests {
  struct Component: Sendable, CustomTestStringConvertible {
    let name: String
    let stem: String
    /// A tensor that the component has.
    let tensor: String
    var testDescription: String { name }
  }

  static let components = [
    Component(name: "unet", stem: "diffusion_pytorch_model", tensor: "conv_norm_out.bias"),
    Component(
      name: "vae",
      stem: "diffusion_pytorch_model",
      tensor: "decoder.up_blocks.1.resnets.0.time_mixer.mix_factor"
    ),
    Component(name: "image_encoder", stem: "model", tensor: "vision_model.post_layernorm.weight"),
  ]

  struct Stored {
    var type: ElementType
    var shape: [Int]
    var bytes: [UInt8]
  }

  @Test(arguments: components)
  func `a missing tensor is named`(_ component: Component) throws {
    let (error, place) = try failure(component) { $0[component.tensor] = nil }
    #expect(error?.code == .missing)
    #expect(error?.description == "\(place): \(component.tensor) is missing")
  }

  @Test(arguments: components)
  func `a tensor too many is named`(_ component: Component) throws {
    let (error, place) = try failure(component) {
      $0["surprise.weight"] = Stored(type: .float32, shape: [1], bytes: [0, 0, 0, 0])
    }
    #expect(error?.code == .unexpected)
    #expect(error?.place == place && error?.tensor == "surprise.weight")
  }

  @Test(arguments: components)
  func `a tensor of another shape is named with both shapes`(_ component: Component) throws {
    var shape: [Int] = []
    let (error, place) = try failure(component) {
      shape = $0[component.tensor]?.shape ?? []
      $0[component.tensor]?.shape = [1] + shape
    }
    #expect(error?.code == .shape)
    #expect(
      error?.description
        == "\(place): \(component.tensor) is \([1] + shape), but the configuration asks for \(shape)"
    )
  }

  @Test(arguments: components)
  func `a tensor of whole numbers is named with its type`(_ component: Component) throws {
    let (error, place) = try failure(component) { $0[component.tensor]?.type = .int16 }
    #expect(error?.code == .type)
    #expect(error?.place == place && error?.tensor == component.tensor)
    #expect(error?.message.contains("I16") == true)
  }

  @Test func `a deliberately unused tensor must have the right shape all the same`() throws {
    let name = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q.weight"
    let (missing, _) = try failure(Self.components[0]) { $0[name] = nil }
    #expect(missing?.tensor == name && missing?.code == .missing)
    let (reshaped, _) = try failure(Self.components[0]) { $0[name]?.shape.append(1) }
    #expect(reshaped?.tensor == name && reshaped?.code == .shape)
  }

  @Test(arguments: components)
  func `a file that is cut off or absent is named`(_ component: Component) throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    let place = model + "/" + component.name
    let path = "\(place)/\(component.stem).fp16.safetensors"
    let bytes = try Data(contentsOf: URL(filePath: path))
    for count in [bytes.count - 1, bytes.count / 2, 5, 0] {
      try bytes.prefix(count).write(to: URL(filePath: path))
      let error = #expect(throws: SafetensorsError.self, "\(count) bytes") { try load(model) }
      #expect(error?.path == path)
    }
    for file in try FileManager.default.contentsOfDirectory(atPath: place)
    where file.hasSuffix(".safetensors") {
      try FileManager.default.removeItem(atPath: place + "/" + file)
    }
    let error = #expect(throws: SafetensorsError.self) { try load(model) }
    #expect(error?.code == .notFound && error?.path == place)
  }

  @Test func `plain weights give way to the only variant that is there, with a remark`() throws {
    let model = try StableVideoDiffusionModel(folder: Tiny.folder, backend: CPUBackend())
    #expect(model.remarks.count == 2)
    #expect(model.remarks.allSatisfy { $0.contains("fp16") })
  }

  /// The weights of all types that a checkpoint may have make the same model.
  @Test func `weights stored in wider types are the same weights`() throws {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    for (component, type) in zip(Self.components, [ElementType.float32, .float64, .float32]) {
      try rewrite(component, of: model) { tensors in
        for (name, tensor) in tensors {
          let values = stride(from: 0, to: tensor.bytes.count, by: 2).map { at in
            Float16(
              bitPattern: UInt16(tensor.bytes[at]) | UInt16(tensor.bytes[at + 1]) << 8
            )
          }
          tensors[name]?.type = type
          tensors[name]?.bytes = values.flatMap { value -> [UInt8] in
            let bits =
              type == .float32 ? UInt64(Float(value).bitPattern) : Double(value).bitPattern
            return (0..<type.byteCount).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
          }
        }
      }
    }
    let pipeline = StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(folder: model, variant: "fp16", backend: CPUBackend())
    )
    var request = Tiny.request
    request.steps = 1
    let ours = try pipeline.generate([Tiny.picture()], request).latents.values()
    let theirs = try Tiny.pipeline.get().generate([Tiny.picture()], request).latents.values()
    #expect(ours == theirs)
  }

  /// The error of loading the tiny checkpoint after a change to a component's tensors, and the
  /// component's folder.
  private func failure(
    _ component: Component,
    _ change: (inout [String: Stored]) -> Void
  ) throws
    -> (WeightsError?, String)
  {
    let folder = try TemporaryFolder()
    let model = try folder.copy(ofFixture: "tiny/model")
    try rewrite(component, of: model, change)
    let error = #expect(throws: WeightsError.self) { try load(model) }
    return (error, model + "/" + component.name)
  }

  private func rewrite(
    _ component: Component,
    of model: String,
    _ change: (inout [String: Stored]) -> Void
  ) throws {
    let place = model + "/" + component.name
    let checkpoint = try SafetensorsCheckpoint(
      folder: place,
      stem: component.stem,
      variant: "fp16"
    )
    var tensors: [String: Stored] = [:]
    for name in checkpoint.names {
      let entry = try #require(checkpoint.entry(name))
      tensors[name] = Stored(
        type: entry.elementType,
        shape: entry.shape,
        bytes: try #require(checkpoint.bytes(of: name))
      )
    }
    change(&tensors)
    var writer = SafetensorsWriter()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      try writer.add(
        name,
        elementType: tensor.type,
        shape: tensor.shape,
        bytes: tensor.bytes
      )
    }
    try writer.write(toFolder: place, stem: component.stem, variant: "fp16")
  }

  private func load(_ model: String) throws {
    _ = try StableVideoDiffusionModel(folder: model, variant: "fp16", backend: CPUBackend())
  }
}
