// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes

/// What of a file a request asks for (RFC 9110, sections 13 and 14).
struct FileSelection: Equatable {
  enum Part: Equatable {
    /// All of it.
    case whole
    /// Some of its bytes, at least one.
    case range(Range<Int>)
    /// Bytes that it does not have.
    case unsatisfiable
    /// Nothing: the client has it already.
    case notModified
  }

  let part: Part

  /// Reads a request's conditions and range.
  ///
  /// Of several ranges none is served: the whole file is an answer to them too.
  ///
  /// - Parameters:
  ///   - headers: The request's.
  ///   - tag: The file's entity tag, with its quotation marks.
  ///   - byteCount: The file's size.
  init(_ headers: HTTPFields, tag: String, byteCount: Int) {
    if let known = headers[.ifNoneMatch], Self.matches(known, tag) {
      part = .notModified
    } else if let wanted = headers[.range], Self.isCurrent(headers[.ifRange], tag) {
      part = Self.range(wanted, of: byteCount)
    } else {
      part = .whole
    }
  }

  /// Compares weakly, as `If-None-Match` is.
  private static func matches(_ list: String, _ tag: String) -> Bool {
    list.split(separator: ",").contains { element in
      let element = element.drop { $0 == " " || $0 == "\t" }
      let known = element.hasPrefix("W/") ? element.dropFirst(2) : element
      return element.hasPrefix("*") || known.prefix { $0 != " " && $0 != "\t" } == tag
    }
  }

  /// A date never will do: files are told apart by tag only.
  private static func isCurrent(_ condition: String?, _ tag: String) -> Bool {
    condition.map { $0 == tag } ?? true
  }

  private static func range(_ text: String, of byteCount: Int) -> Part {
    let words = text.split(separator: "=", maxSplits: 1)
    guard words.count == 2, words[0].lowercased() == "bytes", !words[1].contains(",") else {
      return .whole
    }
    let ends = words[1].filter { $0 != " " && $0 != "\t" }
      .split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }),
      !(ends[0].isEmpty && ends[1].isEmpty)
    else { return .whole }
    // More digits than an integer holds are beyond any file's end.
    let first = ends[0].isEmpty ? nil : Int(ends[0]) ?? .max
    let last = ends[1].isEmpty ? nil : Int(ends[1]) ?? .max
    guard let first else {
      let count = min(last ?? 0, byteCount)
      return count > 0 ? .range(byteCount - count..<byteCount) : .unsatisfiable
    }
    if let last, last < first { return .whole }
    guard first < byteCount else { return .unsatisfiable }
    return .range(first..<min(last ?? byteCount, byteCount - 1) + 1)
  }
}
