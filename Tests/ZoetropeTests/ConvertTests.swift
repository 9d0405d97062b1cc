// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Glibc
import Safetensors
import Subprocess
import SystemPackage
import TensorReference
import Testing

@Suite("Models in one file") struct ConvertTests {
  @Test("convert writes a file that makes the same clip, byte for byte, and a folder from it")
  func convert() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let single = place.model + ".safetensors"
    let there = try await Programs.zoetrope("convert", place.model, single)
    #expect(there.status == 0, "\(there.error)")
    #expect(there.output.isEmpty && there.error.contains("MB written in"))
    let again = place.path + "/again/model"
    try FileManager.default.createDirectory(
      atPath: place.path + "/again",
      withIntermediateDirectories: true
    )
    let back = try await Programs.zoetrope("convert", single, again, "--max-shard-size", "700KB")
    #expect(back.status == 0, "\(back.error)")
    #expect(back.error.contains("clips of pictures do not need are left out"))

    var clips: [Data] = []
    for (index, model) in [place.model, single, again].enumerated() {
      let path = "\(place.path)/\(index).gif"
      let outcome = try await Programs.run(
        Programs.zoetrope,
        ["generate", "--model", model] + CommandTests.quick
          + [Assets.photograph, "-o", path, "--seed", "3", "--frames", "2"]
      )
      #expect(outcome.status == 0, "\(outcome.error)")
      clips.append(try Data(contentsOf: URL(filePath: path)))
    }
    #expect(clips[0] == clips[1])
    #expect(clips[0] == clips[2])
  }

  @Test("what there is to a model in a file is shown, and doctor loads it")
  func shown() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let single = place.path + "/tiny.safetensors"
    _ = try await Programs.zoetrope("convert", place.model, single, "--dtype", "bfloat16")
    let shown = try await Programs.zoetrope("models", "show", single)
    #expect(shown.status == 0, "\(shown.error)")
    #expect(shown.output.contains("single file, 4 frames, levels of [32, 32, 32] channels"))
    #expect(shown.output.contains("unet  822 tensors, 1182362 weights, "))
    #expect(shown.output.contains(", BF16\n"))
    let json = try await Programs.zoetrope("models", "show", "--json", place.model)
    #expect(json.output.contains("\"layout\":\"diffusers\""), "\(json.error)")
    let doctor = try await Programs.zoetrope("doctor", "--device", "cpu", "--model", single)
    #expect(doctor.output.contains("\(single): 4 frames"), "\(doctor.output)")
  }

  /// A model whose denoiser looks at embeddings so long that writing it takes a moment.
  private static func makeLarge(_ model: String) throws {
    let files = FileManager.default
    try files.copyItem(atPath: Fixtures.folder + "/tiny/model", toPath: model)
    let length = 1 << 15
    for (name, key) in [
      ("unet/config.json", "cross_attention_dim"), ("image_encoder/config.json", "projection_dim"),
    ] {
      let url = URL(filePath: "\(model)/\(name)")
      let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
      let longer = text.replacing("\"\(key)\": 32", with: "\"\(key)\": \(length)")
      try #require(longer != text)
      try Data(longer.utf8).write(to: url)
    }
    try? files.removeItem(atPath: model + "/image_encoder/model.safetensors")
    for (name, isLong) in [
      (
        "unet/diffusion_pytorch_model.fp16.safetensors",
        { (name: String) in
          name.hasSuffix("attn2.to_k.weight") || name.hasSuffix("attn2.to_v.weight")
        }
      ),
      (
        "image_encoder/model.fp16.safetensors", { (name: String) in name.hasPrefix("visual_proj") }
      ),
    ] {
      let file = try SafetensorsFile(path: "\(model)/\(name)")
      var writer = SafetensorsWriter()
      for entry in file.entries.values.sorted(by: { $0.name < $1.name }) {
        let isProjection = entry.name.hasPrefix("visual_proj")
        let shape =
          isLong(entry.name) ? (isProjection ? [length, 32] : [32, length]) : entry.shape
        let bytes = [UInt8](repeating: 0, count: shape.reduce(2, *))
        try writer.add(entry.name, elementType: .float16, shape: shape, bytes: bytes)
      }
      try files.removeItem(atPath: "\(model)/\(name)")
      try writer.write(toFile: "\(model)/\(name)")
    }
  }

  @Test("Ctrl-C ends a conversion, and nothing is left of what was begun", .timeLimit(.minutes(10)))
  func interrupted() async throws {
    let place = try Workplace()
    let (folder, model) = (place.path, place.model)
    try Self.makeLarge(model)
    for output in ["out.safetensors", "out"] {
      var status = TerminationStatus.exited(0)
      // One that was done before the signal came is no proof, and is made again.
      while status == .exited(0) {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(output)")
        let result = try await Subprocess.run(
          .path(FilePath(Programs.zoetrope)),
          arguments: ["convert", model, "\(folder)/\(output)", "--dtype", "float32"],
          input: .none,
          output: .discarded,
          error: .discarded
        ) { execution in
          // What is being written has a name of its own, and the signal counts from then on.
          func isBegun() throws -> Bool {
            try FileManager.default.contentsOfDirectory(atPath: folder).contains {
              $0.contains(output)
            }
          }
          while try !isBegun(), kill(execution.processIdentifier.value, 0) == 0 {
            await Task.yield()
          }
          _ = kill(execution.processIdentifier.value, SIGINT)
        }
        status = result.terminationStatus
      }
      #expect(status == .exited(130))
      #expect(try place.files().isEmpty, "\(output)")
    }
  }

  @Test("what cannot be converted is one line and a status")
  func refused() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let pickle = try place.write("svd.ckpt", [0x80, 2])
    for (arguments, message) in [
      (["convert", pickle, place.path + "/x"], "never run"),
      (["convert", place.model, place.model], "--force replaces it"),
      (
        ["convert", place.model, place.path + "/x.safetensors", "--variant", "fp16"], "for folders"
      ),
      (
        ["convert", place.model, place.path + "/x", "--max-shard-size", "5 stones"],
        "max-shard-size"
      ),
      (["convert", place.model, place.path + "/x", "--dtype", "float8"], "dtype"),
      (["models", "show", "no model"], "no model"),
      (["generate", "--model", pickle, Assets.photograph], "never run"),
    ] {
      let outcome = try await Programs.run(Programs.zoetrope, arguments)
      #expect(outcome.status != 0)
      #expect(outcome.error.contains(message), "\(arguments): \(outcome.error)")
    }
    #expect(try place.files().sorted() == ["svd.ckpt"])
  }
}
