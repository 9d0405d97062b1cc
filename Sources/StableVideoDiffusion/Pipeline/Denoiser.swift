// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCore

/// What the model says at each step of a generation: of both halves of a guided batch or of one, and by the
/// whole model or by its outermost layers.
struct Denoiser {
  private let model: StableVideoDiffusionModel
  private let plan: Plan
  private let times: [UNetSpatioTemporalConditionModel.Time]
  private let whole: UNetSpatioTemporalConditionModel.Conditioning
  /// The conditional half's; nil if there are no steps without the other.
  private let conditional: UNetSpatioTemporalConditionModel.Conditioning?
  private var kept: DeepFeature?

  /// What the deep layers made at the last whole step.
  private struct DeepFeature {
    var feature: Tensor
    var halves: Int
    /// Steps since then, that one included.
    var age = 1
  }

  /// - Parameters:
  ///   - model: The model.
  ///   - plan: What is being made.
  ///   - times: Of all steps.
  ///   - conditioning: Of both halves, if there is guidance.
  /// - Throws: `TensorError` if shapes do not fit.
  init(
    _ model: StableVideoDiffusionModel,
    _ plan: Plan,
    _ times: [UNetSpatioTemporalConditionModel.Time],
    _ conditioning: UNetSpatioTemporalConditionModel.Conditioning
  ) throws(TensorError) {
    self.model = model
    self.plan = plan
    self.times = times
    whole = conditioning
    conditional =
      plan.halves == 2 && times.indices.contains { plan.guidance(at: $0) == nil }
      ? try conditioning.half(1) : nil
  }

  /// Predicts the velocity at a step; steps come in order.
  ///
  /// - Parameters:
  ///   - sample: `[videos · frames, height, width, channels]`, scaled for the model.
  ///   - index: The step, from zero.
  /// - Returns: As many clips as the sample has; twice as many where `plan.guidance(at:)` is not nil, the
  ///   unconditional half first.
  /// - Throws: `TensorError` if shapes do not fit or the backend fails; `CancellationError` between halves.
  mutating func velocity(of sample: Tensor, at index: Int) throws -> Tensor {
    let isGuided = plan.guidance(at: index) != nil
    let conditioning = isGuided ? whole : conditional ?? whole
    let time = times[index]
    guard let cache = plan.request.cache else {
      return try model.velocity(of: sample, time: time, conditioning)
    }
    if let feature = try feature(of: conditioning.halves, cache) {
      return try model.velocity(of: sample, time: time, conditioning, deepFeature: feature)
    }
    // Not beside the next one.
    kept = nil
    var feature: Tensor?
    let velocity = try model.velocity(of: sample, time: time, conditioning) { feature = $0 }
    kept = feature.map { DeepFeature(feature: $0, halves: conditioning.halves) }
    return velocity
  }

  /// What the deep layers made, if it is young enough and has the halves that are needed.
  private mutating func feature(of halves: Int, _ cache: DeepCache) throws(TensorError) -> Tensor? {
    guard var found = kept, found.age < cache.interval, found.halves >= halves else { return nil }
    if found.halves > halves {
      let clips = found.feature.shape[0] / found.halves
      found.feature = try found.feature.slice((found.halves - 1) * clips..<found.halves * clips)
      found.halves = halves
    }
    found.age += 1
    kept = found
    return found.feature
  }
}
