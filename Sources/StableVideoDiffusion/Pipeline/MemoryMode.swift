// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import TensorCore

/// Whether memory or time is spared; what is computed is the same but for rounding.
public enum MemoryMode: String, Sendable, CaseIterable {
  /// All weights stay where the model computes, and both halves of the guidance are one batch.
  case standard
  /// The image encoder's weights are there while they are used alone, and the halves of the guidance
  /// are denoised one after the other.
  case low
}

extension StableVideoDiffusionModel {
  /// Predicts the velocity of a noisy sample, in as many batches as the memory is to be used for.
  ///
  /// - Parameters:
  ///   - sample: As the denoiser takes it.
  ///   - time: This step's.
  ///   - conditioning: What was prepared for all halves of the batch.
  ///   - deepFeature: What the deep layers made of all halves at an earlier step, if they are to be left out.
  ///   - keep: Given what the deep layers made of all halves, if it is wanted.
  /// - Returns: As the denoiser does, for all halves.
  /// - Throws: `TensorError` as the denoiser; `CancellationError` if the task was cancelled while one
  ///   half of two was denoised.
  func velocity(
    of sample: Tensor,
    time: UNetSpatioTemporalConditionModel.Time,
    _ conditioning: UNetSpatioTemporalConditionModel.Conditioning,
    deepFeature: Tensor? = nil,
    keeping keep: ((Tensor) -> Void)? = nil
  ) throws -> Tensor {
    func run(
      _ conditioning: UNetSpatioTemporalConditionModel.Conditioning,
      _ deepFeature: Tensor?,
      _ keep: ((Tensor) -> Void)?
    ) throws -> Tensor {
      if let deepFeature {
        return try unet(sample, time: time, conditioning, deepFeature: deepFeature)
      }
      return try unet(sample, time: time, conditioning) { keep?($0) }
    }
    let halves = conditioning.halves
    guard memory == .low, halves > 1 else { return try run(conditioning, deepFeature, keep) }
    var features: [Tensor] = []
    let velocities = try (0..<halves).map { half in
      try Task.checkCancellation()
      return try run(
        conditioning.half(half),
        deepFeature.map { feature in
          let clips = feature.shape[0] / halves
          return try feature.slice(half * clips..<(half + 1) * clips)
        },
        keep == nil ? nil : { features.append($0) }
      )
    }
    if let keep { keep(try Tensor.concatenatingRows(features)) }
    return try Tensor.concatenatingRows(velocities)
  }
}
