// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc
package import SharedLibrary

/// One of the libraries that a GPU is driven by.
package enum CUDALibrary: String, CaseIterable, Sendable {
  case driver, nvrtc, cublasLt, cudnn

  /// What a person calls it.
  package var name: String {
    switch self {
    case .driver: "NVIDIA driver"
    case .nvrtc: "NVRTC"
    case .cublasLt: "cuBLASLt"
    case .cudnn: "cuDNN"
    }
  }

  /// The names of its file, the newest supported version first.
  package var fileNames: [String] {
    switch self {
    case .driver: ["libcuda.so.1"]
    case .nvrtc: ["libnvrtc.so.13", "libnvrtc.so.12"]
    case .cublasLt: ["libcublasLt.so.13", "libcublasLt.so.12"]
    case .cudnn: ["libcudnn.so.9"]
    }
  }

  /// What brings it: packages of pip and of NVIDIA's repository for Debian and Ubuntu.
  package var remedy: String {
    switch self {
    case .driver:
      "install NVIDIA's driver, 525 or later (Debian: apt install nvidia-driver libcuda1); in a "
        + "container, start it with the GPU"
    case .nvrtc:
      "pip install nvidia-cuda-nvrtc (CUDA 12: nvidia-cuda-nvrtc-cu12), or apt install "
        + "cuda-nvrtc-13-0 from NVIDIA's repository"
    case .cublasLt:
      "pip install nvidia-cublas (CUDA 12: nvidia-cublas-cu12), or apt install libcublas-13-0 "
        + "from NVIDIA's repository"
    case .cudnn:
      "pip install nvidia-cudnn-cu13 (CUDA 12: nvidia-cudnn-cu12), or apt install "
        + "libcudnn9-cuda-13 from NVIDIA's repository"
    }
  }

  /// Where it is looked for: what `ZOETROPE_CUDA_PATH` names, colon-separated, and nowhere else if
  /// it is set; or the loader's path, toolkits, Python's packages, and the system's folders.
  package var search: LibrarySearch {
    let explicit = unsafe getenv("ZOETROPE_CUDA_PATH").map { unsafe String(cString: $0) } ?? ""
    let toolkits = ["/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib"]
    return LibrarySearch(
      fileNames: fileNames,
      // The driver comes with the system and is never where a person keeps the other libraries.
      explicit: self == .driver ? [] : explicit.split(separator: ":").map(String.init),
      patterns: self == .driver
        ? LibrarySearch.systemPatterns
        : toolkits + LibrarySearch.pythonPatterns + LibrarySearch.systemPatterns
    )
  }
}

/// The libraries, opened.
///
/// The order matters: cuDNN looks for the others by name once they are needed, and finds those that
/// this process has open.
package struct CUDALibraries: Sendable {
  package let driver, nvrtc, cublasLt, cudnn: SharedLibrary

  /// Opens all four.
  ///
  /// - Parameter search: Where to look for each.
  /// - Throws: `CUDAError` with code `.library` for the first that cannot be opened.
  package init(
    search: (CUDALibrary) -> LibrarySearch = { $0.search }
  ) throws(CUDAError) {
    driver = try Self.open(.driver, search(.driver))
    nvrtc = try Self.open(.nvrtc, search(.nvrtc))
    cublasLt = try Self.open(.cublasLt, search(.cublasLt))
    cudnn = try Self.open(.cudnn, search(.cudnn))
  }

  /// Opens one library.
  ///
  /// - Parameters:
  ///   - library: Which.
  ///   - search: Where to look.
  /// - Returns: The library.
  /// - Throws: `CUDAError` with code `.library`, which says what to do.
  package static func open(
    _ library: CUDALibrary,
    _ search: LibrarySearch
  ) throws(CUDAError) -> SharedLibrary {
    do { return try SharedLibrary.open(library.name, search) } catch {
      throw CUDAError(.library, library.name, "\(error.message); \(library.remedy)")
    }
  }
}
