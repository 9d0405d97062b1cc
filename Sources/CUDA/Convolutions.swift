// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// Convolutions by cuDNN over channels-last maps, with bias and residual in the same pass.
package final class Convolutions: Sendable {
  /// A convolution.
  package struct Problem: Hashable, Sendable, CustomStringConvertible {
    package var images: Int
    package var height: Int
    package var width: Int
    package var inputs: Int
    package var outputHeight: Int
    package var outputWidth: Int
    package var outputs: Int
    package var kernelHeight: Int
    package var kernelWidth: Int
    package var strideHeight: Int
    package var strideWidth: Int
    package var top: Int
    package var left: Int
    package var bottom: Int
    package var right: Int
    package var hasBias: Bool
    package var hasResidual: Bool
    package var element: Element

    package init(
      images: Int,
      height: Int,
      width: Int,
      inputs: Int,
      outputHeight: Int,
      outputWidth: Int,
      outputs: Int,
      kernel: (height: Int, width: Int),
      stride: (height: Int, width: Int),
      padding: (top: Int, left: Int, bottom: Int, right: Int),
      hasBias: Bool,
      hasResidual: Bool,
      element: Element
    ) {
      self.images = images
      self.height = height
      self.width = width
      self.inputs = inputs
      self.outputHeight = outputHeight
      self.outputWidth = outputWidth
      self.outputs = outputs
      (kernelHeight, kernelWidth) = kernel
      (strideHeight, strideWidth) = stride
      (top, left, bottom, right) = padding
      self.hasBias = hasBias
      self.hasResidual = hasResidual
      self.element = element
    }

    package var description: String {
      "convolution \(element) [\(images), \(height), \(width), \(inputs)] to [\(outputHeight), "
        + "\(outputWidth), \(outputs)], kernel \(kernelHeight)x\(kernelWidth), stride "
        + "\(strideHeight) \(strideWidth), padding \(top) \(left) \(bottom) \(right)"
        + (hasBias ? ", bias" : "") + (hasResidual ? ", residual" : "")
    }

    /// Multiplications and additions.
    package var operations: Double {
      2 * Double(images * outputHeight * outputWidth * outputs)
        * Double(inputs * kernelHeight * kernelWidth)
    }

    /// Bytes that must be read and written at least.
    package var bytes: Int {
      let x = images * height * width * inputs
      let y = images * outputHeight * outputWidth * outputs
      return (x + y * (hasResidual ? 2 : 1) + outputs * inputs * kernelHeight * kernelWidth)
        * element.byteCount
    }
  }

  /// Where a convolution's operands lie; all have the element's type.
  package struct Operands: Sendable {
    package var x: UInt64
    package var weight: UInt64
    package var bias: UInt64
    package var residual: UInt64
    package var y: UInt64

    package init(x: UInt64, weight: UInt64, bias: UInt64, residual: UInt64, y: UInt64) {
      self.x = x
      self.weight = weight
      self.bias = bias
      self.residual = residual
      self.y = y
    }
  }

  private enum Identifier {
    static let x = 1
    static let weight = 2
    static let bias = 3
    static let residual = 4
    static let y = 5
    static let convolved = 6
    static let summed = 7
  }

  private let dnn: DNN
  private let allocator: DeviceAllocator
  private let cache: CompilationCache
  private let plans = PlanCache<Problem, DNNPlan>()

  package init(_ dnn: DNN, _ allocator: DeviceAllocator, _ cache: CompilationCache) {
    self.dnn = dnn
    self.allocator = allocator
    self.cache = cache
  }

  /// Why problems that cuDNN refused were refused, for reports.
  package var refusals: [(problem: Problem, reason: String)] { plans.refusals }

  /// Computes a convolution.
  ///
  /// - Parameters:
  ///   - problem: The convolution.
  ///   - operands: Where `x` `[images, height, width, inputs]`, the weight `[outputs, kernel height,
  ///     kernel width, inputs]`, bias, residual and result lie.
  /// - Throws: `CUDAError` with code `.unsupported` if cuDNN has no engine for it.
  package func run(_ problem: Problem, _ operands: Operands) throws(CUDAError) {
    try dnn.device.bind()
    let plan = try plans.plan(problem) { () throws(CUDAError) in
      try DNNPlan(dnn, name: "\(problem)", isExact: problem.element == .float32, cache) {
        () throws(CUDAError) in try operations(problem)
      }
    }
    let workspace = try allocator.allocate(plan.workspaceBytes)
    var tensors = [
      (Identifier.x, operands.x), (Identifier.weight, operands.weight), (Identifier.y, operands.y),
    ]
    if problem.hasBias { tensors.append((Identifier.bias, operands.bias)) }
    if problem.hasResidual { tensors.append((Identifier.residual, operands.residual)) }
    try plan.run(tensors, workspace: workspace.address)
  }

  private func operations(_ p: Problem) throws(CUDAError) -> [DNN.Descriptor] {
    let element = p.element.dnn
    let xStrides = [p.height * p.width * p.inputs, 1, p.width * p.inputs, p.inputs]
    let ySizes = [p.images, p.outputs, p.outputHeight, p.outputWidth]
    let yStrides = [
      p.outputHeight * p.outputWidth * p.outputs, 1, p.outputWidth * p.outputs, p.outputs,
    ]
    let x = try dnn.tensor(
      Identifier.x,
      element,
      sizes: [p.images, p.inputs, p.height, p.width],
      strides: xStrides
    )
    let weight = try dnn.tensor(
      Identifier.weight,
      element,
      sizes: [p.outputs, p.inputs, p.kernelHeight, p.kernelWidth],
      strides: [p.kernelHeight * p.kernelWidth * p.inputs, 1, p.kernelWidth * p.inputs, p.inputs]
    )
    let y = try dnn.tensor(Identifier.y, element, sizes: ySizes, strides: yStrides)
    func intermediate(_ identifier: Int) throws(CUDAError) -> DNN.Descriptor {
      try dnn.tensor(
        identifier,
        Element.float32.dnn,
        sizes: ySizes,
        strides: yStrides,
        isVirtual: true
      )
    }
    let isPlain = !p.hasBias && !p.hasResidual
    let convolved = isPlain ? y : try intermediate(Identifier.convolved)
    var operations = [try convolution(p, x, weight, convolved)]
    var last = convolved
    // The residual first: in the other order no engine is ready-made, and compiling one takes a second.
    if p.hasResidual {
      let residual = try dnn.tensor(
        Identifier.residual,
        element,
        sizes: ySizes,
        strides: yStrides
      )
      let summed = p.hasBias ? try intermediate(Identifier.summed) : y
      operations.append(try dnn.pointwise(DNN_MODE_ADD, last, residual, summed))
      last = summed
    }
    if p.hasBias {
      let bias = try dnn.tensor(
        Identifier.bias,
        element,
        sizes: [1, p.outputs, 1, 1],
        strides: [p.outputs, 1, p.outputs, p.outputs]
      )
      operations.append(try dnn.pointwise(DNN_MODE_ADD, last, bias, y))
    }
    return operations
  }

  private func convolution(
    _ p: Problem,
    _ x: DNN.Descriptor,
    _ weight: DNN.Descriptor,
    _ y: DNN.Descriptor
  ) throws(CUDAError) -> DNN.Descriptor {
    let convolution = try DNN.Descriptor(DNN_CONVOLUTION, "convolution", dnn)
    try convolution.set(DNN_CONVOLUTION_PRECISION, DNN_TYPE_DATA_TYPE, enumerator: DNN_FLOAT32)
    try convolution.set(
      DNN_CONVOLUTION_MODE,
      DNN_TYPE_CONVOLUTION_MODE,
      enumerator: DNN_MODE_CROSS_CORRELATION
    )
    try convolution.set(DNN_CONVOLUTION_DIMENSIONS, integers: [2])
    try convolution.set(DNN_CONVOLUTION_DILATIONS, integers: [1, 1])
    try convolution.set(DNN_CONVOLUTION_STRIDES, integers: [p.strideHeight, p.strideWidth])
    try convolution.set(DNN_CONVOLUTION_PADDING_BEFORE, integers: [p.top, p.left])
    try convolution.set(DNN_CONVOLUTION_PADDING_BEHIND, integers: [p.bottom, p.right])
    try convolution.finalize()
    let operation = try DNN.Descriptor(DNN_CONVOLUTION_OPERATION, "convolution operation", dnn)
    try operation.set(DNN_CONVOLVE_CONVOLUTION, [convolution])
    try operation.set(DNN_CONVOLVE_X, [x])
    try operation.set(DNN_CONVOLVE_WEIGHT, [weight])
    try operation.set(DNN_CONVOLVE_Y, [y])
    try operation.set(DNN_CONVOLVE_ALPHA, DNN_TYPE_FLOAT, [Float(1)])
    try operation.set(DNN_CONVOLVE_BETA, DNN_TYPE_FLOAT, [Float(0)])
    try operation.finalize()
    return operation
  }
}
