// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import GoldenRuns
internal import TensorCUDA
internal import TensorCore
internal import TensorReference
internal import TensorTesting
internal import Testing

/// The backend's own kernels and its way of asking cuBLASLt, run by the pretend GPU.
///
/// What cuDNN would compute comes from what stands in for it.
@Suite struct OperationTests {
  @Test(arguments: Element.allCases)
  func `every operation is its definition`(_ element: Element) throws {
    let fake = try FakeLibraries()
    do {
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      let backend = CUDABackend(engine, element)
      for test in OperationCase.all where element == .float32 || !test.needsFullPrecision {
        var ours = Operands(backend, seed: 7, round: element.rounded)
        var theirs = Operands(ReferenceBackend(), seed: 7, round: element.rounded)
        let actual = try test.run(&ours)
        let expected = try test.run(&theirs)
        #expect(actual.shape == expected.shape, "\(test)")
        expectClose(
          try actual.values(),
          try expected.values(),
          within: element.tolerance(test),
          "\(test) in \(element)"
        )
      }
      // The kernels, those to upload by, and each of Hopper's.
      #expect(try fake.counts.compilations <= 2 + CUDAEngine.hopperParts.count)
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.unboundCalls == 0)
    #expect(counts.modules == 0 && counts.streams == 0 && counts.contexts == 0)
    #expect(counts.launches > 100)
  }

