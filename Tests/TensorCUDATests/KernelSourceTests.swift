// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import TensorCUDA
internal import Testing

/// NVRTC compiles without a GPU; `pip install nvidia-cuda-nvrtc` brings it.
private let nvrtc = try? CUDALibraries.open(.nvrtc, CUDALibrary.nvrtc.search)

@Suite struct KernelSourceTests {
  @Test(
    .enabled(if: nvrtc != nil, "no libnvrtc was found: pip install nvidia-cuda-nvrtc"),
    arguments: Element.allCases,
    [80, 86, 89, 90]
  )
  func `all kernels compile for every kind of GPU`(_ element: Element, _ capability: Int) throws {
    let library = try #require(nvrtc)
    let code = try Compiler(library).machineCode(
      of: CUDAEngine.source,
      name: "kernels",
      options: CUDAEngine.options(element, capability: capability)
    )
    #expect(code.starts(with: [0x7F, 0x45, 0x4C, 0x46]))
  }

  @Test(
    .enabled(if: nvrtc != nil, "no libnvrtc was found: pip install nvidia-cuda-nvrtc"),
    arguments: [Element.float16, .bfloat16],
    0..<CUDAEngine.hopperParts.count
  )
  func `each kernel for Hopper compiles by itself`(_ element: Element, _ index: Int) throws {
    let part = CUDAEngine.hopperParts[index]
    let library = try #require(nvrtc)
    let code = try Compiler(library).machineCode(
      of: CUDAEngine.hopperSource,
      name: part.name,
      options: CUDAEngine.options(element, capability: 90) + part.options
        + ["-DONLY_\(part.name)"]
    )
    #expect(code.contains(part.name.utf8))
  }

  @Test func `the sources are whole and include nothing`() {
    let (source, hopper) = (CUDAEngine.source, CUDAEngine.hopperSource)
    for kernel in ["gate_body", "convolution", "group_norm_finish", "frame_attention_long"] {
      #expect(source.contains(kernel))
    }
    for part in CUDAEngine.hopperParts { #expect(hopper.contains("ONLY_\(part.name)")) }
    for text in [source, hopper] {
      #expect(!text.contains("#include"))
      #expect(text.utf8.allSatisfy { $0 < 128 })
    }
  }
}
