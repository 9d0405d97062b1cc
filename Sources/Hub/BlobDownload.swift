// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Brings one file's bytes, several ranges at a time.
struct BlobDownload: Sendable {
  let file: RepositoryFile
  /// Where the Hub has it.
  let address: String
  let transport: Transport
  let turns: Turns
  /// How many ranges may come at the same time.
  let connections: Int
  /// Told of bytes as they come; of a negative number where they have to come again.
  let report: @Sendable (Int) -> Void

  /// The other side gives the whole file whatever range it is asked for.
  private struct RangesAreIgnored: Error {}

  /// What those who bring ranges share.
  private final class Shared: Sendable {
    /// Where the bytes were found last.
    let place = Mutex<Transport.Place?>(nil)
    /// The first piece that nobody has taken on.
    let next = Atomic(0)
  }

  /// Brings what is missing and holds the whole to its hash.
  ///
  /// - Returns: Whether the content has its hash.
  /// - Throws: ``HubError``; `Refusal`; `CancellationError`.
  func run(_ partial: PartialFile) async throws -> Bool {
    do { return try await run(partial, isSequential: false) } catch is RangesAreIgnored {
      return try await run(partial, isSequential: true)
    }
  }

  private func run(_ partial: PartialFile, isSequential: Bool) async throws -> Bool {
    let shared = Shared()
    let (bell, ringing) = AsyncStream.makeStream(of: Void.self)
    let pieces = (0..<partial.pieceCount).filter { !partial.missing($0).isEmpty }
    return try await withThrowingTaskGroup(of: Bool?.self) { group in
      group.addTask { try await verify(partial, bell) }
      // What was there before can be hashed at once.
      ringing.yield()
      if isSequential {
        group.addTask {
          try await fetch(partial, shared, isSequential: true) {
            // The first byte that is missing; what follows comes along.
            let start = pieces.lazy.map(partial.missing).first { !$0.isEmpty }?.lowerBound
            return (start ?? file.size)..<file.size
          }
          ringing.yield()
          return nil
        }
      } else {
        for _ in 0..<min(connections, pieces.count) {
          group.addTask {
            while true {
              let index = shared.next.add(1, ordering: .relaxed).oldValue
              guard index < pieces.count else { return nil }
              try await fetch(partial, shared, isSequential: false) {
                partial.missing(pieces[index])
              }
              ringing.yield()
            }
          }
        }
      }
      var isRight = false
      while let outcome = try await group.next() { isRight = outcome ?? isRight }
      return isRight
    }
  }

  /// Hashes pieces in their order while others still come.
  private func verify(_ partial: PartialFile, _ bell: AsyncStream<Void>) async throws -> Bool {
    var hasher = ContentHasher(file.hash, size: file.size)
    var piece = 0
    for await _ in bell {
      while piece < partial.pieceCount, partial.missing(piece).isEmpty {
        try Task.checkCancellation()
        let start = piece * partial.pieceSize
        try partial.hash(start..<min(start + partial.pieceSize, file.size), into: &hasher)
        piece += 1
      }
      if piece == partial.pieceCount { break }
    }
    try Task.checkCancellation()
    return hasher.finish() == file.hash
  }

  private func fetch(
    _ partial: PartialFile,
    _ shared: Shared,
    isSequential: Bool,
    _ missing: @escaping @Sendable () -> Range<Int>
  ) async throws {
    try await turns.take {
      try await transport.persistently("fetching \(file.path)", progress: { missing().lowerBound })
      {
        let range = missing()
        guard !range.isEmpty else { return }
        do {
          try await transport.watched { pulse in
            try await receive(range, partial, shared, isSequential: isSequential, pulse)
          }
        } catch let failure as PassingFailure {
          // Addresses that are signed for a while may have come to their end.
          if failure.isExpired { shared.place.withLock { $0 = nil } }
          throw failure
        }
      }
    }
  }

  private func receive(
    _ range: Range<Int>,
    _ partial: PartialFile,
    _ shared: Shared,
    isSequential: Bool,
    _ pulse: Transport.Pulse
  ) async throws {
    let place = shared.place.withLock(\.self) ?? Transport.Place(address: address)
    let answer = try await transport.open(place, range: range == 0..<file.size ? nil : range)
    pulse.beat()
    shared.place.withLock { $0 = answer.place }
    var passed = 0
    if answer.response.status == .partialContent {
      let told = answer.response.headers.first(name: "content-range") ?? ""
      guard told.hasPrefix("bytes \(range.lowerBound)-"), told.hasSuffix("/\(file.size)") else {
        throw HubError(
          .unreachable,
          "\(file.path): asked for the bytes from \(range.lowerBound) of \(file.size), the Hub gives "
            + printable(told)
        )
      }
    } else if range != 0..<file.size {
      guard isSequential else { throw RangesAreIgnored() }
      passed = range.lowerBound
    }
    var offset = range.lowerBound
    do {
      for try await buffer in answer.response.body {
        pulse.beat()
        var bytes = buffer.readableBytesView
        if passed > 0 {
          let skipped = min(passed, bytes.count)
          bytes = bytes.dropFirst(skipped)
          passed -= skipped
        }
        let usable = bytes.prefix(range.upperBound - offset)
        guard usable.count == bytes.count else {
          throw HubError(
            .damaged,
            "\(file.path) is longer than the \(file.size) bytes it should have"
          )
        }
        guard !usable.isEmpty else { continue }
        let start = offset
        try unsafe usable.withContiguousStorageIfAvailable { storage in
          try unsafe partial.write(UnsafeRawBufferPointer(storage), at: start)
        }
        offset += usable.count
        report(usable.count)
      }
    } catch { throw try Transport.passing(error, "the connection was cut") }
    guard offset == range.upperBound else {
      throw PassingFailure(reason: "the connection was cut")
    }
  }
}

/// Lets so many work at the same time, in the order in which they came.
actor Turns {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  private func begin() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func end() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }

  /// Works when it is its turn; one that is cancelled while it waits still has its turn, and ends it soon.
  nonisolated func take(_ work: () async throws -> Void) async throws {
    await begin()
    do {
      try Task.checkCancellation()
      try await work()
    } catch {
      await end()
      throw error
    }
    await end()
  }
}
