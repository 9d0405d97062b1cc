// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Media

/// The command line: limits, and a file unless the picture comes on standard input.
struct Options {
  var limits = PictureLimits()
  /// Bytes of address space.
  var memory: UInt64 = 2 << 30
  /// Seconds of processor time.
  var seconds: UInt64 = 20
  var path: String?
  /// Whether nothing is wanted but the version of libvips.
  var showsVersion = false

  init(_ arguments: some Sequence<String>) throws(MediaError) {
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--max-pixels": limits.pixels = try Self.number(argument, rest.popFirst())
      case "--max-side": limits.side = try Self.number(argument, rest.popFirst())
      case "--max-bytes": limits.bytes = try Self.number(argument, rest.popFirst())
      case "--memory": memory = UInt64(try Self.number(argument, rest.popFirst()))
      case "--cpu-seconds": seconds = UInt64(try Self.number(argument, rest.popFirst()))
      case "--version": showsVersion = true
      case _ where argument.hasPrefix("-") || path != nil:
        throw MediaError(
          .toolFailed,
          "zoetrope-picture does not know \(argument); usage: zoetrope-picture [--max-pixels N]"
            + " [--max-side N] [--max-bytes N] [--memory BYTES] [--cpu-seconds N] [--version] [FILE]"
        )
      default: path = argument
      }
    }
  }

  private static func number(_ name: String, _ value: String?) throws(MediaError) -> Int {
    guard let value, let number = Int(value), number > 0 else {
      throw MediaError(.toolFailed, "\(name) needs a whole number above 0")
    }
    return number
  }
}
