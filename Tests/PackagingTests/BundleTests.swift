// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Packaging
import Testing

struct `A bundle` {
  /// The smallest program that a loader would take for one: a head, and no segments.
  private static let program =
    "\u{7F}ELF\u{2}\u{1}" + String(repeating: "\0", count: 58) + "symbols"

  /// A service of a few files in a folder, whose programs are there too.
  private func make(_ folder: borrowing Folder, extra: String = "") throws {
    try folder.write(
      "service/zoetrope.yaml",
      "name: lake\ninclude: ['*.txt', data]\nexclude: [draft*]\nmodels: [{path: model}]\n" + extra
    )
    for (name, text) in [
      ("a.txt", "a"), ("draft.txt", "d"), ("data/b", "b"), ("data/draft/c", "c"),
      (".git/x.txt", "x"),
      ("other", "o"), ("model/model_index.json", "{}"), ("model/vae/config.json", "{}"),
    ] { try folder.write("service/" + name, text) }
    for name in ["zoetrope", "zoetrope-picture"] { try folder.write("bin/" + name, Self.program) }
  }

  private func build(
    _ folder: borrowing Folder,
    store name: String = "store",
    version: String? = nil
  ) throws -> (store: BundleStore, entry: BundleStore.Entry) {
    let store = try BundleStore(folder.path + "/" + name)
    let builder = BundleBuilder(
      store: store,
      service: try ServiceDescription.read(folder: folder.path + "/service"),
      folder: folder.path + "/service",
      programs: folder.path + "/bin"
    )
    return (store, try builder.build(version: version))
  }

  @Test func `holds what was asked for, and the programs without their symbols`() throws {
    let folder = try Folder()
    try make(folder)
    let (store, entry) = try build(folder)
    #expect(
      entry.manifest.files.map(\.path) == [
        "bin/zoetrope", "bin/zoetrope-picture", "files/a.txt", "files/data/b", "serve.yaml",
      ]
    )
    #expect(entry.manifest.models[0].files.map(\.path) == ["model_index.json", "vae/config.json"])
    #expect(entry.manifest.files[0].size == 64)
    #expect(entry.version == String(entry.digest.hex.prefix(12)))
    #expect(try store.bundle("lake").digest == entry.digest)
    #expect(try store.bundle(entry.tag).manifest == entry.manifest)
  }

  @Test func `made twice has one digest, and made of other files another`() throws {
    let folder = try Folder()
    try make(folder)
    let first = try build(folder).entry.digest
    #expect(try build(folder, store: "second").entry.digest == first)
    try folder.write("service/model/vae/config.json", "{ }")
    #expect(try build(folder, store: "second").entry.digest != first)
  }

  @Test func `keeps its version from others`() throws {
    let folder = try Folder()
    try make(folder)
    _ = try build(folder, version: "1.0")
    _ = try build(folder, version: "1.0")
    try folder.write("service/a.txt", "changed")
    let message = refusal { _ = try build(folder, version: "1.0") }
    #expect(message.contains("lake:1.0 is another bundle"))
    for version in ["latest", "../x", "A", ""] {
      #expect(throws: PackagingError.self) { try build(folder, version: version) }
    }
  }

  @Test func `takes only what no other needs when it goes`() throws {
    let folder = try Folder()
    try make(folder)
    let (store, first) = try build(folder, version: "1")
    try folder.write("service/a.txt", "changed")
    let (_, second) = try build(folder, version: "2")
    // Its text and its manifest.
    let freed = try store.delete(first)
    #expect(freed == 1 + (try first.manifest.encoded().count))
    #expect(try store.list().map(\.tag) == ["lake:2"])
    for file in second.manifest.allFiles {
      #expect(try Files.digest(store.path(file.digest)) == file.digest)
    }
    _ = try store.delete(second)
    #expect(try Files.names(in: store.folder + "/blobs/sha256") == [])
    #expect(refusal { _ = try store.bundle("lake") }.contains("no bundle lake"))
  }

  @Test func `goes through a file to another store`() throws {
    let folder = try Folder()
    try make(folder)
    let (store, entry) = try build(folder, version: "1")
    let archive = folder.path + "/lake.tar"
    try store.export(entry, to: archive)
    let other = try BundleStore(folder.path + "/other")
    let found = try other.importBundle(archive)
    #expect(found.tag == "lake:1")
    #expect(found.manifest == entry.manifest)
    try other.export(found, to: archive + "2")
    #expect(try Files.digest(archive) == Files.digest(archive + "2"))
  }

  @Test func `that was changed on its way is refused`() throws {
    let folder = try Folder()
    try make(folder)
    let (store, entry) = try build(folder, version: "1")
    let archive = folder.path + "/lake.tar"
    try store.export(entry, to: archive)
    let bytes = try Files.read(archive)
    let other = try BundleStore(folder.path + "/other")
    // A byte of each block, by turns in heads, contents and padding.
    for place in stride(from: 40, to: bytes.count - 1024, by: 509) where bytes[place] != 0 {
      var changed = bytes
      changed[place] ^= 1
      try Files.write(changed, to: archive)
      #expect(throws: PackagingError.self, "\(place)") { try other.importBundle(archive) }
    }
    for count in [0, 100, 512, 700, bytes.count / 2, bytes.count - 1025] {
      try Files.write(Array(bytes.prefix(count)), to: archive)
      #expect(throws: PackagingError.self) { try other.importBundle(archive) }
    }
  }

  @Test func `does not follow a link out of its folder`() throws {
    let folder = try Folder()
    try make(folder)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/service/link.txt",
      withDestinationPath: "/etc/hostname"
    )
    #expect(refusal { _ = try build(folder) }.contains("link.txt is not a regular file"))
  }

  @Test func `wants the model that it was promised`() throws {
    let folder = try Folder()
    try make(folder)
    let digest = try #require(try build(folder).entry.manifest.models[0].digest)
    let description = "name: lake\nmodels: [{path: model, digest: \(digest)}]"
    try folder.write("service/zoetrope.yaml", description)
    _ = try build(folder)
    try folder.write("service/model/vae/config.json", "[]")
    #expect(refusal { _ = try build(folder) }.contains("it is another one, or damaged"))
    try folder.write("service/zoetrope.yaml", "name: lake\nmodels: [{path: nowhere}]")
    #expect(refusal { _ = try build(folder) }.contains("nowhere/model_index.json is not there"))
  }
}
