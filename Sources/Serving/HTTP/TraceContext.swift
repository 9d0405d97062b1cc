// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// A request's place in a trace that may span several programs (W3C Trace Context, level 1).
public struct TraceContext: Sendable, Equatable {
  /// The trace: 32 hexadecimal digits, the caller's if there was one.
  public let traceID: String
  /// This request: 16 hexadecimal digits.
  public let spanID: String
  /// Whether the caller records the trace.
  public let isSampled: Bool

  /// The header that carries the context on, to whatever is called for this request.
  public var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

  /// Takes the caller's trace on, or begins one.
  ///
  /// - Parameter traceparent: The header as it came; a malformed one counts as none, as the standard
  ///   has it.
  package init(traceparent: String?) {
    spanID = Self.randomHex()
    let parts = traceparent?.split(separator: "-", omittingEmptySubsequences: false) ?? []
    if parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff",
      parts[0] != "00" || parts.count == 4, Self.isHex(parts[1], 32), Self.isHex(parts[2], 16),
      parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" }),
      Self.isHex(parts[3], 2), let flags = UInt8(parts[3], radix: 16)
    {
      traceID = String(parts[1])
      isSampled = flags & 1 == 1
    } else {
      traceID = Self.randomHex() + Self.randomHex()
      isSampled = false
    }
  }

  private static func isHex(_ text: Substring, _ count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  /// 16 digits, not all zero.
  package static func randomHex() -> String {
    let digits = String(UInt64.random(in: 1 ... .max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
