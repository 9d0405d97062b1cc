// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Prints a line at once, also into a pipe, where somebody may wait for it.
func say(_ text: String) {
  let bytes = Array((text + "\n").utf8)
  _ = unsafe write(STDOUT_FILENO, bytes, bytes.count)
}

/// What was checked, as it is found out and as one object at the end.
struct Report: Encodable {
  /// One thing that was checked.
  struct Entry: Encodable {
    let suite: String
    let name: String
    let holds: Bool
    /// Relative root-mean-square difference and what is allowed.
    var error: Double?
    var limit: Double?
    var milliseconds: Double?
    var note: String?
  }

  var device = ""
  var libraries: [String: String] = [:]
  let date = Date.now.formatted(.iso8601)
  private(set) var entries: [Entry] = []
  /// What a library refused and something else computed.
  var refusals: [String] = []

  /// How much is printed: everything, or failures and measurements alone.
  private let isVerbose: Bool

  init(isVerbose: Bool) { self.isVerbose = isVerbose }

  private enum CodingKeys: String, CodingKey {
    case device, libraries, date, entries, refusals
  }

  mutating func add(_ entry: Entry) {
    entries.append(entry)
    guard isVerbose || !entry.holds || entry.milliseconds != nil else { return }
    var line = "\(entry.holds ? "ok    " : "FAILED") \(entry.suite): \(entry.name)"
    if let error = entry.error { line += ", off by \(Self.short(error))" }
    if let limit = entry.limit { line += " of \(Self.short(limit))" }
    if let milliseconds = entry.milliseconds { line += ", \(Self.short(milliseconds)) ms" }
    if let note = entry.note { line += "; \(note)" }
    say(line)
  }

  /// Runs a check; what it throws is a failure of that check alone.
  mutating func check(_ suite: String, _ name: String, _ body: () throws -> Entry) {
    do { add(try body()) } catch {
      add(Entry(suite: suite, name: name, holds: false, note: "\(error)"))
    }
  }

  var failures: [Entry] { entries.filter { !$0.holds } }

  /// Three digits that mean something.
  static func short(_ x: Double) -> String {
    guard x.isFinite, x != 0 else { return "\(x)" }
    var factor = 1.0
    while abs(x) * factor < 100 { factor *= 10 }
    return "\((x * factor).rounded() / factor)"
  }
}
