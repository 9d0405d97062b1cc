// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
package import TensorCore

extension CUDABackend {
  /// See `Backend.convolution`.
  package func convolution(
    _ x: Tensor,
    weight: any PreparedWeight,
    bias: Tensor?,
    stride: Extent,
    padding: Padding,
    residual: Tensor?
  ) throws(TensorError) -> Tensor {
    let operation = "convolution"
    let weight = try self.weight(weight, operation)
    let size = x.convolved(by: weight.shape, stride: stride, padding: padding)
    let outputs = weight.shape[0]
    let inputs = weight.shape[1]
    let shape = Shape([x.shape[0], size.height, size.width, outputs])
    guard shape.count > 0 else { return try make(shape, element, operation) }
    let isDense = outputs % CUDAWeight.channelStep == 0 && inputs % CUDAWeight.channelStep == 0
    if weight.shape[2] == 1, weight.shape[3] == 1, stride == Extent(1, 1), isDense {
      return try product(
        x,
        weight.storage.address,
        outputs: outputs,
        shape: shape,
        bias: bias,
        residual: residual,
        operation
      )
    }
    let call = Convolution(
      x: try cast(x, to: element, operation),
      weight: weight,
      bias: bias,
      stride: stride,
      padding: padding,
      residual: try residual.map { tensor throws(TensorError) in
        try cast(tensor, to: element, operation)
      },
      shape: shape
    )
    if let result = try ofPatches(call) { return result }
    if let result = try overFrames(call) { return result }
    if let result = try byLibrary(call) { return result }
    return try byKernel(call)
  }

  /// A convolution's operands, of the backend's type.
  private struct Convolution {
    var x: Tensor
    let weight: CUDAWeight
    let bias: Tensor?
    let stride: Extent
    var padding: Padding
    let residual: Tensor?
    /// Of the result.
    let shape: Shape
  }

  /// A convolution that takes every pixel once, as a product of patches; none for any other.
  ///
  /// To cuDNN it is an engine apart, for which a process waits 90 ms once.
  private func ofPatches(_ call: Convolution) throws(TensorError) -> Tensor? {
    let operation = "convolution"
    let (x, kernel) = (call.x.shape, call.weight.shape)
    guard kernel[2] * kernel[3] > 1, call.stride == Extent(kernel[2], kernel[3]),
      call.padding == Padding(0, 0), x[1] % kernel[2] == 0, x[2] % kernel[3] == 0,
      kernel[0] % CUDAWeight.channelStep == 0
    else { return nil }
    let channels = CUDAWeight.wide(kernel[1])
    let pixels = channels == kernel[1] ? call.x : try widened(call.x, channels)
    let run = kernel[3] * channels
    let patches = try make(call.shape.withColumns(kernel[2] * run), element, operation)
    let (from, to) = (try place(pixels, operation).0, try place(patches, operation).0)
    try elementwise(
      "gather_patches",
      element,
      operation,
      count: patches.shape.count,
      rows: [run],
      addresses: [from, to],
      [
        .address(from), .address(to), .int(Int64(kernel[2])), .int(Int64(call.shape[2])),
        .int(Int64(run)), .int(Int64(patches.shape.count)),
      ]
    )
    return try product(
      patches,
      call.weight.storage.address,
      outputs: kernel[0],
      shape: call.shape,
      bias: call.bias,
      residual: call.residual,
      operation
    )
  }

  /// A convolution over frames, whose "height" they are, by a product of our own; none if there is none for it.
  private func overFrames(_ call: Convolution) throws(TensorError) -> Tensor? {
    let operation = "convolution"
    let (x, kernel) = (call.x.shape, call.weight.shape)
    guard let hopper,
      kernel[2] == 3, kernel[3] == 1, call.stride == Extent(1, 1), call.padding == Padding(1, 0),
      let product = HopperKernels.Kernel.overFrames(
        inputs: kernel[1],
        outputs: kernel[0],
        positions: x[2]
      )
    else { return nil }
    let result = try make(call.shape, element, operation)
    let (bias, kept) = try operand(call.bias, as: .float32, operation)
    defer { withExtendedLifetime(kept) {} }
    let residual = try call.residual.map { tensor throws(TensorError) in
      try place(tensor, operation).0
    }
    let rows = HopperKernels.Rows(
      x: try place(call.x, operation).0,
      images: x[0],
      frames: x[1],
      positions: x[2],
      inner: kernel[1],
      weight: call.weight.storage.address,
      taps: kernel[2],
      bias: bias,
      residual: residual ?? 0,
      y: try place(result, operation).0,
      outputs: kernel[0]
    )
    try run(
      product,
      by: hopper,
      rows,
      "convolution over frames \(x) to \(kernel[0])" + (residual == nil ? "" : ", residual"),
      operations: 2 * Double(call.shape.count) * Double(kernel[1] * kernel[2]),
      bytes: (x.count + call.shape.count * (residual == nil ? 1 : 2) + kernel.count)
        * element.byteCount,
      operation
    )
    return result
  }

