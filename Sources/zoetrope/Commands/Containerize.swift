// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Packaging

/// `zoetrope containerize`.
struct Containerize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes an OCI image of a bundle, without Docker.",
    discussion: """
      Without a base, the image has nothing but the programs, ffmpeg, and the libraries that they are \
      loaded with, as they are on this machine. The same bundle and libraries make the same image to \
      the byte.
      """
  )

  @OptionGroup var chosen: BundleOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      What to write: a folder, in the OCI image layout; or, with a name that ends in .tar, an archive \
      that `docker load`, `podman load` and skopeo read.
      """,
      valueName: "path"
    )
  )
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Where to push the image, as registry.example/team/name:tag.",
      valueName: "image"
    )
  )
  var push: String?

  @Option(
    help: ArgumentHelp(
      "The image below: an OCI layout's folder, or the name of one in a registry.",
      valueName: "image"
    )
  )
  var base: String?

  @Flag(help: "Speak to registries on other machines without TLS.")
  var plainHTTP = false

  @Flag(
    inversion: .prefixedNo,
    help: "Compress the layers with gzip; without, the digests do not depend on the zlib at hand."
  )
  var gzip = true

  func validate() throws {
    if output == nil, push == nil {
      throw ValidationError("where to? give --output PATH, --push IMAGE or both")
    }
  }

  func run() async throws {
    let (store, entry) = try chosen.open()
    let files = FileManager.default
    let work = files.temporaryDirectory.path + "/zoetrope-image-" + UUID().uuidString
    defer { try? files.removeItem(atPath: work) }
    let isFolder = output?.hasSuffix(".tar") == false
    if let output, files.fileExists(atPath: output) {
      throw ValidationError("\(output) is there already: remove it, or choose another name")
    }
    let layout = try ImageLayout(making: isFolder ? output ?? work : work + "/image")
    let image = try ImageBuilder(
      entry,
      in: store,
      tools: try Installation.tools()
    ).build(
      into: layout,
      base: try await baseLayout(base ?? entry.manifest.image.base, work),
      isCompressed: gzip
    )
    if let output, !isFolder { try layout.archive(to: output, image.manifest, name: entry.tag) }
    report(image)
    if let push { try await self.push(push, layout, image) }
    Terminal.print(image.descriptor.digest.description)
  }

  private func baseLayout(_ name: String?, _ work: String) async throws -> ImageLayout? {
    guard let name, name != "scratch" else { return nil }
    if FileManager.default.fileExists(atPath: name) { return try ImageLayout(reading: name) }
    let layout = try ImageLayout(making: work + "/base")
    try await client(name).pull(into: layout)
    return layout
  }

  private func push(_ name: String, _ layout: ImageLayout, _ image: ImageBuilder.Image) async throws
  {
    try await client(name).push(layout, image) { blob, wasThere in
      let size = Output.megabytes(blob.size)
      Terminal.say("\(blob.digest): \(wasThere ? "there already" : "pushed, \(size)")")
    }
    Terminal.say("pushed to \(name)")
  }

  private func client(_ name: String) throws -> RegistryClient {
    let reference = try ImageReference(name)
    return RegistryClient(
      reference,
      credentials: try .find(
        host: reference.host,
        environment: ProcessInfo.processInfo.environment
      ),
      isPlain: plainHTTP
    )
  }

  private func report(_ image: ImageBuilder.Image) {
    for layer in image.layers {
      let plain = layer.bytes == 0 ? "" : Output.megabytes(layer.bytes) + ", "
      Terminal.say("\(layer.name): \(plain)\(Output.megabytes(layer.storedBytes)) in the image")
    }
    for part in image.parts {
      Terminal.say("  of that \(part.name): \(Output.megabytes(part.bytes))")
    }
    let bytes = image.layers.reduce(0) { $0 + $1.bytes }
    let stored = image.layers.reduce(0) { $0 + $1.storedBytes }
    Terminal.say("in all: \(Output.megabytes(bytes)), \(Output.megabytes(stored)) in the image")
  }
}
