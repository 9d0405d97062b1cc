// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The kind of number that a tensor in a safetensors file holds.
///
/// The raw value is the file format's own name. Kinds of the format that are not listed (the other 8-bit
/// floats, the wider unsigned integers) make the file that holds them unreadable, with an error that
/// names the kind.
public enum ElementType: String, Sendable, CaseIterable {
  /// IEEE 754 binary64, 8 bytes.
  case float64 = "F64"
  /// IEEE 754 binary32, 4 bytes.
  case float32 = "F32"
  /// IEEE 754 binary16, 2 bytes.
  case float16 = "F16"
  /// The upper half of a binary32, 2 bytes.
  case bfloat16 = "BF16"
  /// Torch's `float8_e4m3fn`, 1 byte.
  case float8 = "F8_E4M3"
  /// Signed, 8 bytes.
  case int64 = "I64"
  /// Signed, 4 bytes.
  case int32 = "I32"
  /// Signed, 2 bytes.
  case int16 = "I16"
  /// Signed, 1 byte.
  case int8 = "I8"
  /// Unsigned, 1 byte.
  case uint8 = "U8"
  /// One byte that is 0 or 1; the file is not checked for other values.
  case bool = "BOOL"

  /// The size of one element in bytes.
  public var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .float8, .int8, .uint8, .bool: 1
    }
  }
}
