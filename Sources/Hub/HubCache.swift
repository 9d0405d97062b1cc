// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The folder in which the Hub's tools, this one among them, keep what they fetched.
///
/// Each repository has a folder: `blobs` holds contents under their hashes, `snapshots/COMMIT` links to
/// them under the names that they have in the repository, `refs` holds the commits that branches and
/// tags stood for, `trees/COMMIT.json` what there is to fetch.
package struct HubCache: Sendable {
  /// The folder.
  package let folder: String

  /// - Parameter folder: The folder, which need not exist.
  package init(folder: String) { self.folder = folder }

  /// The places of one repository.
  struct Place: Sendable {
    let folder: String
    let locks: String

    var blobs: String { folder + "/blobs" }
    var snapshots: String { folder + "/snapshots" }
    var refs: String { folder + "/refs" }

    func blob(_ hash: ContentHash) -> String { "\(blobs)/\(hash.hex)" }
    func lock(_ hash: ContentHash) -> String { "\(locks)/\(hash.hex).lock" }
    func partial(_ hash: ContentHash) -> String { "\(blobs)/\(hash.hex)\(partialSuffix)" }
    func snapshot(_ commit: String) -> String { "\(snapshots)/\(commit)" }
    func tree(_ commit: String) -> String { "\(folder)/trees/\(commit).json" }
  }

  /// What the names of files in the making end with.
  static let partialSuffix = ".zoetrope.incomplete"

  func place(_ model: ModelReference) -> Place {
    let name = "models--\(model.owner)--\(model.name)"
    return Place(folder: "\(folder)/\(name)", locks: "\(folder)/.locks/\(name)")
  }

  // MARK: Finding

  /// The folder of a model's files.
  ///
  /// - Parameter model: The model; the revision may be a branch, a tag, or the first digits of a commit.
  /// - Returns: The snapshot; nil if there is none.
  package func snapshot(of model: ModelReference) -> String? {
    let place = place(model)
    guard let commit = commit(of: model, in: place) else { return nil }
    let folder = place.snapshot(commit)
    return Files.kind(folder) == .folder ? folder : nil
  }

  private func commit(of model: ModelReference, in place: Place) -> String? {
    if model.isPinned { return model.revision }
    if let bytes = Files.read("\(place.refs)/\(model.revision)", limit: 4096) {
      let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
      if ModelReference.isCommit(text) { return text }
    }
    let commits = Files.names(place.snapshots).filter { ModelReference.isCommit($0) }
    let matching = commits.filter { model.revision.utf8.count >= 7 && $0.hasPrefix(model.revision) }
    if matching.count == 1 { return matching[0] }
    // Fetched by its commit, the only one that there is stands for the model.
    return model.revision == "main" && commits.count == 1 ? commits[0] : nil
  }

  /// Whether a file is there, under its name or only under its hash.
  func has(_ file: RepositoryFile, _ place: Place, commit: String) -> Bool {
    Files.size("\(place.snapshot(commit))/\(file.path)") == file.size
      || Files.size(place.blob(file.hash)) == file.size
  }

  // MARK: Keeping

  /// Makes the folders of a repository.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  func prepare(_ place: Place, commit: String) throws(HubError) {
    for path in [
      place.blobs, place.locks, place.refs, place.snapshot(commit), "\(place.folder)/trees",
    ] { try Files.makeFolder(path) }
    let tag = "\(folder)/CACHEDIR.TAG"
    if Files.kind(tag) == nil {
      // Programs that make backups know by the first line that this can be fetched again.
      try Files.write(
        "Signature: 8a477f597d28d172789f06886806bc55\n# Models from the Hub. See https://bford.info/cachedir/\n",
        to: tag
      )
    }
  }

  /// Gives a blob its name in a snapshot.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  func link(_ file: RepositoryFile, _ place: Place, commit: String) throws(HubError) {
    let path = "\(place.snapshot(commit))/\(file.path)"
    guard Files.size(path) != file.size else { return }
    try Files.makeFolder(Files.parent(path))
    let depth = file.path.split(separator: "/").count + 1
    let up = String(repeating: "../", count: depth)
    try Files.link(path, to: "\(up)blobs/\(file.hash.hex)")
  }

  /// Remembers what a branch or a tag stands for.
  ///
  /// - Throws: ``HubError`` with code `fileSystem`.
  func remember(_ model: ModelReference, _ place: Place, commit: String) throws(HubError) {
    let path = "\(place.refs)/\(model.revision)"
    guard model.revision != commit, Files.read(path, limit: 4096) != Array(commit.utf8) else {
      return
    }
    try Files.makeFolder(Files.parent(path))
    try Files.write(commit, to: path)
  }
}
