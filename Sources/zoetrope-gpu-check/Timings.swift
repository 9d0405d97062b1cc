// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import CUDA
import TensorCUDA
import TensorCore

extension Report {
  /// What the operations that fill a denoising step take, by the GPU's own clock.
  mutating func measure(_ engine: CUDAEngine, _ element: Element) {
    let backend = CUDABackend(engine, element)
    // Of the backend's type, as inside a model.
    func operand(_ shape: Shape) throws -> Tensor {
      try backend.cast(backend.uniform(shape, key: 5, mean: 0, width: 1), to: element, "measure")
    }
    func weight(_ shape: Shape) throws -> any PreparedWeight {
      try backend.prepare(backend.uniform(shape, key: 7, mean: 0, width: 0.05))
    }
    func time(_ name: String, _ operations: Double, _ make: () throws -> () throws -> Tensor) {
      check("speed \(element)", name) {
        let run = try make()
        _ = try run()
        _ = try run()
        let rounds = 5
        let start = try Event(engine.device)
        for _ in 0..<rounds { _ = try run() }
        let seconds = try Event(engine.device).seconds(since: start) / Double(rounds)
        return Entry(
          suite: "speed \(element)",
          name: name,
          holds: true,
          milliseconds: seconds * 1000,
          note: operations > 0 ? "\(Report.short(operations / seconds / 1e12)) TFLOP/s" : nil
        )
      }
    }
    for (rows, inputs, outputs) in [
      (460_800, 320, 960), (460_800, 320, 320), (115_200, 640, 640), (28_800, 1280, 1280),
    ] {
      let operations = 2 * Double(rows) * Double(inputs) * Double(outputs)
      time("linear [\(rows), \(inputs)] to \(outputs)", operations) {
        let (x, w) = (try operand([rows, inputs]), try weight([outputs, inputs]))
        let bias = try operand([outputs])
        return { try x.linear(w, bias: bias) }
      }
    }
    for (rows, channels) in [(460_800, 320), (115_200, 640), (28_800, 1280)] {
      let operations = 24 * Double(rows) * Double(channels) * Double(channels)
      var backends = [("", backend)]
      if engine.canComputeInFloat8, element != .float32 {
        backends.append((" in float8", CUDABackend(engine, element, feedForwardsInFloat8: true)))
      }
      for (name, backend) in backends {
        time("feed-forward [\(rows), \(channels)]\(name)", operations) {
          func values(_ shape: Shape) throws -> Tensor {
            try backend.uniform(shape, key: 7, mean: 0, width: 0.05)
          }
          let x = try operand([rows, channels])
          let (gated, output) = try backend.prepareFeedForward(
            gated: values([8 * channels, channels]),
            output: values([channels, 4 * channels])
          )
          let (first, second) = (try operand([8 * channels]), try operand([channels]))
          return {
            try backend.feedForward(
              x,
              gated: gated,
              gatedBias: first,
              output: output,
              outputBias: second,
              residual: x
            )
          }
        }
      }
    }
    for (height, width, channels) in [(72, 128, 320), (36, 64, 640), (18, 32, 1280)] {
      let pixels = Double(50 * height * width)
      time(
        "convolution 3x3 [50, \(height), \(width), \(channels)]",
        18 * pixels * Double(channels * channels)
      ) {
        let x = try operand([50, height, width, channels])
        let (w, bias) = (try weight([channels, channels, 3, 3]), try operand([channels]))
        return { try x.convolution(w, bias: bias, padding: Padding(1, 1), residual: x) }
      }
      time(
        "convolution 3x1 [2, 25, \(height * width), \(channels)]",
        6 * pixels * Double(channels * channels)
      ) {
        let x = try operand([2, 25, height * width, channels])
        let (w, bias) = (try weight([channels, channels, 3, 1]), try operand([channels]))
        return { try x.convolution(w, bias: bias, padding: Padding(1, 0), residual: x) }
      }
      time("group norm [50, \(height), \(width), \(channels)]", 0) {
        let x = try operand([50, height, width, channels])
        let (w, bias) = (try operand([channels]), try operand([channels]))
        return {
          try x.groupNorm(groups: 32, weight: w, bias: bias, epsilon: 1e-5, silu: true)
        }
      }
      time("layer norm [50, \(height * width), \(channels)]", 0) {
        let x = try operand([50, height * width, channels])
        let (w, bias) = (try operand([channels]), try operand([channels]))
        return { try x.layerNorm(weight: w, bias: bias, epsilon: 1e-5) }
      }
      let heads = channels / 64
      let tokens = Double(height * width)
      time(
        "attention [50, \(height * width)], \(heads) heads",
        4 * 50 * Double(channels) * tokens * tokens
      ) {
        let qkv = try operand([50, height * width, 3 * channels])
        return { try qkv.tokenAttention(heads: heads) }
      }
      time("attention over frames [2, 25, \(height * width)], \(heads) heads", 0) {
        let qkv = try operand([2, 25, height * width, 3 * channels])
        return { try qkv.frameAttention(heads: heads) }
      }
    }
  }
}
