// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// The program on a GPU that is only pretended.
enum PretendGPU {
  /// Runs `zoetrope bench`.
  ///
  /// - Parameters:
  ///   - place: Has the model.
  ///   - megabytes: The GPU's memory.
  ///   - capability: Its compute capability, as 90 for 9.0.
  ///   - clip: What to make, in one step.
  ///   - arguments: Further arguments.
  /// - Returns: What the program said.
  /// - Throws: If it cannot be run.
  static func bench(
    _ place: borrowing Workplace,
    megabytes: Int = 4096,
    capability: Int = 90,
    clip: [String] = ["--width", "32", "--height", "16", "--num-frames", "2"],
    _ arguments: String...
  ) async throws -> Outcome {
    // The driver comes from the loader's path alone.
    let folder = place.path + "/lib"
    let library = Programs.folder + "/libFakeCUDA.so"
    if !FileManager.default.fileExists(atPath: folder) {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/libcuda.so.1",
        withDestinationPath: library
      )
    }
    return try await Programs.run(
      Programs.zoetrope,
      ["bench", "--model", place.model, "--device", "cuda"] + arguments
        + clip + ["--num-inference-steps", "1"],
      environment: [
        "LD_LIBRARY_PATH":
          "\(folder):\(ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] ?? "")",
        "ZOETROPE_CUDA_PATH": library,
        "FAKE_CUDA_MEMORY": "\(megabytes << 20)",
        "FAKE_CUDA_CAPABILITY": "\(capability)",
        "XDG_CACHE_HOME": place.path + "/cache",
      ]
    )
  }
}
