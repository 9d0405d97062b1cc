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
  /// - Returns: As the denoiser does, for all halves.
  /// - Throws: `TensorError` as the denoiser; `CancellationError` if the task was cancelled while one
  ///   half of two was denoised.
  func velocity(
    of sample: Tensor,
    time: UNetSpatioTemporalConditionModel.Time,
    _ conditioning: UNetSpatioTemporalConditionModel.Conditioning
  ) throws -> Tensor {
    guard memory == .low, conditioning.halves > 1 else {
      return try unet(sample, time: time, conditioning)
    }
    return try Tensor.concatenatingRows(
      (0..<conditioning.halves).map { half in
        try Task.checkCancellation()
        return try unet(sample, time: time, conditioning.half(half))
      }
    )
  }
}
