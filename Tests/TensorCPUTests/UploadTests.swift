// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCPU
internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct UploadTests {
  @Test(arguments: NumberFormat.allCases, [0, 1, 3, 8])
  func `numbers of every format are widened from any address`(
    _ format: NumberFormat,
    _ shift: Int
  )
    throws
  {
    for (count, scale) in [(0, Float(1)), (1, 1), (1001, 0.37), (70_001, -2)] {
      let bytes = [UInt8](repeating: 0xAA, count: shift) + Self.bytes(of: count, format)
      let shape: Shape = [count]
      let reference = ReferenceBackend()
      let (actual, expected) = try unsafe bytes.withUnsafeBytes { all in
        let part = unsafe UnsafeRawBufferPointer(rebasing: all[shift...])
        return (
          try unsafe cpu.upload(part, format: format, scale: scale, shape: shape).values(),
          try unsafe reference.upload(part, format: format, scale: scale, shape: shape).values()
        )
      }
      #expect(actual == expected, "\(count) of \(format) from \(shift)")
    }
  }

  @Test func `numbers at the ends of their formats are widened as they are`() throws {
    func widened(_ bytes: [UInt8], _ format: NumberFormat) throws -> Float {
      let values = try unsafe bytes.withUnsafeBytes { all in
        try unsafe cpu.upload(all, format: format, scale: 1, shape: [1]).values()
      }
      return values[0]
    }
    #expect(try widened([0x01, 0x00], .float16) == 0x1p-24)
    #expect(try widened([0xFF, 0x7B], .float16) == 65504)
    #expect(try widened([0x00, 0xFC], .float16) == -.infinity)
    #expect(try widened([0x00, 0x7E], .float16).isNaN)
    #expect(try widened([0x01, 0x00], .bfloat16) == Float(bitPattern: 0x10000))
    #expect(try widened([0xC0, 0x7F], .bfloat16).isNaN)
    #expect(try widened([0, 0, 0, 0, 0, 0, 0xF0, 0x7F], .float64) == .infinity)
    // 1 + 2^-24 lies half way between two float32 numbers and goes to the even one.
    #expect(try widened([0, 0, 0, 0x10, 0, 0, 0xF0, 0x3F], .float64) == 1)
  }

  @Test func `a wrong number of elements is refused`() throws {
    #expect(throws: TensorError.self) { try cpu.upload([1, 2, 3], shape: [2, 2]) }
    for format in NumberFormat.allCases {
      let bytes = [UInt8](repeating: 0, count: 3 * format.byteCount + 1)
      #expect(throws: TensorError.self) {
        try unsafe bytes.withUnsafeBytes { bytes in
          try unsafe cpu.upload(bytes, format: format, scale: 1, shape: [3])
        }
      }
    }
  }

  @Test func `what is uploaded comes back as it was`() throws {
    for shape in [[], [0], [3, 0, 2], [1], [7, 11, 13]] as [Shape] {
      let values = TorchGenerator.normals(shape.count, seed: 9)
      #expect(try cpu.upload(values, shape: shape).values() == values)
    }
  }

  /// Little-endian numbers of a format.
  private static func bytes(of count: Int, _ format: NumberFormat) -> [UInt8] {
    TorchGenerator.normals(count, seed: 11).flatMap { value -> [UInt8] in
      let bits: UInt64 =
        switch format {
        case .float16: UInt64(Float16(value).bitPattern)
        case .bfloat16: UInt64(value.bitPattern >> 16)
        case .float32: UInt64(value.bitPattern)
        case .float64: (Double(value) * 1.000000119).bitPattern
        }
      return (0..<format.byteCount).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
  }
}
