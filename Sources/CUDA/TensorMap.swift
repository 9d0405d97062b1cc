// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA

/// Where the copy engine of compute capability 9.0 finds the tiles of a tensor of 16-bit numbers.
package struct TensorMap: Sendable {
  /// What the driver made of it: 128 bytes that only the GPU understands.
  let words: [UInt64]
}

extension Device {
  /// Whether the driver can make tensor maps: 12.0 and later can.
  package var hasTensorMaps: Bool { unsafe driver.encodeTensorMap.exists }

  /// Makes a tensor's map.
  ///
  /// In shared memory the sixteen-byte pieces of a tile's rows lie exclusive-ored with the
  /// last three bits of the row's number, so that a column of them can be read from all banks.
  ///
  /// - Parameters:
  ///   - address: Where the tensor lies, at a multiple of 16 bytes.
  ///   - sizes: Elements along each dimension, the one whose elements lie side by side first; 1 to 5 of them.
  ///   - strides: Bytes from one element to the next along all dimensions but the first, multiples of 16.
  ///   - box: Elements of a tile along each dimension; 64, or 128 bytes, along the first.
  /// - Returns: The map.
  /// - Throws: `CUDAError` if the driver does not take it.
  package func tensorMap(
    _ address: UInt64,
    sizes: [Int],
    strides: [Int],
    box: [Int]
  ) throws(CUDAError) -> TensorMap {
    let encode = unsafe try driver.encodeTensorMap.function
    // The driver wants the map at a multiple of 64 bytes.
    let map = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
    defer { unsafe map.deallocate() }
    let result = unsafe encode(
      map,
      Int32(CUDA_TENSOR_MAP_UINT16),
      UInt32(sizes.count),
      address,
      sizes.map(UInt64.init),
      strides.map(UInt64.init),
      box.map(UInt32.init),
      [UInt32](repeating: 1, count: sizes.count),
      Int32(CUDA_TENSOR_MAP_NOT_INTERLEAVED),
      Int32(CUDA_TENSOR_MAP_SWIZZLE_128_BYTES),
      Int32(CUDA_TENSOR_MAP_PROMOTE_TO_256_BYTES),
      Int32(CUDA_TENSOR_MAP_FILL_WITH_ZEROS)
    )
    try driver.check(result, "cuTensorMapEncodeTiled \(sizes)")
    return TensorMap(
      words: (0..<16).map { unsafe map.load(fromByteOffset: 8 * $0, as: UInt64.self) }
    )
  }
}
