// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Finds the fastest of the ways that a library recommends to compute something, once for each GPU.
///
/// The library's own order is a guess, which costs up to a third of the time at some shapes. What was found is
/// written down, and taken again by whoever comes next: ways differ in how they round, and a seed stands for one
/// clip. So nothing is tried where nothing can be kept.
struct Tuning: Sendable {
  private let cache: CompilationCache
  private let surroundings: String
  private let isKept: Bool

  /// Runs of each way; the first warms up.
  private static let runs = 4
  /// How much faster than the library's first another way must be: less may be chance.
  private static let leastGain = 0.03

  /// Asks whether anything can be kept.
  ///
  /// - Parameters:
  ///   - cache: Where choices are kept.
  ///   - surroundings: What decides the order and speed of the ways, besides the problem: library and GPU.
  init(_ cache: CompilationCache, surroundings: String) {
    self.cache = cache
    self.surroundings = surroundings
    isKept = cache.canKeep()
  }

  /// The fastest way's place in the library's order.
  ///
  /// - Parameters:
  ///   - problem: What is computed, in words that decide the library's order.
  ///   - count: How many ways there are, at least one.
  ///   - device: The GPU.
  ///   - run: Computes it one way; may do so again and again.
  /// - Returns: The place.
  /// - Throws: `CUDAError` if the GPU fails; a way that the library does not support after all is passed over.
  func fastest(
    _ problem: String,
    of count: Int,
    on device: Device,
    run: (Int) throws(CUDAError) -> Void
  ) throws(CUDAError) -> Int {
    guard count > 1 else { return 0 }
    let key = "\(surroundings) \(problem)"
    if let known = cache.content(key, name: "choice", kind: "txt").flatMap({
      Self.place(in: String(decoding: $0, as: UTF8.self), of: count)
    }) {
      return known
    }
    guard isKept else { return 0 }
    var seconds = [Double](repeating: .infinity, count: count)
    var isOut = [Bool](repeating: false, count: count)
    // In turns, so that a GPU that grows warm and slow is no way's fault.
    for turn in 0..<Self.runs {
      for way in 0..<count where !isOut[way] {
        do throws(CUDAError) {
          let start = try Event(device)
          try run(way)
          let taken = try Event(device).seconds(since: start)
          if turn > 0 { seconds[way] = min(seconds[way], taken) }
        } catch  where error.code == .unsupported { isOut[way] = true }
      }
    }
    let best = seconds.indices.min { seconds[$0] < seconds[$1] } ?? 0
    let choice = seconds[best] < (1 - Self.leastGain) * seconds[0] ? best : 0
    cache.keep(Array("\(choice) of \(count)\n".utf8), key, name: "choice", kind: "txt")
    return choice
  }

  /// As "3 of 8"; none if that is not what is there, or another number of ways.
  private static func place(in text: String, of count: Int) -> Int? {
    let words = text.split { $0 == " " || $0 == "\n" }
    guard words.count == 3, words[1] == "of", Int(words[2]) == count, let place = Int(words[0]),
      (0..<count).contains(place)
    else { return nil }
    return place
  }
}
