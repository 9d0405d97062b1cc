// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
public import TensorCore

/// Steps that run the outermost layers alone, with what the deep ones made at an earlier step: DeepCache
/// (Ma, Fang and Wang 2024), which found that deep features hardly change from step to step.
extension UNetSpatioTemporalConditionModel {
  /// The last layers on the way up, as many as are run at every step.
  ///
  /// With two of them one layer on the way down is needed: the first of the branches of DeepCache's code
  /// for Stable Video Diffusion.
  static let outerLayers = 2

  /// Predicts the velocity of a noisy sample from what the deep layers made before.
  ///
  /// - Parameters:
  ///   - sample: As for a whole step.
  ///   - time: This step's, from `times`.
  ///   - conditioning: From `prepare`.
  ///   - deepFeature: From a whole step with the same halves: `[halves · videos · frames, height, width,
  ///     channels]`.
  /// - Returns: `[halves · videos · frames, height, width, latents]`.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails.
  public func callAsFunction(
    _ sample: Tensor,
    time: Time,
    _ conditioning: Conditioning,
    deepFeature: Tensor
  )
    throws(TensorError) -> Tensor
  {
    let entering = (down.first?.layers ?? []).prefix(Self.outerLayers - 1)
    let leaving = (up.last?.layers ?? []).suffix(Self.outerLayers)
    var run = Run(time: time, conditioning: conditioning)
    run.skip(entering: Array(entering), leaving: Array(leaving))
    var skips = [try enter(sample, conditioning)]
    for layer in entering { skips.append(try run.apply(layer, skips[skips.count - 1])) }
    var x = deepFeature
    for (layer, skip) in zip(leaving, skips.reversed()) {
      x = try run.apply(layer, x.concatenatingColumns(skip))
    }
    return try output(outputNorm(x, silu: true))
  }
}

extension UNetSpatioTemporalConditionModel.Run {
  /// Passes over everything between the first layers and the last.
  fileprivate mutating func skip(entering: [UNetLayer], leaving: [UNetLayer]) {
    func count(_ layers: [UNetLayer]) -> Int { layers.count { $0.transformer != nil } }
    times = times.prefix(entering.count) + times.suffix(leaving.count)
    transformers = transformers.prefix(count(entering)) + transformers.suffix(count(leaving))
  }
}
