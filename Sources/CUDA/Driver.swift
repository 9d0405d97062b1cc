// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
internal import SharedLibrary

/// The entry points of the driver.
///
/// Symbols carry the version of their interface: `_v2` takes 64-bit sizes, and has since CUDA 3.2.
@safe final class Driver: Sendable {
  let initialize: EntryPoint<cuda_init>
  let version: EntryPoint<cuda_driver_version>
  let errorName: EntryPoint<cuda_error_text>
  let errorText: EntryPoint<cuda_error_text>
  let deviceCount: EntryPoint<cuda_device_count>
  let device: EntryPoint<cuda_device_get>
  let deviceName: EntryPoint<cuda_device_name>
  let deviceMemory: EntryPoint<cuda_device_memory>
  let deviceAttribute: EntryPoint<cuda_device_attribute>
  let setContextFlags: EntryPoint<cuda_primary_context_set_flags>
  let retainContext: EntryPoint<cuda_primary_context_retain>
  let releaseContext: EntryPoint<cuda_primary_context_release>
  let setContext: EntryPoint<cuda_context_set>
  let synchronize: EntryPoint<cuda_context_synchronize>
  let memoryInfo: EntryPoint<cuda_memory_info>
  let createStream: EntryPoint<cuda_stream_create>
  let destroyStream: EntryPoint<cuda_stream_call>
  let synchronizeStream: EntryPoint<cuda_stream_call>
  let createEvent: EntryPoint<cuda_event_create>
  let destroyEvent: EntryPoint<cuda_event_call>
  let recordEvent: EntryPoint<cuda_event_record>
  let waitForEvent: EntryPoint<cuda_event_call>
  let elapsed: EntryPoint<cuda_event_elapsed>
  let allocate: EntryPoint<cuda_allocate>
  let free: EntryPoint<cuda_free>
  let allocateOrdered: EntryPoint<cuda_allocate_ordered>
  let freeOrdered: EntryPoint<cuda_free_ordered>
  let pool: EntryPoint<cuda_device_pool>
  let setPool: EntryPoint<cuda_pool_set>
  let trimPool: EntryPoint<cuda_pool_trim>
  let allocateHost: EntryPoint<cuda_host_allocate>
  let freeHost: EntryPoint<cuda_host_free>
  let copyIn: EntryPoint<cuda_copy_in>
  let copyOut: EntryPoint<cuda_copy_out>
  let copy: EntryPoint<cuda_copy>
  let fill: EntryPoint<cuda_fill>
  let loadModule: EntryPoint<cuda_module_load>
  let unloadModule: EntryPoint<cuda_module_unload>
  let function: EntryPoint<cuda_module_function>
  let setFunction: EntryPoint<cuda_function_set>
  let launch: EntryPoint<cuda_launch>
  let encodeTensorMap: EntryPoint<cuda_tensor_map_encode>

  init(_ library: SharedLibrary) {
    initialize = EntryPoint(library, "cuInit")
    unsafe version = EntryPoint(library, "cuDriverGetVersion")
    unsafe errorName = EntryPoint(library, "cuGetErrorName")
    unsafe errorText = EntryPoint(library, "cuGetErrorString")
    unsafe deviceCount = EntryPoint(library, "cuDeviceGetCount")
    unsafe device = EntryPoint(library, "cuDeviceGet")
    unsafe deviceName = EntryPoint(library, "cuDeviceGetName")
    unsafe deviceMemory = EntryPoint(library, "cuDeviceTotalMem_v2")
    unsafe deviceAttribute = EntryPoint(library, "cuDeviceGetAttribute")
    setContextFlags = EntryPoint(library, "cuDevicePrimaryCtxSetFlags_v2")
    unsafe retainContext = EntryPoint(library, "cuDevicePrimaryCtxRetain")
    releaseContext = EntryPoint(library, "cuDevicePrimaryCtxRelease_v2")
    setContext = EntryPoint(library, "cuCtxSetCurrent")
    synchronize = EntryPoint(library, "cuCtxSynchronize")
    unsafe memoryInfo = EntryPoint(library, "cuMemGetInfo_v2")
    unsafe createStream = EntryPoint(library, "cuStreamCreate")
    destroyStream = EntryPoint(library, "cuStreamDestroy_v2")
    synchronizeStream = EntryPoint(library, "cuStreamSynchronize")
    unsafe createEvent = EntryPoint(library, "cuEventCreate")
    destroyEvent = EntryPoint(library, "cuEventDestroy_v2")
    recordEvent = EntryPoint(library, "cuEventRecord")
    waitForEvent = EntryPoint(library, "cuEventSynchronize")
    unsafe elapsed = EntryPoint(library, "cuEventElapsedTime")
    unsafe allocate = EntryPoint(library, "cuMemAlloc_v2")
    free = EntryPoint(library, "cuMemFree_v2")
    unsafe allocateOrdered = EntryPoint(library, "cuMemAllocAsync")
    freeOrdered = EntryPoint(library, "cuMemFreeAsync")
    unsafe pool = EntryPoint(library, "cuDeviceGetDefaultMemPool")
    unsafe setPool = EntryPoint(library, "cuMemPoolSetAttribute")
    trimPool = EntryPoint(library, "cuMemPoolTrimTo")
    unsafe allocateHost = EntryPoint(library, "cuMemHostAlloc")
    unsafe freeHost = EntryPoint(library, "cuMemFreeHost")
    unsafe copyIn = EntryPoint(library, "cuMemcpyHtoDAsync_v2")
    unsafe copyOut = EntryPoint(library, "cuMemcpyDtoHAsync_v2")
    copy = EntryPoint(library, "cuMemcpyDtoDAsync_v2")
    fill = EntryPoint(library, "cuMemsetD8Async")
    unsafe loadModule = EntryPoint(library, "cuModuleLoadData")
    unloadModule = EntryPoint(library, "cuModuleUnload")
    unsafe function = EntryPoint(library, "cuModuleGetFunction")
    setFunction = EntryPoint(library, "cuFuncSetAttribute")
    unsafe launch = EntryPoint(library, "cuLaunchKernel")
    unsafe encodeTensorMap = EntryPoint(library, "cuTensorMapEncodeTiled")
  }

  /// Turns a result into an error.
  func check(_ result: Int32, _ call: @autoclosure () -> String) throws(CUDAError) {
    if result != 0 { throw error(result, call()) }
  }

  /// The error that a result stands for.
  func error(_ result: Int32, _ call: String) -> CUDAError {
    func text(_ point: EntryPoint<cuda_error_text>) -> String? {
      var text: UnsafePointer<CChar>?
      guard let function = unsafe try? point.function, unsafe function(result, &text) == 0 else {
        return nil
      }
      return unsafe text.map { unsafe String(cString: $0) }
    }
    let name = unsafe text(errorName) ?? "error \(result)"
    let code: CUDAError.Code =
      switch Int(result) {
      case CUDA_RESULT_OUT_OF_MEMORY: .outOfMemory
      case CUDA_RESULT_NO_DEVICE: .device
      default: .call
      }
    return unsafe CUDAError(code, call, text(errorText).map { "\(name): \($0)" } ?? name)
  }
}
