// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import PackageDescription

let hummingbird: [Target.Dependency] = [
  .product(name: "Hummingbird", package: "hummingbird"),
  .product(name: "HummingbirdCore", package: "hummingbird"),
  .product(name: "HummingbirdTLS", package: "hummingbird"),
  .product(name: "HTTPTypes", package: "swift-http-types"),
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOHTTP1", package: "swift-nio"),
  .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
  .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
  .product(name: "NIOPosix", package: "swift-nio"),
  .product(name: "NIOSSL", package: "swift-nio-ssl"),
  .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
  .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let subprocess: [Target.Dependency] = [
  .product(name: "Subprocess", package: "swift-subprocess"),
  .product(name: "SystemPackage", package: "swift-system"),
]

/// What a build is told of what it builds; the Makefile tells it.
let origin: [CSetting] = ["ZOETROPE_COMMIT", "SOURCE_DATE_EPOCH", "ZOETROPE_SWIFT"].map { name in
  let text = (Context.environment[name] ?? "").filter {
    $0.isLetter || $0.isNumber || "-.".contains($0)
  }
  return .define(name, to: "\"\(text)\"")
}

let package = Package(
  name: "zoetrope",
  products: [
    .executable(name: "zoetrope", targets: ["zoetrope"]),
    // Serves any model: knows nothing of video.
    .library(name: "Serving", targets: ["Serving"]),
    .library(name: "ZoetropeClient", targets: ["ZoetropeClient"]),
    // Decodes pictures that nobody vouches for, in a process of its own; belongs beside `zoetrope`.
    .executable(name: "zoetrope-picture", targets: ["zoetrope-picture"]),
    // Runs every operation on a GPU against its definition; needs nothing but NVIDIA's libraries.
    .executable(name: "zoetrope-gpu-check", targets: ["zoetrope-gpu-check"]),
    // A library of its own, since tests open it as if it were NVIDIA's.
    .library(name: "FakeCUDA", type: .dynamic, targets: ["FakeCUDA"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird",
      from: "2.28.1",
      traits: []
    ),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(
      url: "https://github.com/swiftlang/swift-subprocess",
      .upToNextMinor(from: "1.0.2"),
      traits: []
    ),
  ],
  targets: [
    // The engine, from the bottom up.
    .target(
      name: "CTensorCPU",
      linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]
    ),
    .target(name: "TensorCore"),
    .target(name: "TensorCPU", dependencies: ["TensorCore", "CTensorCPU"]),
    .target(name: "SharedLibrary"),
    .target(name: "CCUDA"),
    .target(name: "CUDA", dependencies: ["CCUDA", "SharedLibrary"]),
    // The sources are part of the program: its C file embeds them.
    .target(name: "CKernels", exclude: ["kernels"]),
    .target(name: "TensorCUDA", dependencies: ["CKernels", "CUDA", "TensorCore"]),
    .target(name: "Safetensors"),
    .target(name: "NeuralNetwork", dependencies: ["TensorCore", "Safetensors"]),
    .target(
      name: "StableVideoDiffusion",
      dependencies: [
        "Media", "NeuralNetwork", "Safetensors", "TensorCore",
        .product(name: "Crypto", package: "swift-crypto"),
      ]
    ),

    // Pictures in, video out.
    .systemLibrary(
      name: "LibVips",
      path: "Sources/CVips/libvips",
      pkgConfig: "gobject-2.0",
      providers: [.apt(["libvips-dev"])]
    ),
    .target(
      name: "CVips",
      dependencies: ["LibVips"],
      path: "Sources/CVips/shim",
      linkerSettings: [.linkedLibrary("vips")]
    ),
    .target(name: "Media", dependencies: subprocess),
    .executableTarget(name: "zoetrope-picture", dependencies: ["Media", "CVips"]),

    // The server.
    .target(name: "CLinux"),
    // The page's files are part of the program, as the kernels are.
    .target(name: "CPage", exclude: ["files"]),
    .target(name: "CStudio", exclude: ["files"]),
    .target(
      name: "Serving",
      dependencies: hummingbird + [
        "CLinux", "CPage", logging, .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]
    ),
    .target(
      name: "VideoService",
      dependencies: [
        "CStudio", "Media", "Serving", logging,
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]
    ),

    .target(
      name: "ZoetropeClient",
      dependencies: [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]
    ),

    // Models from the Hub; knows nothing of the engine.
    .target(
      name: "Hub",
      dependencies: [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]
    ),

    // Bundles, images and what deploys them; knows nothing of the engine.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "Packaging",
      dependencies: [
        "CZlib", "Serving",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Yams", package: "Yams"),
      ]
    ),

    .target(name: "CVersion", cSettings: origin),
    .executableTarget(
      name: "zoetrope",
      dependencies: [
        "CUDA", "CVersion", "Hub", "StableVideoDiffusion", "Media", "Packaging", "Safetensors",
        "Serving", "TensorCPU", "TensorCUDA", "TensorCore", "VideoService", "ZoetropeClient",
        logging,
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ] + subprocess
    ),

    .executableTarget(
      name: "zoetrope-gpu-check",
      dependencies: [
        "CUDA", "GoldenRuns", "Media", "Safetensors", "StableVideoDiffusion", "TensorCUDA",
        "TensorCore", "TensorReference",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]
    ),

    // What serving costs when the work costs nothing.
    .executableTarget(
      name: "serving-benchmark",
      dependencies: ["Serving", logging],
      path: "Benchmarks/Serving"
    ),

    // What serving another model takes; a package of its own to those who copy it.
    .executableTarget(
      name: "resize",
      dependencies: [
        "Serving", logging, .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      path: "Examples/resize/Sources/resize"
    ),

    // Tests.
    .target(
      name: "TensorReference",
      dependencies: ["Safetensors", "TensorCore"],
      path: "Tests/TensorReference"
    ),
    .target(
      name: "TensorTesting",
      dependencies: ["Safetensors", "TensorCore", "TensorReference"],
      path: "Tests/TensorTesting"
    ),
    .target(
      name: "GoldenRuns",
      dependencies: [
        "StableVideoDiffusion", "Media", "NeuralNetwork", "Safetensors", "TensorCore",
        "TensorReference",
      ],
      path: "Tests/GoldenRuns"
    ),
    .target(name: "FakeCUDA", path: "Tests/FakeCUDA", exclude: ["hopper.inc", "kernels.inc"]),
    .target(
      name: "CUDATesting",
      dependencies: ["CUDA", "SharedLibrary"],
      path: "Tests/CUDATesting"
    ),
    .testTarget(name: "CUDATests", dependencies: ["CUDA", "CUDATesting", "SharedLibrary"]),
    .testTarget(
      name: "TensorCUDATests",
      dependencies: [
        "CUDA", "CUDATesting", "GoldenRuns", "Media", "StableVideoDiffusion", "TensorCUDA",
        "TensorCore", "TensorReference", "TensorTesting",
      ]
    ),
    .testTarget(
      name: "TensorCoreTests",
      dependencies: ["TensorCore", "Safetensors", "TensorReference", "TensorTesting"]
    ),
    .testTarget(
      name: "TensorCPUTests",
      dependencies: ["TensorCPU", "TensorCore", "TensorReference", "TensorTesting"]
    ),
    .testTarget(name: "SafetensorsTests", dependencies: ["Safetensors"]),
    .testTarget(
      name: "NeuralNetworkTests",
      dependencies: [
        "NeuralNetwork", "Safetensors", "TensorCPU", "TensorCore", "TensorReference",
        "TensorTesting",
      ]
    ),
    .testTarget(
      name: "StableVideoDiffusionTests",
      dependencies: [
        "StableVideoDiffusion", "Media", "NeuralNetwork", "Safetensors", "TensorCPU", "TensorCore",
        "TensorReference", "TensorTesting",
      ],
      exclude: [
        "make_animatelcm.py", "make_image_decoder.py", "make_lora.py", "make_lossy.py",
        "make_names.py",
      ]
    ),
    .testTarget(
      name: "GoldenTests",
      dependencies: [
        "GoldenRuns", "StableVideoDiffusion", "TensorCPU", "TensorCore", "TensorReference",
        "TensorTesting",
      ]
    ),
    .testTarget(
      name: "DemonstrationTests",
      dependencies: [
        "StableVideoDiffusion", "Media", "Safetensors", "TensorCPU", "TensorCore",
        "TensorReference", "TensorTesting", "zoetrope-picture",
      ],
      exclude: ["Pictures", "Reference", "make_reference.py"]
    ),
    .testTarget(
      name: "ServingTests",
      dependencies: [
        "Serving", logging, .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]
    ),
    .testTarget(
      name: "VideoServiceTests",
      dependencies: [
        "VideoService", "Serving", "ZoetropeClient", logging,
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ] + subprocess,
      exclude: ["Clients", "Transcripts"]
    ),
    .testTarget(
      name: "HubTests",
      dependencies: [
        "Hub", "zoetrope", "zoetrope-picture",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ] + subprocess,
      exclude: ["StandIn"]
    ),
    .testTarget(name: "PackagingTests", dependencies: ["Packaging", "Serving"]),
    .testTarget(
      name: "ZoetropeTests",
      dependencies: [
        "resize", "zoetrope", "zoetrope-picture", "Media", "Safetensors", "TensorReference",
        "TensorTesting",
      ] + subprocess,
      exclude: ["Assets", "Browser", "Clients"]
    ),
    .testTarget(
      name: "MediaTests",
      dependencies: ["Media", "zoetrope-picture"] + subprocess,
      exclude: ["Goldens", "make_goldens.py"]
    ),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

let cTargets: Set = [
  "CCUDA", "CKernels", "CLinux", "CPage", "CStudio", "CTensorCPU", "CVersion", "CVips",
  "CZlib", "FakeCUDA", "LibVips",
]
for target in package.targets where !cTargets.contains(target.name) {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    // A public import is a promise to those who import us.
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Helpers that the engine's thread awaits stay on it.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // Each `unsafe` can be seen in review.
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
  ]
}
