// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials

/// What peft's settings say of the factor of each layer's contribution.
struct LoRAFactors {
  private var alpha: Double?
  private var alphas: [String: Double] = [:]
  private var dividesByRoot = false

  /// Says nothing: each contribution is taken as it is.
  init() {}

  /// Reads peft's settings.
  ///
  /// - Parameters:
  ///   - text: A JSON object: `adapter_config.json`, or what diffusers puts into a file's head.
  ///   - path: Where it stands, for messages.
  ///   - prefix: What stands before the keys that are for the denoiser.
  /// - Throws: ``ConfigurationError`` for what is no such object, and for settings of another kind of
  ///   adapter.
  init(_ text: String, path: String, prefix: String) throws(ConfigurationError) {
    let settings: [String: Setting]
    do { settings = try JSONDecoder().decode([String: Setting].self, from: Data(text.utf8)) } catch
    {
      throw ConfigurationError(path, nil, "does not hold peft's settings as a JSON object")
    }
    func setting(_ key: String) -> Setting? { settings[prefix + key] }
    if case .flag(true) = setting("use_dora") {
      throw ConfigurationError(path, prefix + "use_dora", LoRAKey.explain("dora_scale"))
    }
    if case .flag(true) = setting("use_rslora") { dividesByRoot = true }
    if case .number(let value) = setting("lora_alpha") { alpha = value }
    if case .numbers(let values) = setting("alpha_pattern") {
      // They may be regular expressions; what is written by programs is names.
      for name in values.keys.sorted() where name.contains(where: { "*+?()[]{}|\\$".contains($0) })
      {
        throw ConfigurationError(
          path,
          prefix + "alpha_pattern",
          "\(name) is an expression and no layer's name, which is not supported"
        )
      }
      alphas = values
    }
  }

  private enum Setting: Decodable {
    case flag(Bool)
    case number(Double)
    case numbers([String: Double])
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let numbers = try? container.decode([String: Double].self) {
        self = .numbers(numbers)
      } else {
        self = .other
      }
    }
  }

  /// The factor of a layer's contribution.
  ///
  /// - Parameters:
  ///   - layer: Its name in diffusers.
  ///   - rank: How many rows the first of the two matrices has.
  /// - Returns: The factor, 1 where nothing is said.
  func factor(of layer: String, rank: Int) -> Double {
    let own = alphas.first { name, _ in
      name.hasPrefix("^") ? layer == name.dropFirst() : layer == name || layer.hasSuffix("." + name)
    }
    guard let alpha = own?.value ?? alpha else { return 1 }
    return alpha / (dividesByRoot ? Double(rank).squareRoot() : Double(rank))
  }
}
