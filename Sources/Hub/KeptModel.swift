// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A model in the cache, at one commit.
package struct KeptModel: Sendable {
  /// `OWNER/NAME` at the commit.
  package let model: ModelReference
  /// The commit, 40 hexadecimal digits.
  package let commit: String
  /// The branches and tags that stand for the commit.
  package let revisions: [String]
  /// The folder of its files.
  package let folder: String
  /// What the folder holds, by paths in it.
  package let files: [KeptFile]

  /// The bytes of its files.
  package var bytes: Int { files.reduce(0) { $0 + $1.size } }
}

/// A file of a model in the cache.
package struct KeptFile: Sendable {
  /// Its path in the model's folder.
  package let path: String
  /// Its size in bytes.
  package let size: Int
  /// What its content is held to; nil if nothing in the cache tells.
  package let hash: ContentHash?
}

extension HubCache {
  /// The models that are there, in the order of their names, and of their commits.
  ///
  /// - Parameter isPipeline: Whether only those are meant that this program can use.
  /// - Returns: Each snapshot that has files.
  package func models(isPipeline: Bool = true) -> [KeptModel] {
    Files.names(folder).flatMap { name -> [KeptModel] in
      let parts = name.split(separator: "--", omittingEmptySubsequences: false)
      guard parts.count == 3, parts[0] == "models",
        let model = ModelReference("\(parts[1])/\(parts[2])")
      else { return [] }
      return Files.names(place(model).snapshots).compactMap { commit in
        guard let kept = kept(model, commit), !kept.files.isEmpty else { return nil }
        return !isPipeline || isUsable(kept) ? kept : nil
      }
    }
  }

  private func isUsable(_ kept: KeptModel) -> Bool {
    guard let index = Files.read("\(kept.folder)/\(PipelineFiles.index)") else { return false }
    return (try? PipelineFiles.check(index: index, of: kept.model)) != nil
  }

  /// A model that is there.
  ///
  /// - Parameter model: The model; the revision may be a branch, a tag, or the first digits of a commit.
  /// - Returns: What is kept of it.
  /// - Throws: ``HubError`` with code `notFound`, which says how to fetch it.
  package func model(_ model: ModelReference) throws(HubError) -> KeptModel {
    guard let snapshot = snapshot(of: model), let kept = kept(model, String(snapshot.suffix(40)))
    else {
      throw HubError(.notFound, "\(model) is not in \(folder): `zoetrope pull \(model)` fetches it")
    }
    return kept
  }

  private func kept(_ model: ModelReference, _ commit: String) -> KeptModel? {
    guard ModelReference.isCommit(commit), let model = model.at(commit) else { return nil }
    let place = place(model)
    let folder = place.snapshot(commit)
    let listing = RepositoryListing(kept: place.tree(commit), commit: commit)
    let files = Files.all(below: folder).compactMap { path -> KeptFile? in
      let whole = "\(folder)/\(path)"
      guard let size = Files.size(whole) else { return nil }
      // Where links are not to be had, the cache holds the files themselves.
      let blob = Files.target(whole)?.split(separator: "/").last.map(String.init)
      let hash = blob.flatMap(ContentHash.init(blob:)) ?? listing?.files[path]?.hash
      return KeptFile(path: path, size: size, hash: hash)
    }
    return KeptModel(
      model: model,
      commit: commit,
      revisions: revisions(of: commit, place),
      folder: folder,
      files: files
    )
  }

  private func revisions(of commit: String, _ place: Place) -> [String] {
    Files.all(below: place.refs).filter { name in
      Files.read("\(place.refs)/\(name)", limit: 4096).map { bytes in
        String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace } == commit
      } ?? false
    }
  }

  /// The first file that the pipeline needs and that is not there, as far as the cache knows what there
  /// should be.
  ///
  /// - Parameter kept: The model.
  /// - Returns: Its path in the model's folder; nil if nothing is known to be missing.
  package func missing(of kept: KeptModel) -> String? {
    let there = Dictionary(kept.files.map { ($0.path, $0.size) }) { first, _ in first }
    guard
      let listing = RepositoryListing(
        kept: place(kept.model).tree(kept.commit),
        commit: kept.commit
      ),
      let needed = try? PipelineFiles.choose(
        from: listing,
        of: kept.model,
        .any,
        isThere: { there[$0.path] == $0.size }
      )
    else { return nil }
    // Other programs do not know of the recommendations, and the model works without.
    return needed.first { $0.path != PipelineFiles.recommendations && there[$0.path] != $0.size }?
      .path
  }

  /// Whether a file has the content that it is held to.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - model: Whose it is.
  /// - Returns: Nil if nothing in the cache tells what it should be.
  /// - Throws: ``HubError`` with code `fileSystem`; `CancellationError`.
  package func verify(_ file: KeptFile, of model: KeptModel) throws -> Bool? {
    guard let hash = file.hash else { return nil }
    return try Files.hash("\(model.folder)/\(file.path)", as: hash, size: file.size) == hash
  }

  /// Removes a model, and the contents that no other commit of it needs.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - allCommits: Whether the whole repository goes, with what was begun to be fetched.
  /// - Returns: The bytes that are free now.
  /// - Throws: ``HubError`` with code `fileSystem`.
  package func remove(_ model: KeptModel, allCommits: Bool) throws(HubError) -> Int {
    let place = place(model.model)
    let before = size(of: place)
    let others = Files.names(place.snapshots).filter { $0 != model.commit }
    guard !allCommits, !others.isEmpty else {
      try Files.removeFolder(place.folder)
      try Files.removeFolder(place.locks)
      return before
    }
    for revision in model.revisions { try Files.remove("\(place.refs)/\(revision)") }
    try Files.removeFolder(model.folder)
    try Files.remove(place.tree(model.commit))
    let needed = Set(
      others.flatMap { commit in
        Files.all(below: place.snapshot(commit)).compactMap { path in
          Files.target("\(place.snapshot(commit))/\(path)")?.split(separator: "/").last
        }
      }
    )
    for file in model.files {
      guard let hash = file.hash, !needed.contains(hash.hex[...]) else { continue }
      try Files.remove(place.blob(hash))
    }
    return before - size(of: place)
  }

  private func size(of place: Place) -> Int {
    Files.all(below: place.folder).reduce(0) { sum, path in
      let whole = "\(place.folder)/\(path)"
      return Files.kind(whole, followsLinks: false) == .file ? sum + (Files.size(whole) ?? 0) : sum
    }
  }
}
