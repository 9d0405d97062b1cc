// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
internal import Synchronization

/// Compiled kernels on a GPU.
package final class Module: Sendable {
  private let device: Device
  private let handle: cuda_handle
  private struct Function {
    let handle: cuda_handle
    var sharedBytes: Int
  }

  private let functions = Mutex<[String: Function]>([:])

  /// Loads kernels.
  ///
  /// - Parameters:
  ///   - image: What NVRTC made for this GPU.
  ///   - device: The GPU.
  /// - Throws: `CUDAError` if the driver does not take the image.
  package init(_ image: [UInt8], on device: Device) throws(CUDAError) {
    try device.bind()
    var handle: cuda_handle = 0
    let result = unsafe try device.driver.loadModule.function(&handle, image)
    try device.driver.check(result, "cuModuleLoadData")
    self.handle = handle
    self.device = device
  }

  deinit {
    device.release { () throws(CUDAError) in
      try device.driver.check(device.driver.unloadModule.function(handle), "cuModuleUnload")
    }
  }

  /// A number, an address on the GPU, or a tensor's map, that a kernel is given.
  package enum Argument {
    case address(UInt64)
    case int(Int64)
    case float(Float)
    case map(TensorMap)

    /// What is narrower than a word is read from its beginning.
    fileprivate var words: [UInt64] {
      switch self {
      case .address(let address): [address]
      case .int(let value): [UInt64(bitPattern: value)]
      case .float(let value): [UInt64(value.bitPattern)]
      case .map(let map): map.words
      }
    }
  }

  /// Starts a kernel on the device's stream.
  ///
  /// All integers of our kernels are 64 bits wide.
  ///
  /// - Parameters:
  ///   - name: The kernel.
  ///   - grid: Blocks along x, y and z.
  ///   - block: Threads of a block.
  ///   - sharedBytes: Shared memory of a block.
  ///   - arguments: What the kernel is given.
  /// - Throws: `CUDAError` if there is no such kernel or it cannot be started.
  package func launch(
    _ name: String,
    grid: (x: Int, y: Int, z: Int),
    block: Int,
    sharedBytes: Int = 0,
    _ arguments: [Argument]
  ) throws(CUDAError) {
    try device.bind()
    let function = try self.function(name, sharedBytes: sharedBytes)
    guard grid.x > 0, grid.y > 0, grid.z > 0 else { return }
    guard grid.x <= Int(Int32.max), grid.y <= 65535, grid.z <= 65535 else {
      throw CUDAError(.unsupported, "cuLaunchKernel \(name)", "\(grid) blocks are too many")
    }
    var slots: [UInt64] = []
    var places: [Int] = []
    for argument in arguments {
      places.append(slots.count)
      slots += argument.words
    }
    let launch = unsafe try device.driver.launch.function
    let result = unsafe slots.withUnsafeMutableBufferPointer { slots in
      var pointers = unsafe places.map { index -> UnsafeMutableRawPointer? in
        unsafe slots.baseAddress.map { unsafe UnsafeMutableRawPointer($0 + index) }
      }
      return unsafe launch(
        function,
        UInt32(grid.x),
        UInt32(grid.y),
        UInt32(grid.z),
        UInt32(block),
        1,
        1,
        UInt32(sharedBytes),
        device.stream,
        &pointers,
        nil
      )
    }
    try device.driver.check(result, "cuLaunchKernel \(name)")
  }

  private func function(_ name: String, sharedBytes: Int) throws(CUDAError) -> cuda_handle {
    let known = functions.withLock { $0[name] }
    var function = known ?? Function(handle: 0, sharedBytes: 48 << 10)
    if known == nil {
      var handle: cuda_handle = 0
      try device.driver.check(
        unsafe device.driver.function.function(&handle, self.handle, name),
        "cuModuleGetFunction \(name)"
      )
      function = Function(handle: handle, sharedBytes: function.sharedBytes)
    }
    if sharedBytes > function.sharedBytes {
      // More than 48 KiB is had on request alone.
      try device.driver.check(
        device.driver.setFunction.function(
          function.handle,
          Int32(CUDA_FUNCTION_DYNAMIC_SHARED_MEMORY),
          Int32(clamping: sharedBytes)
        ),
        "cuFuncSetAttribute \(name)"
      )
      function.sharedBytes = sharedBytes
    }
    functions.withLock { $0[name] = function }
    return function.handle
  }
}
