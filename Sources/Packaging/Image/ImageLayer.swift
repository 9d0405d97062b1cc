// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A file of an image.
struct ImageFile: Equatable {
  /// What it is.
  enum Content: Equatable {
    case folder(mode: Int)
    case link(target: String)
    case bytes([UInt8])
    case file(source: String, isExecutable: Bool)
  }

  /// From the root, without a `/` before it.
  let path: String
  let content: Content
}

/// Files that travel together, and move to another digest together.
struct ImageLayer {
  /// What it is for.
  let name: String
  private(set) var files: [String: ImageFile.Content] = [:]

  init(_ name: String) { self.name = name }

  var isEmpty: Bool { files.isEmpty }

  /// Puts a file in, and the folders above it.
  mutating func add(_ path: String, _ content: ImageFile.Content) {
    var parent = path
    while let slash = parent.lastIndex(of: "/") {
      parent = String(parent[..<slash])
      if files[parent] == nil { files[parent] = .folder(mode: 0o755) }
    }
    files[path] = content
  }

  /// Writes the layer as an archive, in order of the paths.
  ///
  /// - Returns: The digest and size of the bytes before compression, and after.
  /// - Throws: ``PackagingError`` with `notFound` or `fileSystem`.
  func write(
    to layout: ImageLayout,
    isCompressed: Bool
  ) throws(PackagingError) -> (inner: Digest, innerSize: Int, descriptor: Descriptor) {
    var writer = try FileWriter("\(layout.folder)/blobs/sha256/new")
    var archive = ArchiveWriter(try LayerSink(writer.sink, isCompressed: isCompressed))
    for (path, content) in files.sorted(by: { Files.precedes($0.key, $1.key) }) {
      switch content {
      case .folder(let mode): try archive.add(path, .folder(mode: mode))
      case .link(let target): try archive.add(path, .link(target: target))
      case .bytes(let bytes): try archive.add(path, bytes)
      case .file(let source, let isExecutable):
        guard case .file(let size, _)? = Files.kind(source) else {
          throw PackagingError(.notFound, "\(source) is not there, or is not a file")
        }
        try archive.add(path, file: source, size: size, isExecutable: isExecutable)
      }
    }
    try archive.finish()
    let result = try archive.sink.finish(name)
    try writer.finish(as: layout.path(result.descriptor.digest))
    return result
  }
}

extension ImageLayer {
  /// Lays the layer's files out in a folder; links are left out.
  ///
  /// - Parameters:
  ///   - folder: Where to.
  ///   - top: The folder of the layer that becomes this one.
  /// - Throws: ``PackagingError`` with `fileSystem`.
  func write(to folder: String, from top: String) throws(PackagingError) {
    for (path, content) in files.sorted(by: { Files.precedes($0.key, $1.key) })
    where path == top || path.hasPrefix(top + "/") {
      let place = folder + path.dropFirst(top.count)
      switch content {
      case .folder: try Files.makeFolder(place)
      case .bytes(let bytes): try Files.write(bytes, to: place)
      case .file(let source, let isExecutable):
        var reader = try FileReader(source)
        var writer = try FileWriter(place, mode: isExecutable ? 0o755 : 0o644)
        while true {
          let bytes = try reader.next()
          guard !bytes.isEmpty else { break }
          try writer.sink.write(bytes)
        }
        try writer.finish()
      case .link: continue
      }
    }
  }
}

/// Counts and hashes bytes before and after they are compressed.
final class LayerSink: ByteSink {
  private struct Hashed: ByteSink {
    var sink: FileWriter.Sink
    var hasher = Digest.Hasher()

    mutating func write(_ bytes: [UInt8]) throws(PackagingError) {
      hasher.update(bytes)
      try sink.write(bytes)
    }
  }

  private var inner = Digest.Hasher()
  private var plain: Hashed
  private var gzip: GzipSink<Hashed>?

  init(_ sink: FileWriter.Sink, isCompressed: Bool) throws(PackagingError) {
    plain = Hashed(sink: sink)
    gzip = isCompressed ? try GzipSink(plain) : nil
  }

  func write(_ bytes: [UInt8]) throws(PackagingError) {
    inner.update(bytes)
    if gzip == nil { try plain.write(bytes) } else { try gzip?.write(bytes) }
  }

  func finish(
    _ name: String
  ) throws(PackagingError) -> (inner: Digest, innerSize: Int, descriptor: Descriptor) {
    try gzip?.finish()
    let outer = gzip?.sink.hasher ?? plain.hasher
    return (
      inner.finish(), inner.count,
      Descriptor(
        mediaType: gzip == nil ? MediaType.layer : MediaType.compressedLayer,
        digest: outer.finish(),
        size: outer.count,
        annotations: ["org.opencontainers.image.title": name]
      )
    )
  }
}
