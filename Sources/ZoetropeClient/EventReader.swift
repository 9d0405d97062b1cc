// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Takes a stream of Server-Sent Events apart as its bytes arrive, as the HTML standard has it.
package struct EventReader {
  /// One event.
  package struct Event: Equatable {
    package var name: String
    package var data: String

    package init(name: String = "message", data: String) {
      self.name = name
      self.data = data
    }
  }

  /// A line that grows beyond this is no event of ours.
  private static let longestLine = 1 << 20

  /// The id of the last event, for a server that is asked again to go on where it was.
  package private(set) var lastID = ""
  private var line: [UInt8] = []
  private var endedWithReturn = false
  private var id: String?
  private var name = ""
  private var data: [String] = []

  package init() {}

  /// Reads on.
  ///
  /// - Parameter bytes: The next bytes of the stream.
  /// - Returns: The events that they complete.
  /// - Throws: ``ClientError`` with `unexpectedAnswer` for a line without end.
  package mutating func read(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [Event] {
    var events: [Event] = []
    for byte in bytes {
      let isBreak = byte == 0x0A || byte == 0x0D
      defer { endedWithReturn = byte == 0x0D }
      guard isBreak else {
        line.append(byte)
        guard line.count <= Self.longestLine else {
          throw ClientError(.unexpectedAnswer, "the server sends an event without end")
        }
        continue
      }
      // The second half of a line's end.
      if byte == 0x0A, endedWithReturn { continue }
      if line.isEmpty {
        if let event = finished() { events.append(event) }
      } else {
        take(String(decoding: line, as: UTF8.self))
        line.removeAll(keepingCapacity: true)
      }
    }
    return events
  }

  /// Forgets what was left of an event when a connection broke.
  mutating func beginAnew() {
    line = []
    endedWithReturn = false
    id = nil
    name = ""
    data = []
  }

  private mutating func take(_ line: String) {
    let colon = line.firstIndex(of: ":") ?? line.endIndex
    var value = line[colon...].dropFirst()
    if value.first == " " { value = value.dropFirst() }
    switch line[..<colon] {
    case "id" where !value.contains("\0"): id = String(value)
    case "event": name = String(value)
    case "data": data.append(String(value))
    default: return
    }
  }

  private mutating func finished() -> Event? {
    defer {
      name = ""
      data = []
    }
    if let id { lastID = id }
    guard !data.isEmpty else { return nil }
    return Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
  }
}
