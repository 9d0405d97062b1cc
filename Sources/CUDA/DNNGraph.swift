// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
package import SharedLibrary

/// cuDNN's backend interface: descriptors whose attributes are set one by one, then made final.
package final class DNN: Sendable {
  let device: Device
  let library: cuda_handle
  private let points: EntryPoints

  @safe private struct EntryPoints: Sendable {
    let version: EntryPoint<dnn_version>
    let text: EntryPoint<dnn_status_text>
    let lastError: EntryPoint<dnn_last_error>
    let create: EntryPoint<dnn_create>
    let destroy: EntryPoint<dnn_destroy>
    let setStream: EntryPoint<dnn_set_stream>
    let createDescriptor: EntryPoint<dnn_descriptor_create>
    let destroyDescriptor: EntryPoint<dnn_descriptor_call>
    let finalize: EntryPoint<dnn_descriptor_call>
    let set: EntryPoint<dnn_set>
    let get: EntryPoint<dnn_get>
    let execute: EntryPoint<dnn_execute>

    init(_ library: SharedLibrary) {
      version = EntryPoint(library, "cudnnGetVersion")
      unsafe text = EntryPoint(library, "cudnnGetErrorString")
      unsafe lastError = EntryPoint(library, "cudnnGetLastErrorString")
      unsafe create = EntryPoint(library, "cudnnCreate")
      destroy = EntryPoint(library, "cudnnDestroy")
      setStream = EntryPoint(library, "cudnnSetStream")
      unsafe createDescriptor = EntryPoint(library, "cudnnBackendCreateDescriptor")
      destroyDescriptor = EntryPoint(library, "cudnnBackendDestroyDescriptor")
      finalize = EntryPoint(library, "cudnnBackendFinalize")
      unsafe set = EntryPoint(library, "cudnnBackendSetAttribute")
      unsafe get = EntryPoint(library, "cudnnBackendGetAttribute")
      execute = EntryPoint(library, "cudnnBackendExecute")
    }
  }

  /// The library's version, as 91300 for 9.13.0.
  package static func version(_ library: SharedLibrary) throws(CUDAError) -> Int {
    try EntryPoints(library).version.function()
  }

  /// The library's version, as 91300 for 9.13.0.
  var version: Int { get throws(CUDAError) { try points.version.function() } }

  /// Opens the library on a GPU.
  ///
  /// - Parameters:
  ///   - library: cuDNN.
  ///   - device: The GPU.
  /// - Throws: `CUDAError` if the library fails.
  package init(_ library: SharedLibrary, _ device: Device) throws(CUDAError) {
    let points = EntryPoints(library)
    try device.bind()
    var handle: cuda_handle = 0
    let status = unsafe try points.create.function(&handle)
    self.device = device
    self.points = points
    self.library = handle
    try check(status, "cudnnCreate")
    try check(points.setStream.function(handle, device.stream), "cudnnSetStream")
  }

  deinit {
    guard library != 0 else { return }
    device.release { () throws(CUDAError) in
      try check(points.destroy.function(library), "cudnnDestroy")
    }
  }

  func check(_ status: Int32, _ call: @autoclosure () -> String) throws(CUDAError) {
    guard status != 0 else { return }
    var message = "status \(status)"
    if let text = unsafe try? points.text.function, let words = unsafe text(status) {
      message = unsafe String(cString: words)
    }
    if let last = unsafe try? points.lastError.function {
      var text = [CChar](repeating: 0, count: 1024)
      unsafe last(&text, text.count)
      let said = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
        as: UTF8.self
      )
      if !said.isEmpty { message += " (\(said))" }
    }
    let isUnsupported =
      (DNN_RESULT_NOT_SUPPORTED..<DNN_RESULT_EXECUTION_FAILED).contains(Int(status))
    throw CUDAError(isUnsupported ? .unsupported : .call, call(), message)
  }

  /// One descriptor.
  ///
  /// It is written only while its plan is made, by the one thread that makes it, and read afterwards;
  /// that is what makes it `Sendable`.
  final class Descriptor: @unchecked Sendable {
    let handle: cuda_handle
    private let kind: String
    private let dnn: DNN
    /// What this descriptor refers to must outlive it.
    private var kept: [Descriptor] = []

    init(_ kind: Int, _ name: String, _ dnn: DNN) throws(CUDAError) {
      var handle: cuda_handle = 0
      try dnn.check(
        unsafe dnn.points.createDescriptor.function(Int32(kind), &handle),
        "cudnnBackendCreateDescriptor \(name)"
      )
      self.handle = handle
      self.kind = name
      self.dnn = dnn
    }

    deinit {
      dnn.device.release { () throws(CUDAError) in
        try dnn.check(
          dnn.points.destroyDescriptor.function(handle),
          "cudnnBackendDestroyDescriptor \(kind)"
        )
      }
    }

    /// Sets an attribute from an array of numbers of the type that the attribute has.
    func set<Value: BitwiseCopyable>(
      _ attribute: Int,
      _ type: Int,
      _ values: [Value]
    ) throws(CUDAError) {
      let set = unsafe try dnn.points.set.function
      let status = unsafe values.withUnsafeBytes { bytes in
        unsafe set(handle, Int32(attribute), Int32(type), Int64(values.count), bytes.baseAddress)
      }
      try dnn.check(status, "cudnnBackendSetAttribute \(kind) \(attribute)")
    }

    func set(_ attribute: Int, _ descriptors: [Descriptor]) throws(CUDAError) {
      kept += descriptors
      try set(attribute, DNN_TYPE_DESCRIPTOR, descriptors.map(\.handle))
    }

    /// Lets another descriptor live as long as this one.
    func keep(_ other: Descriptor) { kept.append(other) }

    func set(_ attribute: Int, integers: [Int]) throws(CUDAError) {
      try set(attribute, DNN_TYPE_INT64, integers.map(Int64.init))
    }

    /// Sets an attribute whose values are those of a C enumeration.
    func set(_ attribute: Int, _ type: Int, enumerator: Int) throws(CUDAError) {
      try set(attribute, type, [Int32(enumerator)])
    }

    func finalize() throws(CUDAError) {
      try dnn.check(dnn.points.finalize.function(handle), "cudnnBackendFinalize \(kind)")
    }

    /// Reads an attribute into an array that is large enough; returns how many values there are.
    func get<Value: BitwiseCopyable>(
      _ attribute: Int,
      _ type: Int,
      _ values: inout [Value]
    ) throws(CUDAError) -> Int {
      var count: Int64 = 0
      let get = unsafe try dnn.points.get.function
      let capacity = Int64(values.count)
      let status = unsafe values.withUnsafeMutableBytes { bytes in
        unsafe get(handle, Int32(attribute), Int32(type), capacity, &count, bytes.baseAddress)
      }
      try dnn.check(status, "cudnnBackendGetAttribute \(kind) \(attribute)")
      return Int(count)
    }
  }

  func execute(_ plan: Descriptor, _ pack: Descriptor, _ name: String) throws(CUDAError) {
    try check(
      points.execute.function(library, plan.handle, pack.handle),
      "cudnnBackendExecute \(name)"
    )
  }
}
