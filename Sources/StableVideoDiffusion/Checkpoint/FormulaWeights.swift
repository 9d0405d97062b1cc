// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
package import NeuralNetwork
internal import Synchronization
package import TensorCore

/// Random weights by formula: any tensor of any size from its name and a seed, the same everywhere.
///
/// Element `i` of "component/name" is uniform about a mean that its kind of parameter has, from the
/// top 24 bits of splitmix64's `i`-th output, rounded to 16 bits. Spreads are chosen so that a network
/// of any size keeps its activations near one.
package final class FormulaWeights: WeightSource {
  private let component: String
  private let seed: UInt64
  private let made = Mutex<[(name: String, shape: Shape)]>([])

  /// - Parameters:
  ///   - component: "unet", "vae" or "image_encoder".
  ///   - seed: Another seed makes other weights.
  package init(component: String, seed: UInt64) {
    self.component = component
    self.seed = seed
  }

  /// The tensors that a model has asked for, in its order.
  package var tensors: [(name: String, shape: Shape)] { made.withLock(\.self) }

  package var names: [String] { tensors.map(\.name) }

  package func shape(of name: String, expected: Shape) -> [Int]? {
    made.withLock { $0.append((name, expected)) }
    return expected.dimensions
  }

  package func load(
    _ name: String,
    scale: Float,
    to backend: any Backend
  ) throws(WeightsError) -> Tensor {
    let shape = tensors.last { $0.name == name }?.shape ?? []
    let recipe = Recipe(component + "/" + name, shape, seed: seed)
    do {
      if recipe.hasIdentity {
        let values = elements(name, shape).map { scale * Float($0) }
        return try backend.upload(values, shape: shape)
      }
      let tensor = try backend.uniform(
        shape,
        key: recipe.key,
        mean: recipe.mean,
        width: recipe.width
      )
      return scale == 1 ? tensor : try tensor.scaled(by: scale)
    } catch {
      throw WeightsError(.read, component, name, "could not be made: \(error)")
    }
  }

  /// What a tensor's elements are made from.
  private struct Recipe {
    let key: UInt64
    let mean, width: Double
    /// Whether one is added along the middle tap's diagonal.
    let hasIdentity: Bool

    init(_ name: String, _ shape: Shape, seed: UInt64) {
      let (mean, deviation) = FormulaWeights.distribution(name, shape)
      self.mean = mean
      width = 3.0.squareRoot() * deviation
      key = UniformSequence.mix(FormulaWeights.hash(name) ^ (seed &* UniformSequence.golden))
      // Near the identity, which keeps frames in range.
      hasIdentity = name.hasSuffix("time_conv_out.weight")
    }
  }

  /// The elements of a tensor.
  package func elements(_ name: String, _ shape: Shape) -> [Float16] {
    let recipe = Recipe(component + "/" + name, shape, seed: seed)
    guard recipe.hasIdentity else {
      return UniformSequence(key: recipe.key, mean: recipe.mean, width: recipe.width)
        .elements(shape.count).map { Float16($0) }
    }
    var values = UniformSequence(key: recipe.key, mean: recipe.mean, width: recipe.width)
      .unrounded(shape.count)
    // Channel c of the middle tap of output c.
    for channel in 0..<shape[0] { values[(channel * shape[1] + channel) * shape[2] + 1] += 1 }
    return values.map { Float16($0) }
  }

  /// FNV-1a.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// Mean and standard deviation of a parameter.
  private static func distribution(_ name: String, _ shape: Shape) -> (Double, Double) {
    if name.hasSuffix("mix_factor") { return (0, 0.6) }
    if name.hasSuffix("class_embedding") { return (0, 0.5) }
    if name.hasSuffix("position_embedding.weight") { return (0, 0.3) }
    if shape.rank == 1 { return name.hasSuffix("weight") ? (1, 0.1) : (0, 0.05) }
    let fanIn = shape.dimensions.dropFirst().reduce(1, *)
    return (0, gain(name) / Double(fanIn).squareRoot())
  }

  private static func gain(_ name: String) -> Double {
    func holds(_ parts: String...) -> Bool { parts.contains { name.contains($0) } }
    if holds("to_q.", "to_k.", "q_proj.", "k_proj.") { return 1.5 }
    if holds("time_conv_out") { return 0.4 }
    if holds("ff") && holds(".net.2.") { return 1.5 }
    if holds("fc2") { return 1.5 }
    if holds(".conv1.", ".conv2.") { return 1.4 }
    if holds("conv_out") && holds("decoder") { return 0.7 }
    if holds("quant_conv") { return 2 }
    if holds("conv_out") { return 1.6 }
    let embeddings = ["linear_1", "linear_2"].flatMap { ["embedding.\($0)", "embed.\($0)"] }
    return embeddings.contains { name.contains($0) } ? 1.4 : 1
  }
}