  @Test(arguments: Element.allCases)
  func `convolutions that cuDNN takes are their definition`(_ element: Element) throws {
    let fake = try FakeLibraries()
    try fake.enableEngine()
    do {
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      let backend = CUDABackend(engine, element)
      for test in OperationCase.all where test.name.hasPrefix("convolution") {
        // Twice, as the second time the plan is there.
        for _ in 0..<2 {
          var ours = Operands(backend, seed: 7, round: element.rounded)
          var theirs = Operands(ReferenceBackend(), seed: 7, round: element.rounded)
          expectClose(
            try test.run(&ours).values(),
            try test.run(&theirs).values(),
            within: element.tolerance(test),
            "\(test) in \(element)"
          )
        }
      }
      // What is padded on one side alone is refused, and padded by a kernel then.
      // What is not asked for cannot be refused: float32 is padded first.
      #expect(engine.convolutions.refusals.isEmpty == (element == .float32))
      #expect(
        engine.convolutions.refusals.allSatisfy {
          $0.problem.top != $0.problem.bottom || $0.problem.left != $0.problem.right
        }
      )
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.unboundCalls == 0)
  }

  @Test(arguments: NumberFormat.allCases)
  func `weights of every format arrive as they are`(_ format: NumberFormat) throws {
    let engine = try CUDAEngine(
      FakeLibraries().libraries(),
      cache: CompilationCache(folder: nil)
    )
    let backend = CUDABackend(engine, .float16)
    // Large enough for the staging buffers, and not a multiple of anything.
    let count = 300_001
    let bytes = (0..<count * format.byteCount).map { UInt8(truncatingIfNeeded: $0 % 61) }
    let (actual, expected) = try unsafe bytes.withUnsafeBytes { bytes in
      (
        try unsafe backend.upload(bytes, format: format, scale: 0.5, shape: [count]).values(),
        try unsafe ReferenceBackend()
          .upload(bytes, format: format, scale: 0.5, shape: [count]).values()
      )
    }
    #expect(actual == expected)
  }

  @Test func `numbers that are not finite are found`() throws {
    let engine = try CUDAEngine(
      FakeLibraries().libraries(),
      cache: CompilationCache(folder: nil)
    )
    let backend = CUDABackend(engine, .float16)
    for bad in [Float.nan, .infinity, -.infinity] {
      var values = [Float](repeating: 65504, count: 1000)
      #expect(try backend.isFinite(backend.upload(values, shape: [1000])))
      values[617] = bad
      let x = try backend.upload(values, shape: [1000])
      #expect(try !backend.isFinite(x))
      #expect(try !backend.isFinite(x.activated(.gelu).combined(1, with: x, 0)))
    }
    // What float16 cannot hold becomes infinite, and is found.
    let large = try backend.upload([1e6, 1], shape: [1, 2])
    let product = try large.layerNorm(
      weight: backend.upload([1e6, 1e6], shape: [2]),
      bias: backend.upload([0, 0], shape: [2]),
      epsilon: 1e-5
    )
    #expect(try !backend.isFinite(product))
  }

  @Test func `full precision is at hand over the same memory`() throws {
    let engine = try CUDAEngine(
      FakeLibraries().libraries(),
      cache: CompilationCache(folder: nil)
    )
    let backend = CUDABackend(engine, .float16)
    let values: [Float] = [1.0001, 2.0002, 3.0003]
    let x = try backend.upload(values, shape: [1, 3])
    let full = backend.inFullPrecision
    let weight = try full.prepare(x)
    let product = try full.linear(x, weight: weight, bias: nil, residual: nil)
    #expect(try abs(product.values()[0] - values.reduce(0) { $0 + $1 * $1 }) < 1e-5)
    #expect(throws: TensorError.self) { try x.linear(weight) }
  }

  @Test(arguments: ["cuLaunchKernel", "cuMemAlloc", "cublasLtMatmul"])
  func `a call that fails inside an operation is an error and nothing is lost`(
    _ call: String
  ) throws {
    let fake = try FakeLibraries()
    do {
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      let backend = CUDABackend(engine, .float16)
      var operands = Operands(backend, seed: 3)
      let x = try operands.tensor([4, 8])
      let weight = try operands.weight([8, 8])
      _ = try x.linear(weight).values()
      try fake.fail(call, call == "cuMemAlloc" ? 2 : 999)
      let error = #expect(throws: TensorError.self) { try x.activated(.gelu).linear(weight) }
      #expect(error?.code == (call == "cuMemAlloc" ? .outOfMemory : .library))
      #expect(error?.message.isEmpty == false)
      // It was that call alone.
      _ = try x.activated(.gelu).linear(weight).values()
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
  }

  @Test func `a single step of the model predicts the reference's velocity`() throws {
    let fake = try FakeLibraries()
    do {
      let run = try #require(GoldenRun.all.first { $0.description == "tiny-odd/one_frame" })
      let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
      for comparison in try run.singleSteps(on: CUDABackend(engine, .float32)) {
        #expect(comparison.holds, "\(comparison.label): \(comparison.difference)")
      }
    }
    let counts = try fake.counts
    #expect(counts.allocations == counts.frees && counts.wrongFrees == 0)
    #expect(counts.liveBytes == 0 && counts.unboundCalls == 0)
  }

  @Test func `a profile tells of all work since it was last asked`() throws {
    let fake = try FakeLibraries()
    let engine = try CUDAEngine(fake.libraries(), cache: CompilationCache(folder: nil))
    let backend = CUDABackend(engine, .float16)
    let weight = try backend.prepare(backend.upload([1, 2, 3, 4, 5, 6], shape: [2, 3]))
    let x = try backend.upload([1, 2, 3], shape: [1, 3])
    let profile = Profile(engine.device)
    engine.profile = profile
    for _ in 0..<2 { _ = try x.linear(weight) }
    let product = try #require(try profile.take().first { $0.name.hasPrefix("linear: [1, 3]") })
    #expect(product.count == 2 && product.operations == 2 * 12 && product.bytes == 2 * 22)
    #expect(try profile.take().isEmpty)
    engine.profile = nil
    _ = try x.linear(weight)
    #expect(try profile.take().isEmpty)
  }

  @Test func `a convolution of a whole clip is cut where engines count in 32 bits`() {
    var whole = Convolutions.Problem(
      images: 25,
      height: 576,
      width: 1024,
      inputs: 256,
      outputHeight: 576,
      outputWidth: 1024,
      outputs: 128,
      kernel: (3, 3),
      stride: (1, 1),
      padding: (1, 1, 1, 1),
      hasBias: true,
      hasResidual: true,
      element: .float16
    )
    let operands = Convolutions.Operands(
      x: 1 << 40,
      weight: 1,
      bias: 2,
      residual: 1 << 41,
      y: 1 << 42
    )
    let images = Convolutions.pieces(whole, operands)
    #expect(images.map(\.0.images) == [14, 11])
    #expect(images[1].1.x == 1 << 40 + 14 * 576 * 1024 * 256 * 2)
    #expect(images[1].1.residual == 1 << 41 + 14 * 576 * 1024 * 128 * 2)
    #expect(images.allSatisfy { $0.1.weight == 1 && $0.1.bias == 2 })

    whole.images = 1
    whole.height = 25
    whole.outputHeight = 25
    (whole.width, whole.outputWidth) = (576 * 1024, 576 * 1024)
    whole.kernelWidth = 1
    (whole.left, whole.right) = (0, 0)
    let frames = Convolutions.pieces(whole, operands)
    #expect(frames.map(\.0.height) == [14, 12, 3])
    #expect(frames[1].1.y == 1 << 42 + 13 * 576 * 1024 * 128 * 2)
  }

  @Test(arguments: [1, 3, 5])
  func `every row of a convolution that is cut sees the rows it would see whole`(kernel: Int) {
    let (width, channels, reach) = (4, 2, kernel / 2)
    for height in kernel + 1...40 {
      for rows in (kernel + 1)...height {
        let whole = Convolutions.Problem(
          images: 1,
          height: height,
          width: width,
          inputs: channels,
          outputHeight: height,
          outputWidth: width,
          outputs: channels,
          kernel: (kernel, 1),
          stride: (1, 1),
          padding: (reach, 0, reach, 0),
          hasBias: false,
          hasResidual: true,
          element: .float16
        )
        let rowBytes = width * channels * 2
        let operands = Convolutions.Operands(x: 0, weight: 0, bias: 0, residual: 0, y: 0)
        var seen: [[Int]?] = Array(repeating: nil, count: height)
        for (piece, at) in Convolutions.pieces(whole, operands, most: rows * width * channels) {
          #expect(piece.height <= rows && piece.outputHeight <= rows)
          #expect(at.residual == at.y)
          for row in 0..<piece.outputHeight {
            let inputs = (row - piece.top..<row - piece.top + kernel).filter {
              (0..<piece.height).contains($0)
            }
            seen[Int(at.y) / rowBytes + row] = inputs.map { $0 + Int(at.x) / rowBytes }
          }
        }
        for row in 0..<height {
          #expect(seen[row] == Array(max(0, row - reach)..<min(height, row + reach + 1)))
        }
      }
    }
  }
}

extension Element {
  /// The nearest number that the type holds.
  func rounded(_ x: Float) -> Float {
    switch self {
    case .float32: x
    case .float16: Float(Float16(x))
    case .bfloat16:
      Float(bitPattern: (x.bitPattern &+ 0x7FFF &+ (x.bitPattern >> 16 & 1)) & 0xFFFF_0000)
    }
  }

  /// How far results may be from the reference: a rounding or two of the type; where a small spread
  /// about a large mean is normalised, the mean's own rounding is as large as what is left.
  func tolerance(_ test: OperationCase) -> Double {
    switch self {
    case .float16: 2e-3
    case .bfloat16: 1.6e-2
    case .float32: test.needsFullPrecision ? 1e-2 : 1e-5
    }
  }
}
