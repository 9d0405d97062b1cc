// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import TensorCore

/// An operation on operands of some shape, to be computed by two backends and compared.
package struct OperationCase: Sendable, CustomStringConvertible {
  package let name: String
  /// Whether 16-bit numbers cannot hold what the case is about.
  package let needsFullPrecision: Bool
  package let run: @Sendable (inout Operands) throws -> Tensor

  init(
    _ name: String,
    needsFullPrecision: Bool = false,
    _ run: @escaping @Sendable (inout Operands) throws -> Tensor
  ) {
    self.name = name
    self.needsFullPrecision = needsFullPrecision
    self.run = run
  }

  package var description: String { name }

  /// Whether a backend that computes feed-forwards in 8 bits does so with this one's channels.
  package var fitsFloat8: Bool {
    ["of 320", "of 640", "of 128"].contains { name.hasPrefix("feed-forward") && name.hasSuffix($0) }
  }

  /// Every operation over shapes odd and even, small enough for the plain loops.
  package static let all: [OperationCase] = [
    linears, feedForwards, convolutions, norms, attentions, activations, sums, steps, layouts,
    [formula],
  ].flatMap(\.self)

  static let linears: [OperationCase] = {
    typealias Sizes = (x: Shape, outputs: Int, bias: Shape?, residual: Bool)
    let sizes: [Sizes] = [
      ([7, 1], 1, nil, false), ([7, 5], 3, [3], false), ([65, 33], 8, [8], true),
      ([2, 3, 8], 33, [33], false), ([1, 64], 64, nil, true), ([64, 320], 320, [320], true),
      ([12, 24], 16, [3, 16], false), ([2, 6, 5, 20], 9, [2, 9], true), ([0, 8], 4, [4], true),
      ([5], 3, [3], false), ([300, 1280], 40, [40], true), ([33, 5120], 16, [16], false),
    ]
    return sizes.map { x, outputs, bias, residual in
      OperationCase(
        "linear \(x) to \(outputs)\(bias.map { ", bias \($0)" } ?? "")"
          + (residual ? ", residual" : "")
      ) { operands in
        let input = try operands.tensor(x)
        let weight = try operands.weight([outputs, x.columns])
        return try input.linear(
          weight,
          bias: bias.map { try operands.tensor($0) },
          residual: residual ? operands.tensor(x.withColumns(outputs)) : nil
        )
      }
    }
  }()

  /// The widest are those of Stable Video Diffusion's levels, and one between, which some GPUs have kernels for.
  package static let feedForwards: [OperationCase] = [
    (1, 3), (65, 8), (200, 40), (0, 8), (5, 320), (3, 640), (4, 128),
  ].map { (rows: Int, channels: Int) in
    OperationCase("feed-forward \(rows) rows of \(channels)") { operands in
      let weights = try operands.feedForwardWeights(channels)
      return try operands.tensor([rows, channels]).feedForward(
        gated: weights.gated,
        gatedBias: operands.tensor([8 * channels]),
        output: weights.output,
        outputBias: operands.tensor([channels]),
        residual: operands.tensor([rows, channels])
      )
    }
  }

  static let convolutions: [OperationCase] = {
    typealias Sizes = (
      x: Shape, outputs: Int, kernel: Extent, stride: Int, padding: Padding, bias: Bool,
      residual: Bool
    )
    let three = Extent(3, 3)
    let around = Padding(1, 1)
    let sizes: [Sizes] = [
      ([2, 6, 7, 8], 16, three, 1, around, true, false),
      ([1, 9, 8, 32], 32, three, 1, around, true, true),
      ([3, 5, 5, 16], 24, three, 1, around, false, false),
      ([1, 5, 4, 3], 5, three, 1, around, true, true),
      ([2, 8, 8, 4], 32, three, 1, around, true, false),
      ([2, 8, 8, 32], 3, three, 1, around, true, false),
      ([2, 8, 8, 32], 4, three, 1, around, true, true),
      ([2, 9, 8, 16], 16, three, 2, around, true, false),
      ([1, 8, 9, 16], 16, three, 2, Padding(top: 0, left: 0, bottom: 1, right: 1), true, false),
      ([1, 28, 28, 3], 32, Extent(14, 14), 14, Padding(0, 0), false, false),
      ([2, 4, 5, 16], 24, Extent(1, 1), 1, Padding(0, 0), true, true),
      ([2, 4, 5, 6], 10, Extent(1, 1), 1, Padding(0, 0), true, true),
      (
        [2, 4, 5, 16], 16, Extent(2, 2), 1, Padding(top: 1, left: 1, bottom: 0, right: 0), true,
        false
      ),
      (
        [2, 4, 5, 16], 16, Extent(2, 2), 1, Padding(top: 0, left: 1, bottom: 1, right: 0), true,
        false
      ),
      ([2, 5, 12, 32], 32, Extent(3, 1), 1, Padding(1, 0), true, true),
      ([1, 5, 12, 3], 3, Extent(3, 1), 1, Padding(1, 0), true, false),
      ([1, 1, 12, 8], 8, Extent(3, 1), 1, Padding(1, 0), true, false),
      ([0, 4, 4, 8], 8, three, 1, around, true, false),
      ([2, 1, 515, 64], 128, Extent(3, 1), 1, Padding(1, 0), true, true),
      ([1, 3, 512, 64], 128, Extent(3, 1), 1, Padding(1, 0), false, false),
      ([1, 2, 513, 64], 256, Extent(3, 1), 1, Padding(1, 0), true, false),
      ([1, 2, 513, 64], 320, Extent(3, 1), 1, Padding(1, 0), true, true),
    ]
    return sizes.map { x, outputs, kernel, stride, padding, bias, residual in
      OperationCase(
        "convolution \(x) to \(outputs), kernel \(kernel.height)x\(kernel.width), stride \(stride), "
          + "padding \(padding.top) \(padding.left) \(padding.bottom) \(padding.right)"
          + (bias ? ", bias" : "") + (residual ? ", residual" : "")
      ) { operands in
        let shape: Shape = [outputs, x[3], kernel.height, kernel.width]
        let input = try operands.tensor(x)
        let weight = try operands.weight(shape)
        let step = Extent(stride, stride)
        let size = input.convolved(by: shape, stride: step, padding: padding)
        return try input.convolution(
          weight,
          bias: bias ? operands.tensor([outputs]) : nil,
          stride: step,
          padding: padding,
          residual: residual ? operands.tensor([x[0], size.height, size.width, outputs]) : nil
        )
      }
    }
  }()

  static let norms: [OperationCase] = {
    let groups: [(x: Shape, groups: Int, mean: Float, deviation: Float)] = [
      ([1, 1, 1, 64], 32, 0, 1), ([2, 5, 7, 32], 32, 0, 1), ([3, 4, 3, 64], 32, 3, 0.5),
      ([2, 3, 3, 33], 3, 0, 1), ([4, 5], 5, 0, 1), ([2, 3, 170, 40], 8, 0, 1),
      ([0, 4, 4, 32], 32, 0, 1), ([1, 2049, 64], 32, 0, 1), ([2, 6, 5, 320], 32, 0, 1),
      ([1, 8, 8, 32], 32, 1000, 1), ([1, 500, 32], 32, -30_000, 1),
      ([1, 8, 8, 32], 32, 1000, 0.01), ([2, 700, 640], 32, 0, 1), ([1, 40, 2560], 32, 1, 1),
    ]
    let layers: [(x: Shape, mean: Float, deviation: Float)] = [
      ([7, 3], 0, 1), ([65, 33], 3, 0.5), ([4, 1280], 0, 1), ([3, 2, 8], 0, 1), ([0, 8], 0, 1),
      ([35, 320], 1, 2), ([5, 640], -1, 0.5), ([17, 640], 0, 1),
      ([9, 320], 1000, 1), ([3, 1536], 0, 1), ([3, 1544], 0, 1),
    ]
    return groups.flatMap { x, groups, mean, deviation in
      [false, true].map { silu in
        OperationCase(
          "group norm \(x) in \(groups), mean \(mean), deviation \(deviation)"
            + (silu ? ", silu" : ""),
          needsFullPrecision: abs(mean) > 100
        ) { operands in
          try operands.tensor(x, mean: mean, deviation: deviation).groupNorm(
            groups: groups,
            weight: operands.tensor([x.columns], mean: 1, deviation: 0.3),
            bias: operands.tensor([x.columns]),
            epsilon: 1e-5,
            silu: silu
          )
        }
      }
    }
      + layers.map { x, mean, deviation in
        OperationCase("layer norm \(x), mean \(mean)", needsFullPrecision: abs(mean) > 100) {
          operands in
          try operands.tensor(x, mean: mean, deviation: deviation).layerNorm(
            weight: operands.tensor([x.columns], mean: 1, deviation: 0.3),
            bias: operands.tensor([x.columns]),
            epsilon: 1e-5
          )
        }
      }
  }()

  static let attentions: [OperationCase] = {
    let tokens: [(x: Shape, heads: Int)] = [
      ([2, 7, 24], 2), ([1, 1, 24], 1), ([3, 64, 3 * 64], 1), ([2, 65, 3 * 128], 2),
      ([1, 257, 3 * 80], 1), ([1, 33, 3 * 512], 1), ([2, 40, 3 * 10], 2), ([0, 4, 24], 1),
      ([1, 144, 3 * 320], 5), ([2, 256, 3 * 320], 1),
    ]
    let frames: [(x: Shape, heads: Int)] = [
      ([2, 3, 4, 24], 2), ([1, 25, 3, 3 * 64], 1), ([1, 33, 2, 3 * 128], 2), ([1, 1, 2, 24], 1),
      ([1, 90, 2, 3 * 256], 1), ([2, 5, 3, 30], 2), ([0, 4, 4, 24], 1), ([2, 25, 3, 3 * 128], 2),
      ([1, 14, 5, 3 * 64], 1), ([1, 32, 3, 3 * 192], 3), ([1, 1, 2, 3 * 64], 1),
      ([2, 50, 3, 3 * 128], 2),
      ([1, 64, 2, 3 * 64], 1),
    ]
    return tokens.map { x, heads in
      OperationCase("attention over tokens \(x), \(heads) heads") { operands in
        try operands.tensor(x).tokenAttention(heads: heads)
      }
    }
      + frames.map { x, heads in
        OperationCase("attention over frames \(x), \(heads) heads") { operands in
          try operands.tensor(x).frameAttention(heads: heads)
        }
      }
  }()

  static let activations: [OperationCase] = Activation.allCases.flatMap { function in
    ([[4, 5], [16, 8], [0, 3]] as [Shape]).map { shape in
      OperationCase("\(function) \(shape)") { operands in
        try operands.tensor(shape, deviation: 3).activated(function)
      }
    }
  }

  static let sums: [OperationCase] = ([[4, 5], [16, 8]] as [Shape]).flatMap { shape in
    [
      OperationCase("combine \(shape)") { operands in
        try operands.tensor(shape).combined(0.4, with: operands.tensor(shape), 0.6)
      },
      OperationCase("add rows by blocks \(shape)") { operands in
        let x = try operands.tensor(shape)
        return try x.addingRows(of: operands.tensor([2, shape.columns]), .blocks(of: 2))
      },
      OperationCase("add rows by indices \(shape)") { operands in
        let x = try operands.tensor(shape)
        let indices = (0..<shape.rows).map { Int32($0 * 7 % 3) }
        return try x.addingRows(of: operands.tensor([3, shape.columns]), .indices(indices))
      },
    ]
  }

  static let steps: [OperationCase] = Precision.allCases.flatMap { precision in
    [true, false].map { isGuided in
      OperationCase("step in \(precision)\(isGuided ? ", guided" : "")") { operands in
        let x = try operands.tensor([2, 3, 4], deviation: 20)
        return try x.eulerStep(
          velocity: operands.tensor([isGuided ? 4 : 2, 3, 4]),
          guidance: isGuided ? [1, 2, 3] : nil,
          step: EulerStep(sigma: 21.3, next: 17.77, precision: precision)
        )
      }
    }
  }

  static let layouts: [OperationCase] = ([[2, 3, 2, 5], [1, 4, 3, 16]] as [Shape]).flatMap {
    shape in
    [
      OperationCase("upsample \(shape)") { operands in
        try operands.tensor(shape).upsampled(to: Extent(5, 7))
      },
      OperationCase("interleave \(shape)") { operands in
        let phases = try (0..<4).map { _ in try operands.tensor(shape) }
        return try Tensor.interleaving(phases)
      },
      OperationCase("rows \(shape)") { operands in
        try Tensor.concatenatingRows([operands.tensor(shape), operands.tensor(shape)])
      },
      OperationCase("columns \(shape)") { operands in
        let x = try operands.tensor(shape)
        return try x.concatenatingColumns(operands.tensor(shape.withColumns(24)))
      },
      OperationCase("slice \(shape)") { operands in
        let whole = try operands.tensor(Shape([3 * shape[0]] + shape.dimensions.dropFirst()))
        return try whole.slice(shape[0]..<2 * shape[0]).activated(.silu)
      },
    ]
  }

  static let formula = OperationCase("numbers by formula") { operands in
    try operands.backend.uniform([1001], key: 0x1234_5678_9ABC, mean: 0.5, width: 0.125)
  }
}
