// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import PackageDescription

let package = Package(
  name: "resize",
  dependencies: [
    .package(name: "zoetrope", path: "../.."),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(
      url: "https://github.com/swiftlang/swift-subprocess",
      .upToNextMinor(from: "1.0.2"),
      traits: []
    ),
  ],
  targets: [
    .executableTarget(
      name: "resize",
      dependencies: [
        .product(name: "Serving", package: "zoetrope"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]
    )
  ]
)
