// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CCUDA
package import SharedLibrary

/// NVRTC: compiles kernels for a GPU, which need not be there.
@safe package struct Compiler: Sendable {
  private let library: SharedLibrary
  private let versionPoint: EntryPoint<nvrtc_version>
  private let errorText: EntryPoint<nvrtc_error_text>
  private let create: EntryPoint<nvrtc_create>
  private let destroy: EntryPoint<nvrtc_destroy>
  private let compile: EntryPoint<nvrtc_compile>
  private let logSize: EntryPoint<nvrtc_size>
  private let log: EntryPoint<nvrtc_read>
  private let imageSize: EntryPoint<nvrtc_size>
  private let image: EntryPoint<nvrtc_read>

  package init(_ library: SharedLibrary) {
    self.library = library
    unsafe versionPoint = EntryPoint(library, "nvrtcVersion")
    unsafe errorText = EntryPoint(library, "nvrtcGetErrorString")
    unsafe create = EntryPoint(library, "nvrtcCreateProgram")
    unsafe destroy = EntryPoint(library, "nvrtcDestroyProgram")
    unsafe compile = EntryPoint(library, "nvrtcCompileProgram")
    unsafe logSize = EntryPoint(library, "nvrtcGetProgramLogSize")
    unsafe log = EntryPoint(library, "nvrtcGetProgramLog")
    unsafe imageSize = EntryPoint(library, "nvrtcGetCUBINSize")
    unsafe image = EntryPoint(library, "nvrtcGetCUBIN")
  }

  /// As "13.0".
  package var version: String {
    get throws(CUDAError) {
      var major: Int32 = 0
      var minor: Int32 = 0
      try check(unsafe versionPoint.function(&major, &minor), "nvrtcVersion")
      return "\(major).\(minor)"
    }
  }

  /// Compiles a source.
  ///
  /// - Parameters:
  ///   - source: CUDA C++ that includes nothing.
  ///   - name: What to call it in messages.
  ///   - options: As for the command-line compiler.
  /// - Returns: Machine code.
  /// - Throws: `CUDAError` with code `.compilation` and what the compiler said.
  package func machineCode(
    of source: String,
    name: String,
    options: [String]
  ) throws(CUDAError) -> [UInt8] {
    var program: cuda_handle = 0
    try check(
      unsafe create.function(&program, source, name, 0, nil, nil),
      "nvrtcCreateProgram \(name)"
    )
    defer { _ = unsafe try? destroy.function(&program) }
    let compile = unsafe try compile.function
    let result = unsafe Self.withStrings(options) { options in
      unsafe compile(program, Int32(options.count), options.baseAddress)
    }
    if result != 0 {
      let text = unsafe (try? read(program, logSize, log)) ?? []
      throw CUDAError(
        .compilation,
        "nvrtcCompileProgram \(name)",
        "\(try description(of: result)): "
          + String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
      )
    }
    return unsafe try read(program, imageSize, image)
  }

  private func read(
    _ program: cuda_handle,
    _ size: EntryPoint<nvrtc_size>,
    _ content: EntryPoint<nvrtc_read>
  ) throws(CUDAError) -> [UInt8] {
    var count = 0
    try check(unsafe size.function(program, &count), "nvrtcGetSize")
    var bytes = [CChar](repeating: 0, count: count)
    try check(unsafe content.function(program, &bytes), "nvrtcGet")
    return bytes.map { UInt8(bitPattern: $0) }
  }

  private func check(_ result: Int32, _ call: String) throws(CUDAError) {
    if result != 0 { throw CUDAError(.call, call, try description(of: result)) }
  }

  private func description(of result: Int32) throws(CUDAError) -> String {
    let text = unsafe try errorText.function(result)
    return unsafe text.map { unsafe String(cString: $0) } ?? "error \(result)"
  }

  /// Pointers to C strings that live for the call.
  private static func withStrings<Result>(
    _ strings: [String],
    _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
  ) -> Result {
    var starts: [Int] = []
    var bytes: [CChar] = []
    for string in strings {
      starts.append(bytes.count)
      bytes += string.utf8.map { CChar(bitPattern: $0) } + [0]
    }
    return unsafe bytes.withUnsafeBufferPointer { bytes in
      let pointers = unsafe starts.map { start in unsafe bytes.baseAddress.map { unsafe $0 + start }
      }
      return unsafe pointers.withUnsafeBufferPointer { unsafe body($0) }
    }
  }
}
