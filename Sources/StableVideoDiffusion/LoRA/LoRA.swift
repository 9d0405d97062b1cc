// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// A LoRA (Hu and others 2021) that is added to a denoiser when it is loaded, and how strongly.
public struct LoRA: Sendable, Equatable {
  /// The safetensors file.
  public let path: String
  /// What its contribution is multiplied by, beside the factor that the file itself asks for.
  public let scale: Float

  /// Finds a LoRA.
  ///
  /// - Parameters:
  ///   - path: The file; or a folder that holds one under the name that diffusers or peft gives it.
  ///   - scale: What its contribution is multiplied by; a finite number.
  /// - Throws: `ConfigurationError` if there is none, for a pickle, which is never loaded, and for a scale
  ///   that is not finite.
  public init(_ path: String, scale: Float = 1) throws(ConfigurationError) {
    guard scale.isFinite else {
      throw ConfigurationError(path, nil, "has the scale \(scale), which is not a finite number")
    }
    self.scale = scale
    let files = FileManager.default
    var isFolder = false
    guard files.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ConfigurationError(path, nil, "is not there; a LoRA is a safetensors file")
    }
    guard isFolder else {
      try Pickle.refuse(path)
      self.path = path
      return
    }
    let names = [Self.diffusersName, Self.peftName]
    guard let name = names.first(where: { files.fileExists(atPath: "\(path)/\($0)") }) else {
      throw ConfigurationError(
        path,
        nil,
        "is a folder without \(names.joined(separator: " or ")): name the safetensors file"
      )
    }
    self.path = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
  }

  private static let diffusersName = "pytorch_lora_weights.safetensors"
  /// What peft calls its files, beside which it has the settings.
  static let peftName = "adapter_model.safetensors"
}
