// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif
package import TensorCore

extension ReferenceBackend {
  package func linear(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let weight = try self.weight(weight)
    let (source, bias, residual) = (try values(x), try values(bias), try values(residual))
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let groups = max((bias?.count ?? 0) / max(outputs, 1), 1)
    let rowsOfGroup = max(x.shape.rows / groups, 1)
    return tensor(x.shape.withColumns(outputs)) { index in
      let row = index / outputs
      let output = index % outputs
      var sum = Double(bias?[row / rowsOfGroup * outputs + output] ?? 0)
      for input in 0..<inputs {
        sum += Double(source[row * inputs + input]) * Double(weight.values[output * inputs + input])
      }
      return sum + Double(residual?[index] ?? 0)
    }
  }

  package func feedForward(
    _ x: Tensor,
    gated: any PreparedWeight,
    gatedBias: Tensor,
    output: any PreparedWeight,
    outputBias: Tensor,
    residual: Tensor
  ) throws(TensorError) -> Tensor {
    let wide = try linear(factors(x), weight: gated, bias: gatedBias, residual: nil)
    let both = try values(wide)
    let hidden = output.shape[1]
    let narrow = tensor(x.shape.withColumns(hidden)) { index in
      let start = index / hidden * 2 * hidden + index % hidden
      return Double(both[start]) * Self.gelu(Double(both[start + hidden]))
    }
    return try linear(factors(narrow), weight: output, bias: outputBias, residual: residual)
  }

  package func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let weight = try self.weight(weight)
    let (source, bias, residual) = (try values(x), try values(bias), try values(residual))
    let (height, width, inputs) = (x.shape[1], x.shape[2], x.shape[3])
    let (outputs, kernelHeight, kernelWidth) = (weight.shape[0], weight.shape[2], weight.shape[3])
    let size = x.convolved(by: weight.shape, stride: stride, padding: padding)
    return tensor(Shape([x.shape[0], size.height, size.width, outputs])) { index in
      let output = index % outputs
      let pixel = index / outputs
      let left = pixel % size.width * stride.width - padding.left
      let top = pixel / size.width % size.height * stride.height - padding.top
      let image = pixel / size.width / size.height
      var sum = Double(bias?[output] ?? 0)
      for kernelRow in 0..<kernelHeight {
        let row = top + kernelRow
        guard row >= 0, row < height else { continue }
        for kernelColumn in 0..<kernelWidth {
          let column = left + kernelColumn
          guard column >= 0, column < width else { continue }
          let start = ((image * height + row) * width + column) * inputs
          for input in 0..<inputs {
            let tap =
              ((output * inputs + input) * kernelHeight + kernelRow) * kernelWidth + kernelColumn
            sum += Double(source[start + input]) * Double(weight.values[tap])
          }
        }
      }
      return sum + Double(residual?[index] ?? 0)
    }
  }

  package func tokenAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let (images, tokens) = (qkv.shape[0], qkv.shape[1])
    let sets = (0..<images).map { image in (0..<tokens).map { image * tokens + $0 } }
    return try attention(qkv, heads: heads, among: sets)
  }

  package func frameAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let (clips, frames, tokens) = (qkv.shape[0], qkv.shape[1], qkv.shape[2])
    let sets = (0..<clips).flatMap { clip in
      (0..<tokens).map { token in
        (0..<frames).map { (clip * frames + $0) * tokens + token }
      }
    }
    return try attention(qkv, heads: heads, among: sets)
  }

  /// Softmax attention among the rows of each set.
  private func attention(
    _ qkv: Tensor,
    heads: Int,
    among sets: [[Int]]
  ) throws(TensorError)
    -> Tensor
  {
    let source = try values(qkv)
    let channels = qkv.shape.columns / 3
    let size = channels / heads
    let scale = 1 / Double(size).squareRoot()
    var result = [Float](repeating: 0, count: qkv.shape.rows * channels)
    for rows in sets {
      for head in 0..<heads {
        for row in rows {
          let query = row * 3 * channels + head * size
          var scores = rows.map { other in
            let key = other * 3 * channels + channels + head * size
            var sum = 0.0
            for d in 0..<size { sum += Double(source[query + d]) * Double(source[key + d]) }
            return sum * scale
          }
          let most = scores.max() ?? 0
          scores = scores.map { exp($0 - most) }
          let total = scores.reduce(0, +)
          var sums = [Double](repeating: 0, count: size)
          for (score, other) in zip(scores, rows) {
            let value = other * 3 * channels + 2 * channels + head * size
            for d in 0..<size { sums[d] += score * Double(source[value + d]) }
          }
          for d in 0..<size { result[row * channels + head * size + d] = Float(sums[d] / total) }
        }
      }
    }
    return tensor(qkv.shape.withColumns(channels), result)
  }
}
