// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import SharedLibrary

/// What there is of a GPU and its libraries, for a person who wants to know why it is not used.
package struct Survey: Sendable, Encodable {
  /// One library.
  package struct Library: Sendable, Encodable {
    package let name: String
    /// The names of its file.
    package let fileNames: [String]
    /// Where it was looked for, in order.
    package let places: [String]
    /// The file that was opened.
    package let path: String?
    package let version: String?
    /// The processor that the file is for.
    package let machine: String?
    /// Why it cannot be used.
    package let problem: String?
    /// What to do about it.
    package let remedy: String?
    /// Files that were there and could not be opened, with the reason.
    package let passedOver: [String]
  }

  /// One GPU.
  package struct GPU: Sendable, Encodable {
    package let name: String
    package let computeCapability: String
    package let memoryBytes: Int
    package let multiprocessors: Int
    /// Why it cannot be used.
    package let problem: String?
  }

  package let libraries: [Library]
  package let devices: [GPU]
  /// Why there are no devices to tell of.
  package let problem: String?

  /// Whether everything is there to compute on a GPU.
  package var isUsable: Bool {
    libraries.allSatisfy { $0.problem == nil } && devices.contains { $0.problem == nil }
  }

  /// Looks at everything.
  ///
  /// - Parameter search: Where to look for each library.
  package init(search: (CUDALibrary) -> LibrarySearch = { $0.search }) {
    libraries = CUDALibrary.allCases.map { Self.library($0, search($0)) }
    do {
      let driver = try CUDALibraries.open(.driver, search(.driver))
      devices = try Device.all(driver).map { device in
        GPU(
          name: device.name,
          computeCapability: device.capabilityText,
          memoryBytes: device.memory,
          multiprocessors: device.multiprocessors,
          problem: device.capability < Device.leastCapability
            ? "compute capability 8.0 or later is needed" : nil
        )
      }
      problem = devices.isEmpty ? "the driver shows no GPU" : nil
    } catch {
      devices = []
      problem = "\(error)"
    }
  }

  private static func library(_ library: CUDALibrary, _ search: LibrarySearch) -> Library {
    let places =
      search.explicit.isEmpty ? ["the loader's path"] + search.patterns : search.explicit
    var path: String?
    var version: String?
    var problem: String?
    var passedOver: [String] = []
    do {
      let opened = try SharedLibrary.open(library.name, search)
      path = opened.path
      do { version = try Self.version(library, opened) } catch { problem = "\(error)" }
    } catch {
      problem = error.message
      passedOver = error.attempts.map { "\($0.path): \($0.reason)" }
    }
    return Library(
      name: library.name,
      fileNames: search.fileNames,
      places: places,
      path: path,
      version: version,
      machine: path.flatMap { ELFFile(path: $0) }?.machineName,
      problem: problem,
      remedy: problem == nil ? nil : library.remedy,
      passedOver: passedOver
    )
  }

  private static func version(
    _ library: CUDALibrary,
    _ opened: SharedLibrary
  ) throws(CUDAError) -> String {
    func text(_ version: Int, _ major: Int, _ minor: Int) -> String {
      "\(version / major).\(version % major / minor).\(version % minor)"
    }
    switch library {
    case .driver:
      let version = try Device.driverVersion(opened)
      return "CUDA \(version / 1000).\(version % 1000 / 10)"
    case .nvrtc: return try Compiler(opened).version
    case .cublasLt: return text(try MatrixProducts.version(opened), 10_000, 100)
    case .cudnn: return text(try DNN.version(opened), 10_000, 100)
    }
  }
}
