// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import PackageDescription

let package = Package(
  name: "zoetrope",
  products: [],
  dependencies: [
    .package(
      url: "https://github.com/swiftlang/swift-subprocess", .upToNextMinor(from: "1.0.2"),
      traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .target(
      name: "CTensorCPU",
      linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
    .target(name: "TensorCore"),
    .target(name: "TensorCPU", dependencies: ["TensorCore", "CTensorCPU"]),
    .target(name: "Safetensors"),
    .target(name: "NeuralNetwork", dependencies: ["TensorCore", "Safetensors"]),
    .target(
      name: "StableVideoDiffusion",
      dependencies: ["Media", "NeuralNetwork", "Safetensors", "TensorCore"]),
    .target(
      name: "Media",
      dependencies: [
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .systemLibrary(
      name: "LibVips", path: "Sources/CVips/libvips", pkgConfig: "gobject-2.0",
      providers: [.apt(["libvips-dev"])]),
    .target(
      name: "CVips", dependencies: ["LibVips"], path: "Sources/CVips/shim",
      linkerSettings: [.linkedLibrary("vips")]),
    .executableTarget(name: "zoetrope-picture", dependencies: ["Media", "CVips"]),
    .executableTarget(
      name: "zoetrope",
      dependencies: [
        "StableVideoDiffusion", "Media", "TensorCPU", "TensorCore",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(
      name: "TensorTesting", dependencies: ["Safetensors", "TensorCore"],
      path: "Tests/TensorTesting"),
    .testTarget(
      name: "GoldenTests",
      dependencies: ["StableVideoDiffusion", "Media", "TensorCPU", "TensorCore", "TensorTesting"]),
  ],
  swiftLanguageModes: [.v6]
)

let cTargets: Set = ["CTensorCPU", "CVips", "LibVips"]
for target in package.targets where !cTargets.contains(target.name) {
  target.swiftSettings = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
  ]
}
