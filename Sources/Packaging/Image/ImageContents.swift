// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The layers of an image: what is in them, and where.
///
/// They are cut so that what changes often does not move what is large: the system's libraries, the
/// compiler's, each model, and last the programs with their settings.
struct ImageContents {
  /// Where our own files are.
  static let home = "opt/zoetrope"
  /// Where the server keeps its jobs.
  static let store = "var/lib/zoetrope"
  /// Where it keeps the model that it fetches.
  static let cache = "var/cache/zoetrope"
  /// What libvips opens while it runs, for AVIF and HEIC.
  private static let modules = ["vips-heif.so"]

  private let bundle: BundleStore.Entry
  private let store: BundleStore
  private let hasBase: Bool

  private(set) var layers: [ImageLayer] = []
  /// The bytes of parts that do not have a layer of their own.
  private(set) var parts: [(name: String, bytes: Int)] = []
  private(set) var debian: [DebianPackages.Package] = []

  /// - Parameters:
  ///   - bundle: What is to run.
  ///   - store: Where it is.
  ///   - hasBase: Whether there is a system below, which has a C library and a loader.
  ///   - tools: What is on this machine.
  /// - Throws: ``PackagingError`` with `notFound` for a library or package that is missing.
  init(
    _ bundle: BundleStore.Entry,
    in store: BundleStore,
    hasBase: Bool,
    tools: ImageBuilder.Tools
  ) throws(PackagingError) {
    self.bundle = bundle
    self.store = store
    self.hasBase = hasBase
    var system = ImageLayer("system")
    var toolchain = ImageLayer("swift")
    var sources: Set<String> = []

    if !hasBase { Self.addRoot(&system) }
    // Whoever the server runs as, and whatever is mounted there.
    system.add(Self.store, .folder(mode: 0o1777))
    if bundle.manifest.pullsModel { system.add(Self.cache, .folder(mode: 0o1777)) }
    let server = try LibraryClosure(of: [try program("zoetrope")], or: tools.programs)
    let picture = try LibraryClosure(
      of: [try program("zoetrope-picture")] + Self.vipsModules(),
      or: tools.programs
    )
    let video = try LibraryClosure(of: [tools.ffmpeg])
    var seen: Set<String> = []
    for (name, closure) in [("the server", server), ("libvips", picture), ("ffmpeg", video)] {
      var bytes = 0
      for library in closure.libraries where seen.insert(library.name).inserted {
        if hasBase, library.isOfCLibrary { continue }
        if case .file(let size, _)? = Files.kind(library.file) { bytes += size }
        let content = ImageFile.Content.file(source: library.file, isExecutable: false)
        if library.isOfToolchain {
          toolchain.add("\(Self.home)/bin/\(library.name)", content)
        } else {
          system.add("\(libraryFolder)/\(library.name)", content)
          sources.insert(library.file)
        }
      }
      parts.append(("\(name)'s libraries", bytes))
    }
    if !hasBase, let loader = server.interpreter,
      let file = LibraryClosure.resolved(loader)
    {
      system.add("usr\(loader)", .file(source: file, isExecutable: true))
      sources.insert(file)
    }
    let ffmpegFile = LibraryClosure.resolved(tools.ffmpeg) ?? tools.ffmpeg
    sources.insert(ffmpegFile)
    system.add(
      hasBase ? "\(Self.home)/bin/ffmpeg" : "usr/bin/ffmpeg",
      .file(source: ffmpegFile, isExecutable: true)
    )
    for module in Self.vipsModules() {
      sources.insert(module)
      if !hasBase {
        system.add(String(module.dropFirst()), .file(source: module, isExecutable: false))
      }
    }
    try addPackages(to: &system, &sources)
    debian = try DebianPackages.owners(of: sources.sorted())
    // Debian's terms ask for these to go along.
    for package in debian {
      addTerms("/usr/share/doc/\(package.name)/copyright", of: package, to: &system)
    }
    if let source = try DebianPackages.source(of: ffmpegFile) {
      debian.append(source)
      addTerms("\(Files.folder(of: ffmpegFile))/copyright", of: source, to: &system)
    }
    layers = [system, toolchain].filter { !$0.isEmpty } + modelLayers()
    layers.append(try programLayer(tools))
  }

  private func addTerms(
    _ path: String,
    of package: DebianPackages.Package,
    to layer: inout ImageLayer
  ) {
    guard let file = LibraryClosure.resolved(path), Files.kind(file) != nil else { return }
    let place = "share/doc/\(package.name)/copyright"
    layer.add(
      hasBase ? "\(Self.home)/\(place)" : "usr/\(place)",
      .file(source: file, isExecutable: false)
    )
  }

