// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Files that torch writes by default.
enum Pickle {
  private static let endings: Set = ["bin", "ckpt", "pt", "pth", "pkl"]

  /// Refuses a file whose name says that it may hold a pickle.
  ///
  /// - Throws: ``ConfigurationError`` with the way to convert it.
  static func refuse(_ path: String) throws(ConfigurationError) {
    let name = path.split(separator: "/").last ?? ""
    guard let ending = name.split(separator: ".").last?.lowercased(), endings.contains(ending)
    else { return }
    throw ConfigurationError(
      path,
      nil,
      "may hold a pickle, which is a program and is never run: save its tensors as safetensors, with "
        + "torch.load(…, weights_only=True) and safetensors.torch.save_file"
    )
  }
}
