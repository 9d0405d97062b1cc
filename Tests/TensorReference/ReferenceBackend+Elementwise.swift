// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
package import TensorCore

extension ReferenceBackend {
  package func groupNorm(
    _ x: Tensor,
    groups: Int,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float,
    silu: Bool
  ) throws(TensorError) -> Tensor {
    let (source, weight, bias) = (try values(x), try values(weight), try values(bias))
    let pieces = x.shape[0]
    let channels = x.shape.columns
    let width = channels / groups
    let rows = x.shape.rows / max(pieces, 1)
    var statistics: [(mean: Double, variance: Double)] = []
    for piece in 0..<pieces {
      for group in 0..<groups {
        var elements: [Float] = []
        for row in 0..<rows {
          let start = (piece * rows + row) * channels + group * width
          elements += source[start..<start + width]
        }
        statistics.append(Self.statistics(elements))
      }
    }
    return tensor(x.shape) { index in
      let channel = index % channels
      let piece = index / channels / rows
      let (mean, variance) = statistics[piece * groups + channel / width]
      let normal = (Double(source[index]) - mean) / (variance + Double(epsilon)).squareRoot()
      let y = normal * Double(weight[channel]) + Double(bias[channel])
      return silu ? Self.silu(y) : y
    }
  }

  package func layerNorm(
    _ x: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: Float
  )
    throws(TensorError) -> Tensor
  {
    let (source, weight, bias) = (try values(x), try values(weight), try values(bias))
    let columns = x.shape.columns
    let statistics = (0..<x.shape.rows).map { row in
      Self.statistics(Array(source[row * columns..<(row + 1) * columns]))
    }
    return tensor(x.shape) { index in
      let (mean, variance) = statistics[index / columns]
      let normal = (Double(source[index]) - mean) / (variance + Double(epsilon)).squareRoot()
      return normal * Double(weight[index % columns]) + Double(bias[index % columns])
    }
  }

  /// Mean and variance, the variance as the mean of the squared distances.
  private static func statistics(_ values: [Float]) -> (mean: Double, variance: Double) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    let squares = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (mean, squares / count)
  }

  package func activate(_ x: Tensor, _ activation: Activation) throws(TensorError) -> Tensor {
    let source = try values(x)
    return tensor(x.shape) { index in
      let x = Double(source[index])
      return switch activation {
      case .silu: Self.silu(x)
      case .gelu: Self.gelu(x)
      case .quickGelu: x / (1 + exp(-1.702 * x))
      }
    }
  }

  static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
  static func gelu(_ x: Double) -> Double { x / 2 * (1 + erf(x / 2.0.squareRoot())) }

  package func combine(
    _ a: Tensor,
    _ alpha: Float,
    _ b: Tensor,
    _ beta: Float
  )
    throws(TensorError) -> Tensor
  {
    let (first, second) = (try values(a), try values(b))
    return tensor(a.shape) { index in
      Double(alpha) * Double(first[index]) + Double(beta) * Double(second[index])
    }
  }

  /// In float32 with every operation rounded, since that is how a step is defined.
  package func eulerStep(
    _ x: Tensor,
    velocity: Tensor,
    guidance: [Float]?,
    step: EulerStep
  )
    throws(TensorError) -> Tensor
  {
    let (sample, velocities) = (try values(x), try values(velocity))
    let piece = x.shape.dimensions.dropFirst(2).reduce(1, *)
    var result: [Float] = []
    for index in sample.indices {
      var velocity = velocities[index]
      if let guidance {
        let conditional = velocities[sample.count + index]
        velocity += guidance[index / piece % x.shape[1]] * (conditional - velocity)
      }
      result.append(step.advance(sample[index], velocity: velocity))
    }
    return tensor(x.shape, result)
  }
}
