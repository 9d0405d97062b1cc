// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Safetensors

extension ElementType {
  /// Whether the elements are floating-point numbers.
  var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8: true
    default: false
    }
  }

  /// The kind that a tensor of this kind is written as.
  ///
  /// - Parameters:
  ///   - wanted: What its numbers are to become; nil to keep them.
  ///   - shape: Its sizes.
  /// - Returns: The kind.
  func written(as wanted: ElementType?, shape: [Int]) -> ElementType {
    guard isFloatingPoint, let wanted else { return self }
    // Eight bits are too few for what whole channels are scaled and shifted by.
    return wanted == .float8 && shape.count < 2 ? self : wanted
  }

  /// Stored numbers as numbers of another floating-point kind, each rounded to the nearest, ties to even.
  ///
  /// - Parameters:
  ///   - bytes: Whole elements of this kind, which is a floating-point one, little endian.
  ///   - type: A floating-point kind.
  /// - Returns: The bytes of as many elements; nil if a finite number is too large for the kind.
  package func convert(_ bytes: UnsafeRawBufferPointer, to type: ElementType) -> [UInt8]? {
    let count = bytes.count / byteCount
    var isFinite = true
    let converted = unsafe [UInt8](unsafeUninitializedCapacity: count * type.byteCount) {
      output,
      size in
      let output = UnsafeMutableRawBufferPointer(output)
      for index in 0..<count {
        let value = unsafe number(in: bytes, at: index)
        isFinite = unsafe type.store(value, in: output, at: index) && isFinite
      }
      size = count * type.byteCount
    }
    return isFinite ? converted : nil
  }

  private func number(in bytes: UnsafeRawBufferPointer, at index: Int) -> Float {
    let offset = index * byteCount
    func load<Bits: FixedWidthInteger & BitwiseCopyable>(_: Bits.Type) -> Bits {
      unsafe Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self))
    }
    return switch self {
    case .float64: Float(Double(bitPattern: load(UInt64.self)))
    case .float16: Float(Float16(bitPattern: load(UInt16.self)))
    case .bfloat16: Float(bitPattern: UInt32(load(UInt16.self)) << 16)
    case .float8: Float(Float8.numbers[Int(load(UInt8.self))])
    default: Float(bitPattern: load(UInt32.self))
    }
  }

  /// Writes one number; false if it is finite and this kind's nearest is not.
  private func store(
    _ value: Float,
    in bytes: UnsafeMutableRawBufferPointer,
    at index: Int
  ) -> Bool {
    let offset = index * byteCount
    func store(_ bits: some FixedWidthInteger & BitwiseCopyable) {
      unsafe bytes.storeBytes(of: bits.littleEndian, toByteOffset: offset, as: type(of: bits))
    }
    switch self {
    case .float64: store(Double(value).bitPattern)
    case .float16:
      let half = Float16(value)
      store(half.bitPattern)
      return half.isFinite || !value.isFinite
    case .bfloat16:
      let bits = value.bitPattern
      // Half of the last place that stays, and a bit more where that place is odd; not for NaN, which
      // must stay one.
      let rounded = value.isNaN ? bits | 0x40_0000 : bits &+ 0x7FFF &+ (bits >> 16 & 1)
      store(UInt16(truncatingIfNeeded: rounded >> 16))
      return Float(bitPattern: rounded & 0xFFFF_0000).isFinite || !value.isFinite
    case .float8:
      guard let bits = Float8.bits(value) else { return false }
      store(bits)
    default: store(value.bitPattern)
    }
    return true
  }
}
