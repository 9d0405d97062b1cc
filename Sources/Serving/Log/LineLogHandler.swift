// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import FoundationEssentials
import Glibc
public import Logging

/// Writes each event as one line to standard error: for people, or as JSON for programs.
public struct LineLogHandler: LogHandler {
  /// How a line is written.
  public enum Format: String, Sendable, CaseIterable {
    /// `time level message name=value`.
    case text
    /// An object with `time`, `level`, `message` and the metadata.
    case json
  }

  /// Events below it are dropped.
  public var logLevel = Logger.Level.info
  /// What goes with every event.
  public var metadata: Logger.Metadata = [:]
  private let format: Format

  /// Creates a handler.
  public init(_ format: Format) { self.format = format }

  /// A value that goes with every event.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes an event.
  public func log(event: LogEvent) {
    let line = Self.line(format, event.level, event.message, metadata, event.metadata, at: Date())
    // One write, so that lines of several threads do not mix.
    var bytes = Array((line + "\n").utf8)
    unsafe bytes.withUnsafeMutableBytes { bytes in
      _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count)
    }
  }

  package static func line(
    _ format: Format,
    _ level: Logger.Level,
    _ message: Logger.Message,
    _ metadata: Logger.Metadata,
    _ further: Logger.Metadata?,
    at date: Date
  ) -> String {
    let time = timestamp(date)
    let values = metadata.merging(further ?? [:]) { $1 }.sorted { $0.key < $1.key }
    switch format {
    case .json:
      return JSON.object(
        [
          ("time", .string(time + "Z")), ("level", .string(level.rawValue)),
          ("message", .string(message.description)),
        ] + values.map { ($0.key, .string($0.value.description)) }
      ).text
    case .text:
      let pairs = values.map { " \($0.key)=\(quoted($0.value.description))" }.joined()
      return "\(time)Z \(level) \(escaped(message.description))\(pairs)"
    }
  }

  /// As ISO 8601 has it, in UTC and to the millisecond.
  ///
  /// A formatter takes as long as a short request does.
  private static func timestamp(_ date: Date) -> String {
    let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded(.down))
    var seconds = time_t((Double(milliseconds) / 1000).rounded(.down))
    var parts = unsafe tm()
    unsafe gmtime_r(&seconds, &parts)
    let fields = unsafe [
      (Int(parts.tm_year) + 1900, 4, "-"), (Int(parts.tm_mon) + 1, 2, "-"),
      (Int(parts.tm_mday), 2, "T"), (Int(parts.tm_hour), 2, ":"), (Int(parts.tm_min), 2, ":"),
      (Int(parts.tm_sec), 2, "."), (milliseconds - Int(seconds) * 1000, 3, ""),
    ]
    var text = ""
    for (value, width, separator) in fields {
      let digits = String(value)
      for _ in digits.utf8.count..<max(width, digits.utf8.count) { text += "0" }
      text += digits
      text += separator
    }
    return text
  }

  /// A client's words must not pass for a line of ours.
  private static func escaped(_ text: String) -> String {
    if text.utf8.allSatisfy({ (32...126).contains($0) }) { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.value < 32 || (127...159).contains(scalar.value)
      if isControl || scalar.value == 0x2028 || scalar.value == 0x2029 {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func quoted(_ text: String) -> String {
    let text = escaped(text)
    let needsQuotes =
      text.isEmpty
      || text.utf8.contains { byte in
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "=")
      }
    return needsQuotes ? "\"" + text.replacing("\"", with: "\\\"") + "\"" : text
  }
}
