// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Safetensors
internal import StableVideoDiffusion
internal import TensorCPU
internal import TensorTesting
import Testing

@Suite struct TinyCheckpointTests {
  @Test func `the tiny checkpoint is the reference's to the bit`() throws {
    let folder = try TemporaryFolder()
    let place = folder.path + "/made/model"
    try TinyCheckpoint.write(to: place, seed: 1001, backend: CPUBackend())
    for (component, stem) in [
      ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
      ("image_encoder", "model"),
    ] {
      let made = try SafetensorsCheckpoint(
        folder: "\(place)/\(component)",
        stem: stem,
        variant: nil
      )
      let expected = try SafetensorsCheckpoint(
        folder: "\(Tiny.folder)/\(component)",
        stem: stem,
        variant: "fp16"
      )
      #expect(Set(made.names) == Set(expected.names), "\(component)")
      for name in expected.names {
        let (ours, theirs) = (made.entry(name), expected.entry(name))
        #expect(ours?.shape == theirs?.shape, "\(component) \(name)")
        #expect(ours?.elementType == theirs?.elementType, "\(component) \(name)")
        #expect(made.bytes(of: name) == expected.bytes(of: name), "\(component) \(name)")
      }
    }
    let model = try StableVideoDiffusionModel(folder: place, backend: CPUBackend())
    #expect(model.remarks.isEmpty)
    #expect(model.recommended.width == 256 && model.recommended.height == 144)
  }

  @Test func `another seed makes other weights`() throws {
    let folder = try TemporaryFolder()
    let backend = CPUBackend()
    try TinyCheckpoint.write(to: folder.path, seed: 2, backend: backend)
    let made = try SafetensorsCheckpoint(
      folder: folder.path + "/image_encoder",
      stem: "model",
      variant: nil
    )
    let expected = try SafetensorsCheckpoint(
      folder: Tiny.folder + "/image_encoder",
      stem: "model",
      variant: "fp16"
    )
    let name = "visual_projection.weight"
    #expect(made.bytes(of: name) != expected.bytes(of: name))
  }

  @Test func `a checkpoint that is there already is not touched`() throws {
    let folder = try TemporaryFolder()
    try folder.write("{}", to: "model_index.json")
    let error = #expect(throws: ConfigurationError.self) {
      try TinyCheckpoint.write(to: folder.path, backend: CPUBackend())
    }
    #expect(error?.description == "\(folder.path): already holds a checkpoint")
  }
}

extension SafetensorsCheckpoint {
  /// A copy of a tensor's bytes.
  func bytes(of name: String) -> [UInt8]? {
    unsafe withBytes(of: name) { unsafe [UInt8]($0) }
  }
}
