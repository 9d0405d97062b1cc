// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.tokenAttention`.
  package func tokenAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let channels = qkv.shape.columns / 3
    let result = try make(qkv.shape.withColumns(channels), element, "attention")
    guard result.shape.count > 0 else { return result }
    let (from, kept) = try operand(qkv, as: element, "attention")
    defer { withExtendedLifetime(kept) {} }
    let to = try place(result, "attention").0
    let problem = Attentions.Problem(
      images: qkv.shape[0],
      tokens: qkv.shape[1],
      heads: heads,
      size: channels / heads,
      element: element
    )
    // What cuDNN's fused engines take: 16-bit numbers, heads of whole 16 bytes. How wide a head may be
    // depends on the card and the library; beyond 256 they reach a tenth of the card's speed, products a third.
    if element != .float32, problem.size % 8 == 0, problem.size <= 256 {
      do {
        try engine.measured(
          "\(problem)",
          operations: problem.operations,
          bytes: problem.bytes
        ) { () throws(CUDAError) in try engine.attentions.run(problem, qkv: from, y: to) }
        return result
      } catch  where error.code != .unsupported {
        throw TensorError(error, "attention")
      } catch {}
    }
    try attentionByProducts(problem, from, to)
    return result
  }

  /// Attention whose scores are written out, as float32, for as many heads, or rows of one head, at a time as
  /// fit into 512 MiB.
  private func attentionByProducts(
    _ p: Attentions.Problem,
    _ qkv: UInt64,
    _ y: UInt64
  ) throws(TensorError) {
    let channels = p.heads * p.size
    let most = 1 << 27
    let headsAtOnce = max(1, min(p.heads, most / (p.tokens * p.tokens)))
    let rowsAtOnce = headsAtOnce > 1 ? p.tokens : min(p.tokens, max(1, most / p.tokens))
    let square = rowsAtOnce * p.tokens
    let scores = try engine.storage(headsAtOnce * square, .float32, "attention")
    let weights = try engine.storage(headsAtOnce * square, element, "attention")
    defer { withExtendedLifetime((scores, weights)) {} }
    func moved(_ address: UInt64, _ elements: Int) -> UInt64 {
      address + UInt64(elements * element.byteCount)
    }
    for image in 0..<p.images {
      for head in stride(from: 0, to: p.heads, by: headsAtOnce) {
        for row in stride(from: 0, to: p.tokens, by: rowsAtOnce) {
          let batch = min(headsAtOnce, p.heads - head)
          let rows = min(rowsAtOnce, p.tokens - row)
          let first = moved(qkv, image * p.tokens * 3 * channels + head * p.size)
          try score(
            p,
            heads: batch,
            rows: rows,
            .init(
              x: moved(first, row * 3 * channels),
              weight: moved(first, channels),
              y: scores.address
            ),
            distance: square
          )
          try engine.launch(
            "softmax",
            element,
            "attention",
            grid: (batch * rows, 1, 1),
            block: 256,
            bytes: batch * rows * p.tokens * (4 + element.byteCount),
            [.address(scores.address), .address(weights.address), .int(Int64(p.tokens))]
          )
          var product = MatrixProducts.Problem(
            rows: rows,
            columns: p.size,
            inner: p.tokens,
            element
          )
          product.weightIsTransposed = false
          product.weightStride = 3 * channels
          product.yStride = channels
          product.batch = batch
          product.xDistance = square
          product.weightDistance = p.size
          product.yDistance = p.size
          try multiply(
            product,
            .init(
              x: weights.address,
              weight: moved(first, 2 * channels),
              y: moved(y, (image * p.tokens + row) * channels + head * p.size)
            ),
            "attention"
          )
        }
      }
    }
  }

  /// Scores of some heads and rows of one image, float32.
  ///
  /// To cuBLASLt results of another type than the factors' are kernels apart, which it takes 60 ms to load once in
  /// a process; where one head fits ours it is left to it.
  private func score(
    _ p: Attentions.Problem,
    heads: Int,
    rows: Int,
    _ operands: MatrixProducts.Operands,
    distance: Int
  ) throws(TensorError) {
    var product = MatrixProducts.Problem(rows: rows, columns: p.tokens, inner: p.size, element)
    product.xStride = 3 * p.heads * p.size
    product.weightStride = product.xStride
    product.batch = heads
    product.xDistance = p.size
    product.weightDistance = p.size
    product.yDistance = distance
    product.scale = 1 / Float(p.size).squareRoot()
    product.output = .float32
    guard heads == 1, let hopper, p.size % 64 == 0,
      p.tokens % HopperKernels.Kernel.scores.columns == 0
    else { return try multiply(product, operands, "attention") }
    var problem = HopperKernels.Rows(
      x: operands.x,
      images: 1,
      frames: 1,
      positions: rows,
      inner: p.size,
      stride: product.xStride,
      weight: operands.weight,
      taps: 1,
      y: operands.y,
      outputs: p.tokens
    )
    problem.scale = product.scale
    try run(
      .scores,
      by: hopper,
      problem,
      "attention: scores, \(product)",
      operations: product.operations,
      bytes: product.bytes,
      "attention"
    )
  }

  /// See `Backend.frameAttention`.
  package func frameAttention(_ qkv: Tensor, heads: Int) throws(TensorError) -> Tensor {
    let shape = qkv.shape
    let channels = shape.columns / 3
    let result = try make(shape.withColumns(channels), element, "attention")
    guard result.shape.count > 0 else { return result }
    let (from, kept) = try operand(qkv, as: element, "attention")
    defer { withExtendedLifetime(kept) {} }
    let frames = shape[1]
    let size = channels / heads
    let to = try place(result, "attention").0
    let rooms = element == .float32 ? [16, 32] : [16, 32, 64]
    if size == 64, let room = rooms.first(where: { frames <= $0 }), from % 32 == 0, to % 32 == 0 {
      let count = shape[0] * shape[2] * heads
      try engine.launch(
        "frame_attention_64_\(room)",
        element,
        "attention",
        grid: ((count + 3) / 4, 1, 1),
        block: 128,
        sharedBytes: element == .float32 ? 4 * 4 * room * 64 : 0,
        bytes: 4 * result.shape.count * element.byteCount,
        [
          .address(from), .address(to), .int(Int64(frames)), .int(Int64(shape[2])),
          .int(Int64(heads)), .int(Int64(count)), .float(1 / Float(size).squareRoot()),
        ]
      )
      return result
    }
    let arguments: [Module.Argument] = [
      .address(from), .address(to), .int(Int64(frames)),
      .int(Int64(shape[2])), .int(Int64(channels)), .int(Int64(heads)),
      .float(1 / Float(size).squareRoot()),
    ]
    let sharedBytes = 4 * frames * (3 * (size + 1) + 4)
    if sharedBytes <= engine.device.description.sharedMemory {
      try engine.launch(
        "frame_attention",
        element,
        "attention",
        grid: (shape[2] * heads, shape[0], 1),
        block: 128,
        sharedBytes: sharedBytes,
        bytes: 4 * result.shape.count * element.byteCount,
        arguments
      )
    } else {
      guard size <= 256 else {
        throw TensorError(
          .library,
          "attention",
          "heads of \(size) channels over \(frames) frames are too wide for a GPU"
        )
      }
      try engine.launch(
        "frame_attention_long",
        element,
        "attention",
        grid: (shape[2] * heads, shape[0], (frames + 3) / 4),
        block: 128,
        arguments
      )
    }
    return result
  }
}
