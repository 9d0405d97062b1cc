// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Makes an OCI image of a bundle, without a daemon.
package struct ImageBuilder {
  /// A layer that was written, or the base's together.
  package struct Part: Sendable {
    package let name: String
    /// Before compression.
    package let bytes: Int
    /// As the image has it.
    package let storedBytes: Int
  }

  /// An image that was written.
  package struct Image: Sendable {
    package let descriptor: Descriptor
    package let manifest: ImageManifest
    package let layers: [Part]
    /// Of which the first layers consist.
    package let parts: [(name: String, bytes: Int)]
  }

  /// What is the same for every image that a program makes.
  package struct Tools: Sendable {
    let programs: String
    let ffmpeg: String
    let version: String

    /// - Parameters:
    ///   - programs: A folder with libraries that the programs may need, which they lay in.
    ///   - ffmpeg: The path of ffmpeg.
    ///   - version: That of this program.
    package init(programs: String, ffmpeg: String, version: String) {
      self.programs = programs
      self.ffmpeg = ffmpeg
      self.version = version
    }
  }

  /// The same for every image, so that equal bundles make equal images.
  private static let epoch = "1970-01-01T00:00:00Z"

  private let bundle: BundleStore.Entry
  private let store: BundleStore
  private let tools: Tools

  package init(_ bundle: BundleStore.Entry, in store: BundleStore, tools: Tools) {
    self.bundle = bundle
    self.store = store
    self.tools = tools
  }

  /// Writes the image.
  ///
  /// - Parameters:
  ///   - layout: Where to.
  ///   - base: The image below; nil for none.
  ///   - isCompressed: Whether layers are compressed.
  /// - Returns: What was written.
  /// - Throws: ``PackagingError``.
  package func build(
    into layout: ImageLayout,
    base: ImageLayout?,
    isCompressed: Bool
  ) throws(PackagingError) -> Image {
    var config = ImageConfig(
      created: Self.epoch,
      architecture: Processor.name,
      os: "linux",
      rootfs: .init(),
      history: []
    )
    var layers: [Descriptor] = []
    var written: [Part] = []
    if let base {
      let manifest = try base.image()
      let below = try base.decode(manifest.config.digest, as: ImageConfig.self)
      guard below.os == "linux", below.architecture == Processor.name else {
        throw PackagingError(
          .invalidValue,
          "the base is for \(below.os)/\(below.architecture), and the programs for linux/\(Processor.name)"
        )
      }
      guard below.rootfs.diff_ids.count == manifest.layers.count else {
        throw PackagingError(.damaged, "the base has more layers than it says it has, or fewer")
      }
      for var layer in manifest.layers {
        try layout.copy(layer, from: base)
        layer.mediaType = MediaType.asOCI(layer.mediaType)
        layers.append(layer)
      }
      config.config = below.config
      config.rootfs.diff_ids = below.rootfs.diff_ids
      config.history = below.history
      written.append(
        Part(name: "base", bytes: 0, storedBytes: manifest.layers.reduce(0) { $0 + $1.size })
      )
    }
    let contents = try ImageContents(
      bundle,
      in: store,
      hasBase: base != nil,
      tools: tools
    )
    for layer in contents.layers {
      let (inner, innerSize, descriptor) = try layer.write(to: layout, isCompressed: isCompressed)
      layers.append(descriptor)
      config.rootfs.diff_ids.append(inner)
      config.history?.append(
        .init(created: Self.epoch, created_by: "zoetrope containerize", comment: layer.name)
      )
      written.append(Part(name: layer.name, bytes: innerSize, storedBytes: descriptor.size))
    }
    config.config = run(over: config.config, hasBase: base != nil)
    let manifest = ImageManifest(
      config: try layout.put(config, MediaType.config),
      layers: layers,
      annotations: [
        "org.opencontainers.image.title": bundle.name,
        "org.opencontainers.image.version": bundle.version,
      ]
    )
    let descriptor = try layout.put(manifest, MediaType.manifest)
    try layout.finish(descriptor, tag: bundle.version)
    return Image(
      descriptor: descriptor,
      manifest: manifest,
      layers: written,
      parts: contents.parts
    )
  }

  private func run(over base: ImageConfig.Run?, hasBase: Bool) -> ImageConfig.Run {
    let home = "/" + ImageContents.home
    let manifest = bundle.manifest
    var environment: [String: String] = [:]
    for variable in base?.Env ?? [] {
      let pair = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      environment[String(pair[0])] = pair.count == 2 ? String(pair[1]) : ""
    }
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    environment["PATH"] = "\(home)/bin:\(path)"
    if hasBase {
      let below = environment["LD_LIBRARY_PATH"].map { ":" + $0 } ?? ""
      environment["LD_LIBRARY_PATH"] = "\(home)/lib" + below
    }
    environment["ZOETROPE_CONFIG"] = "\(home)/serve.yaml"
    environment["ZOETROPE_HOST"] = "0.0.0.0"
    // The root may be mounted to be read only.
    environment["XDG_CACHE_HOME"] = "/tmp"
    let store = "/" + ImageContents.store
    environment["ZOETROPE_STORE"] = store
    var volumes = [store]
    if let model = manifest.models.first {
      if model.pull == nil {
        environment["ZOETROPE_MODEL"] = "\(home)/models/\(model.name)"
      } else {
        let cache = "/" + ImageContents.cache
        environment["HF_HUB_CACHE"] = cache
        volumes.append(cache)
      }
    }
    environment.merge(manifest.environment) { $1 }
    let port = manifest.settings["port"]?.first ?? "3000"
    var labels = base?.Labels ?? [:]
    labels.merge(manifest.labels) { $1 }
    labels["org.opencontainers.image.title"] = bundle.name
    labels["org.opencontainers.image.version"] = bundle.version
    labels["org.zoetrope.bundle"] = bundle.digest.description
    return ImageConfig.Run(
      User: "\(manifest.image.user):\(manifest.image.user)",
      ExposedPorts: ["\(port)/tcp": .init()],
      Volumes: Dictionary(uniqueKeysWithValues: volumes.map { ($0, .init()) }),
      Env: environment.sorted { Files.precedes($0.key, $1.key) }.map { "\($0.key)=\($0.value)" },
      Entrypoint: ["\(home)/bin/zoetrope"],
      Cmd: ["serve"],
      WorkingDir: "\(home)/files",
      Labels: labels,
      StopSignal: "SIGTERM",
      Healthcheck: .init(
        Test: ["CMD", "\(home)/bin/zoetrope", "health"],
        Interval: 30_000_000_000,
        Timeout: 10_000_000_000,
        StartPeriod: 10_000_000_000,
        Retries: 3
      )
    )
  }
}
