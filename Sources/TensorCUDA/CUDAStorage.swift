// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import Synchronization
internal import TensorCore

/// A piece of a GPU's memory that holds elements of one type.
///
/// It is written once, by the operation that makes it, and read afterwards, all in the stream's order.
final class CUDAStorage: TensorStorage {
  let element: Element
  private let memory: DeviceMemory
  /// The same numbers as another type, once somebody needed them; for small tensors alone.
  private let others = Mutex<[Element: CUDAStorage]>([:])

  /// The most bytes for which a copy in another type is kept.
  static let mostKept = 1 << 18

  init(_ memory: consuming DeviceMemory, _ element: Element) {
    self.memory = memory
    self.element = element
  }

  var byteCount: Int { memory.byteCount }
  var address: UInt64 { memory.address }

  /// A copy in another type that was kept.
  func copy(as element: Element) -> CUDAStorage? { others.withLock { $0[element] } }

  /// Keeps a copy in another type.
  func keep(_ copy: CUDAStorage) { others.withLock { $0[copy.element] = copy } }
}

/// A weight as matrix products and convolutions read it.
final class CUDAWeight: PreparedWeight {
  /// In checkpoint order.
  let shape: Shape
  /// `[outputs, inputs]`; or `[wide outputs, kernel height, kernel width, wide inputs]`.
  let storage: CUDAStorage

  init(shape: Shape, storage: CUDAStorage) {
    self.shape = shape
    self.storage = storage
  }

  /// Channels are padded to a multiple of this, as tensor cores want 16 bytes at a time.
  static let channelStep = 8

  static func wide(_ channels: Int) -> Int {
    (channels + channelStep - 1) / channelStep * channelStep
  }
}
