// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The jobs that wait, in an order that is fair to their owners.
///
/// A higher priority goes first. Within one, owners take turns, and each owner's jobs keep their
/// order: who sends a hundred pictures does not keep others waiting for a hundred clips.
struct JobLine: Sendable {
  /// A job that waits.
  struct Entry: Sendable, Equatable {
    let id: String
    let owner: String?
    let priority: Int
    /// Its place among all jobs ever accepted.
    let sequence: Int64
  }

  private var entries: [Entry] = []
  /// When each owner had a turn last, counted in turns.
  private var turns: [String?: Int] = [:]
  private var turn = 0

  init() {}

  var count: Int { entries.count }

  /// Adds a job behind those of its owner that came before it.
  mutating func add(_ entry: Entry) {
    let index = entries.firstIndex { $0.sequence > entry.sequence } ?? entries.endIndex
    entries.insert(entry, at: index)
  }

  /// Takes a job out of the line.
  ///
  /// - Returns: Whether it was there.
  mutating func remove(_ id: String) -> Bool {
    guard let index = entries.firstIndex(where: { $0.id == id }) else { return false }
    entries.remove(at: index)
    return true
  }

  /// Takes out the job whose turn it is.
  mutating func next() -> Entry? {
    guard let priority = entries.map(\.priority).max() else {
      // Nobody waits, so nobody is owed a turn.
      turns = [:]
      return nil
    }
    var best: (index: Int, turn: Int)?
    var seen: Set<String?> = []
    for (index, entry) in entries.enumerated() where entry.priority == priority {
      guard seen.insert(entry.owner).inserted else { continue }
      let last = turns[entry.owner] ?? 0
      if best.map({ last < $0.turn }) ?? true { best = (index, last) }
    }
    guard let best else { return nil }
    turn += 1
    turns[entries[best.index].owner] = turn
    return entries.remove(at: best.index)
  }

  /// The ids in the order in which their turns come if nothing else is added.
  var order: [String] {
    var copy = self
    var ids: [String] = []
    while let entry = copy.next() { ids.append(entry.id) }
    return ids
  }
}