  /// By cuDNN; none where it has no engine.
  private func byLibrary(_ call: Convolution) throws(TensorError) -> Tensor? {
    let operation = "convolution"
    let wideInputs = CUDAWeight.wide(call.weight.shape[1])
    let wideOutputs = CUDAWeight.wide(call.weight.shape[0])
    var call = call
    if wideInputs != call.weight.shape[1] { call.x = try widened(call.x, wideInputs) }
    // Bias and residual go with the convolution where its rows are those of the result.
    if wideOutputs == call.shape.columns {
      let result = try make(call.shape, element, operation)
      if try attempt(&call, into: result, fused: true) { return result }
    }
    let plain = try make(call.shape.withColumns(wideOutputs), element, operation)
    guard try attempt(&call, into: plain, fused: false) else { return nil }
    guard call.bias != nil || call.residual != nil || wideOutputs != call.shape.columns else {
      return plain
    }
    let result = try make(call.shape, element, operation)
    let (bias, kept) = try operand(call.bias, as: .float32, operation)
    defer { withExtendedLifetime(kept) {} }
    let residual = try call.residual.map { tensor throws(TensorError) in
      try place(tensor, operation).0
    }
    try single(
      "narrow_rows",
      element,
      operation,
      count: call.shape.count,
      [
        .address(try place(plain, operation).0), .int(Int64(wideOutputs)), .address(bias),
        .address(residual ?? 0), .address(try place(result, operation).0),
        .int(Int64(call.shape.columns)), .int(Int64(call.shape.count)),
      ]
    )
    return result
  }

  /// Tries cuDNN, with zeros laid around the images where it will not pad one side alone.
  ///
  /// In float32 it would, by an engine that it takes half a second to compile.
  private func attempt(
    _ call: inout Convolution,
    into result: Tensor,
    fused: Bool
  ) throws(TensorError) -> Bool {
    let padding = call.padding
    let isEven = padding.top == padding.bottom && padding.left == padding.right
    if isEven || element != .float32, try run(call, into: result, fused: fused) { return true }
    guard !isEven else { return false }
    call.x = try padded(call.x, padding)
    call.padding = Padding(0, 0)
    return try run(call, into: result, fused: fused)
  }

  private func run(
    _ call: Convolution,
    into result: Tensor,
    fused: Bool
  ) throws(TensorError) -> Bool {
    let operation = "convolution"
    let (bias, kept) = try operand(fused ? call.bias : nil, as: element, operation)
    defer { withExtendedLifetime(kept) {} }
    let kernel = call.weight.shape
    let x = call.x.shape
    let problem = Convolutions.Problem(
      images: x[0],
      height: x[1],
      width: x[2],
      inputs: x[3],
      outputHeight: result.shape[1],
      outputWidth: result.shape[2],
      outputs: result.shape[3],
      kernel: (kernel[2], kernel[3]),
      stride: (call.stride.height, call.stride.width),
      padding: (call.padding.top, call.padding.left, call.padding.bottom, call.padding.right),
      hasBias: fused && call.bias != nil,
      hasResidual: fused && call.residual != nil,
      element: element
    )
    let residual = try call.residual.map { tensor throws(TensorError) in
      try place(tensor, operation).0
    }
    let operands = Convolutions.Operands(
      x: try place(call.x, operation).0,
      weight: call.weight.storage.address,
      bias: bias,
      residual: residual ?? 0,
      y: try place(result, operation).0
    )
    do {
      for (problem, operands) in Convolutions.pieces(problem, operands) {
        try engine.measured(
          "\(problem)",
          operations: problem.operations,
          bytes: problem.bytes
        ) { () throws(CUDAError) in try engine.convolutions.run(problem, operands) }
      }
      return true
    } catch  where error.code == .unsupported { return false } catch {
      throw TensorError(error, operation)
    }
  }

  /// Rows made longer by zeros.
  private func widened(_ x: Tensor, _ columns: Int) throws(TensorError) -> Tensor {
    let result = try make(x.shape.withColumns(columns), element, "convolution")
    try single(
      "widen_rows",
      element,
      "convolution",
      count: result.shape.count,
      [
        .address(try place(x, "convolution").0), .int(Int64(x.shape.columns)),
        .address(try place(result, "convolution").0), .int(Int64(columns)),
        .int(Int64(result.shape.count)),
      ]
    )
    return result
  }

  /// Images with zeros around them.
  private func padded(_ x: Tensor, _ padding: Padding) throws(TensorError) -> Tensor {
    let size = Extent(
      x.shape[1] + padding.top + padding.bottom,
      x.shape[2] + padding.left + padding.right
    )
    let shape = Shape([x.shape[0], size.height, size.width, x.shape[3]])
    let result = try make(shape, element, "convolution")
    let from = try place(x, "convolution").0
    let to = try place(result, "convolution").0
    try elementwise(
      "pad_image",
      element,
      "convolution",
      count: shape.count,
      rows: [x.shape[3]],
      addresses: [from, to],
      [
        .address(from), .address(to), .int(Int64(x.shape[1])), .int(Int64(x.shape[2])),
        .int(Int64(x.shape[3])), .int(Int64(padding.top)), .int(Int64(padding.left)),
        .int(Int64(size.height)), .int(Int64(size.width)), .int(Int64(shape.count)),
      ]
    )
    return result
  }

  /// By our own kernel, which takes everything.
  private func byKernel(_ call: Convolution) throws(TensorError) -> Tensor {
    let operation = "convolution"
    let result = try make(call.shape, element, operation)
    let (bias, kept) = try operand(call.bias, as: .float32, operation)
    defer { withExtendedLifetime(kept) {} }
    let residual = try call.residual.map { tensor throws(TensorError) in
      try place(tensor, operation).0
    }
    let kernel = call.weight.shape
    let sizes = [
      call.x.shape[1], call.x.shape[2], kernel[1], CUDAWeight.wide(kernel[1]), call.shape[1],
      call.shape[2], kernel[0], kernel[2], kernel[3], call.stride.height, call.stride.width,
      call.padding.top, call.padding.left, call.shape.count,
    ]
    try single(
      "convolution",
      element,
      operation,
      count: call.shape.count,
      [
        .address(try place(call.x, operation).0), .address(call.weight.storage.address),
        .address(bias), .address(residual ?? 0), .address(try place(result, operation).0),
      ] + sizes.map { .int(Int64($0)) }
    )
    return result
  }
}