  private func program(_ name: String) throws(PackagingError) -> String {
    guard let file = bundle.manifest.files.first(where: { $0.path == "bin/\(name)" }) else {
      throw PackagingError(.damaged, "\(bundle.tag) has no program \(name): build it again")
    }
    return store.path(file.digest)
  }

  /// Where the libraries of the system go; beside a base's own rather than over them.
  private var libraryFolder: String {
    hasBase ? "\(Self.home)/lib" : String(LibraryClosure.systemFolder.dropFirst())
  }

  private static func vipsModules() -> [String] {
    let names = (try? Files.names(in: LibraryClosure.systemFolder)) ?? []
    return names.filter { $0.hasPrefix("vips-modules-") }.flatMap { folder in
      modules.map { "\(LibraryClosure.systemFolder)/\(folder)/\($0)" }
        .filter { Files.kind($0) != nil }
    }
  }

  /// The little of a system that programs expect around them.
  private static func addRoot(_ layer: inout ImageLayer) {
    for name in ["bin", "lib", "lib64", "sbin"] {
      layer.add("usr/" + name, .folder(mode: 0o755))
      layer.add(name, .link(target: "usr/" + name))
    }
    for name in ["dev", "proc", "sys", "run", "var/tmp", "home/zoetrope"] {
      layer.add(name, .folder(mode: 0o755))
    }
    layer.add("tmp", .folder(mode: 0o1777))
    func text(_ path: String, _ text: String) { layer.add(path, .bytes(Array(text.utf8))) }
    text(
      "etc/passwd",
      "root:x:0:0:root:/:/sbin/nologin\nzoetrope:x:65532:65532::/home/zoetrope:/sbin/nologin\n"
    )
    text("etc/group", "root:x:0:\nzoetrope:x:65532:\n")
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    let certificates = "/etc/ssl/certs/ca-certificates.crt"
    if Files.kind(certificates) != nil {
      layer.add(
        String(certificates.dropFirst()),
        .file(source: certificates, isExecutable: false)
      )
    }
  }

  /// What the description asks for beyond what the programs need.
  private func addPackages(
    to layer: inout ImageLayer,
    _ sources: inout Set<String>
  ) throws(PackagingError) {
    let packages = bundle.manifest.image.packages
    guard !packages.isEmpty else { return }
    guard !hasBase else {
      throw PackagingError(
        .invalidValue,
        "image.packages: a base has packages of its own, which nothing is installed into; take a base "
          + "that has \(packages.joined(separator: ", "))"
      )
    }
    var programs: [String] = []
    for package in packages {
      for path in try DebianPackages.files(of: package) {
        let place = Self.merged(String(path.dropFirst()))
        switch Files.kind(path, followsLinks: false) {
        case .file(_, let isExecutable)?:
          layer.add(place, .file(source: path, isExecutable: isExecutable))
          sources.insert(path)
          if (try? ELFImage(path)) != nil { programs.append(path) }
        case .link?:
          guard let file = LibraryClosure.resolved(path),
            case .file(_, let isExecutable)? = Files.kind(file)
          else { continue }
          layer.add(place, .file(source: file, isExecutable: isExecutable))
        default: continue
        }
      }
    }
    guard !programs.isEmpty else { return }
    for library in try LibraryClosure(of: programs).libraries {
      layer.add(
        "\(libraryFolder)/\(library.name)",
        .file(source: library.file, isExecutable: false)
      )
      sources.insert(library.file)
    }
  }

  /// A path below a folder that is a link to the one of the same name in `usr`.
  private static func merged(_ path: String) -> String {
    let first = path.prefix { $0 != "/" }
    return ["bin", "sbin", "lib", "lib64"].contains(first) ? "usr/" + path : path
  }

  private func modelLayers() -> [ImageLayer] {
    bundle.manifest.models.filter { !$0.files.isEmpty }.map { model in
      var layer = ImageLayer("model \(model.name)")
      for file in model.files {
        layer.add(
          "\(Self.home)/models/\(model.name)/\(file.path)",
          .file(source: store.path(file.digest), isExecutable: false)
        )
      }
      return layer
    }
  }

  private func programLayer(_ tools: ImageBuilder.Tools) throws(PackagingError) -> ImageLayer {
    var layer = ImageLayer("program")
    // The folder that the server starts in, whether or not something was included.
    layer.add("\(Self.home)/files", .folder(mode: 0o755))
    for file in bundle.manifest.files {
      layer.add(
        "\(Self.home)/\(file.path)",
        .file(source: store.path(file.digest), isExecutable: file.isExecutable)
      )
    }
    let bill = BillOfMaterials(
      bundle,
      version: tools.version,
      debian: debian,
      swift: try SwiftPackages.of(programs: tools.programs)
    )
    layer.add("\(Self.home)/share/sbom.spdx.json", .bytes(try jsonBytes(bill)))
    return layer
  }
}
