// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Synchronization

/// Fetches models into the cache.
package struct ModelFetcher: Sendable {
  /// Where models come from and are kept.
  package let settings: HubSettings

  /// - Parameter settings: Where models come from and are kept, and with what patience.
  package init(_ settings: HubSettings) { self.settings = settings }

  /// A model whose files are all there.
  package struct Fetched: Sendable {
    /// The folder of its files.
    package let folder: String
    /// The commit, 40 hexadecimal digits.
    package let commit: String
    /// How many files the pipeline needs.
    package let files: Int
    /// The bytes of all of them.
    package let bytes: Int
    /// The bytes that had to be fetched.
    package let fetchedBytes: Int
  }

  /// How far fetching is.
  package struct Progress: Sendable {
    /// The bytes that are there.
    package let done: Int
    /// The bytes of all files.
    package let total: Int
  }

  /// Fetches the files that the pipeline needs and that are not in the cache.
  ///
  /// What was fetched is held to its hash, and an interrupted call is gone on with by the next one.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - weights: Which weights are wanted where there are several.
  ///   - progress: Told how far it is, from any thread.
  /// - Returns: Where the files are.
  /// - Throws: ``HubError``; `CancellationError`.
  package func pull(
    _ model: ModelReference,
    _ weights: PipelineFiles.Weights = .any,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Fetched {
    let cache = HubCache(folder: settings.cache)
    if settings.isOffline { return try offline(model, weights, cache) }
    return try await Transport.using(settings) { transport in
      do {
        return try await pull(model, weights, cache, transport, progress)
      } catch let refusal as Refusal { throw error(refusal, model) }
    }
  }

  private func pull(
    _ model: ModelReference,
    _ weights: PipelineFiles.Weights,
    _ cache: HubCache,
    _ transport: Transport,
    _ progress: @escaping @Sendable (Progress) -> Void
  ) async throws -> Fetched {
    let place = cache.place(model)
    let commit = try await transport.commit(of: model, settings.endpoint)
    try cache.prepare(place, commit: commit)
    let listing = try await listing(model, commit, place, transport)
    guard let index = listing.files[PipelineFiles.index] else {
      throw HubError(.unusable, "\(model) has no model_index.json: it is no pipeline of diffusers")
    }
    let session = Session(self, model, commit, cache, transport)
    let indexBytes = cache.has(index, place, commit: commit) ? 0 : index.size
    try await session.fetch([index])
    try check(index, of: model, in: place.snapshot(commit))
    let files = try PipelineFiles.choose(from: listing, of: model, weights) { file in
      cache.has(file, place, commit: commit)
    }
    let missing = files.filter { !cache.has($0, place, commit: commit) }
    try checkSpace(missing, place)
    let total = files.reduce(0) { $0 + $1.size }
    let there = total - missing.reduce(0) { $0 + $1.size }
    let fetched = Mutex(0)
    session.report = { count in
      progress(
        Progress(
          done: there
            + fetched.withLock {
              $0 += count; return $0
            },
          total: total
        )
      )
    }
    try await session.fetch(files)
    // A branch is moved on when all that it stands for is there.
    try cache.remember(model, place, commit: commit)
    return Fetched(
      folder: place.snapshot(commit),
      commit: commit,
      files: files.count,
      bytes: total,
      fetchedBytes: total - there + indexBytes
    )
  }

  private func listing(
    _ model: ModelReference,
    _ commit: String,
    _ place: HubCache.Place,
    _ transport: Transport
  ) async throws -> RepositoryListing {
    let path = place.tree(commit)
    if let kept = RepositoryListing(kept: path, commit: commit) { return kept }
    let listing = try await transport.listing(of: model, commit: commit, settings.endpoint)
    try Files.write(listing.keptText, to: path)
    return listing
  }

  private func offline(
    _ model: ModelReference,
    _ weights: PipelineFiles.Weights,
    _ cache: HubCache
  ) throws -> Fetched {
    let place = cache.place(model)
    let advice = "HF_HUB_OFFLINE forbids to fetch"
    guard let folder = cache.snapshot(of: model) else {
      throw HubError(.notFound, "\(model) is not in \(settings.cache), and \(advice) it")
    }
    let commit = String(folder.suffix(40))
    // Without a list nobody can tell what is missing; who loads the model will.
    guard let listing = RepositoryListing(kept: place.tree(commit), commit: commit) else {
      return Fetched(folder: folder, commit: commit, files: 0, bytes: 0, fetchedBytes: 0)
    }
    let isThere = { (file: RepositoryFile) in Files.size("\(folder)/\(file.path)") == file.size }
    let files = try PipelineFiles.choose(from: listing, of: model, weights, isThere: isThere)
    if let missing = files.first(where: { !isThere($0) }) {
      throw HubError(.notFound, "\(model): \(missing.path) is not in \(folder), and \(advice) it")
    }
    try check(files[0], of: model, in: folder)
    let total = files.reduce(0) { $0 + $1.size }
    return Fetched(
      folder: folder,
      commit: commit,
      files: files.count,
      bytes: total,
      fetchedBytes: 0
    )
  }

  private func check(
    _ index: RepositoryFile,
    of model: ModelReference,
    in folder: String
  ) throws(HubError) {
    guard let bytes = Files.read("\(folder)/\(index.path)") else {
      throw Files.failure("\(folder)/\(index.path) cannot be read")
    }
    try PipelineFiles.check(index: bytes, of: model)
  }

  /// Refuses what the disk has no room for, before any of it is fetched.
  private func checkSpace(_ files: [RepositoryFile], _ place: HubCache.Place) throws(HubError) {
    let needed = files.reduce(0) { needed, file in
      let ranges = PartialFile.ranges(place.partial(file.hash), size: file.size)
      return needed + file.size - ranges.reduce(0) { $0 + $1.count }
    }
    guard needed > 0, let free = settings.freeSpace(settings.cache), free < needed else { return }
    throw HubError(
      .diskFull,
      "\(needed >> 20) MiB are still to be fetched, and \(settings.cache) has room for \(free >> 20) "
        + "MiB: make room, or set HF_HUB_CACHE to a folder on another disk"
    )
  }

  private func error(_ refusal: Refusal, _ model: ModelReference) -> HubError {
    let page = "\(settings.endpoint)/\(model.repository)"
    let hasToken = settings.token != nil
    let giveToken = "give a token with --token, HF_TOKEN or `hf auth login`"
    switch (refusal.code, refusal.status) {
    case ("GatedRepo", _):
      let who = hasToken ? "with the account that the token is of" : "and \(giveToken)"
      return HubError(.refused, "\(model) is gated: accept its licence at \(page) \(who)")
    case ("RevisionNotFound", _):
      return HubError(
        .notFound,
        "\(model.repository) has no revision \(model.revision); see \(page)"
      )
    case ("EntryNotFound", _):
      return HubError(
        .notFound,
        "a file that \(model) lists is not there: \(printable(refusal.message))"
      )
    case ("RepoNotFound", _), (_, 404):
      let private_ =
        hasToken ? "or the token may not see it" : "or it is private: then \(giveToken)"
      return HubError(
        .notFound,
        "there is no model \(model.repository) at \(settings.endpoint), \(private_)"
      )
    case (_, 401) where hasToken:
      return HubError(
        .refused,
        "the Hub does not accept the token: make another at \(settings.endpoint)/settings/tokens"
      )
    default:
      let reason = refusal.message.isEmpty ? "status \(refusal.status)" : printable(refusal.message)
      let remedy = hasToken ? "the token may not read it" : giveToken
      return HubError(.refused, "\(model) is refused (\(reason)): \(remedy)")
    }
  }
}

/// Fetches files of one commit.
private final class Session: Sendable {
  private let settings: HubSettings
  private let model: ModelReference
  private let commit: String
  private let cache: HubCache
  private let transport: Transport
  private let turns: Turns
  private let reported = Mutex<@Sendable (Int) -> Void>({ _ in })

  /// Told of bytes as they come.
  var report: @Sendable (Int) -> Void {
    get { reported.withLock(\.self) }
    set { reported.withLock { $0 = newValue } }
  }

  init(
    _ fetcher: ModelFetcher,
    _ model: ModelReference,
    _ commit: String,
    _ cache: HubCache,
    _ transport: Transport
  ) {
    settings = fetcher.settings
    self.model = model
    self.commit = commit
    self.cache = cache
    self.transport = transport
    turns = Turns(settings.connections)
  }

  /// Fetches files that are not there, some at the same time, and gives them their names.
  func fetch(_ files: [RepositoryFile]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, file) in files.enumerated() {
        if index >= 4 { try await group.next() }
        group.addTask { try await self.fetch(file) }
      }
      while try await group.next() != nil {}
    }
  }

  private func fetch(_ file: RepositoryFile) async throws {
    let place = cache.place(model)
    if !cache.has(file, place, commit: commit) {
      let lock = try await BlobLock.take(place.lock(file.hash), clock: settings.clock)
      // Whoever had the lock may have fetched it.
      if cache.has(file, place, commit: commit) { report(file.size) } else { try await bring(file) }
      withExtendedLifetime(lock) {}
    }
    try cache.link(file, place, commit: commit)
  }

  private func bring(_ file: RepositoryFile) async throws {
    let place = cache.place(model)
    let path = file.path.split(separator: "/").map(Transport.escaped).joined(separator: "/")
    let download = BlobDownload(
      file: file,
      address: "\(settings.endpoint)/\(model.repository)/resolve/\(commit)/\(path)",
      transport: transport,
      turns: turns,
      connections: settings.connections,
      report: report
    )
    while true {
      let partial = try PartialFile(
        place.partial(file.hash),
        size: file.size,
        pieceSize: settings.pieceSize
      )
      report(partial.countAtOpening)
      if try await download.run(partial) { return try partial.finish(as: place.blob(file.hash)) }
      try Files.remove(place.partial(file.hash))
      report(-file.size)
      // What an earlier call left may not have outlived a loss of power; what came now is what there is.
      guard partial.countAtOpening > 0 else {
        throw HubError(
          .damaged,
          "\(file.path) of \(model) came without its hash \(file.hash): something between the Hub and "
            + "here changes files; it is not kept"
        )
      }
    }
  }
}
