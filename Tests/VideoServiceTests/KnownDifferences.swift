// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

/// Where answers are not those that BentoML was recorded to give, on purpose.
struct KnownDifference {
  /// What `docs/bentoml.md` calls it.
  let name: String
  /// What ``Recorded/differences(of:)`` says.
  let sign: String
  /// What the names of the exchanges begin with; all if there are none.
  let exchanges: [String]

  init(_ name: String, _ sign: String, _ exchanges: String...) {
    self.name = name
    self.sign = sign
    self.exchanges = exchanges
  }

  func explains(_ sign: String, in exchange: String) -> Bool {
    self.sign == sign
      && (exchanges.isEmpty || exchanges.contains { exchange.hasPrefix($0) })
  }

  /// The first cells of the table in `docs/bentoml.md`.
  static func documented() throws -> [String] {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "/\(folder)/docs/bentoml.md"))
    return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
      guard line.hasPrefix("| "), let cell = line.dropFirst(2).firstRange(of: " | ") else {
        return nil
      }
      return String(line[line.index(line.startIndex, offsetBy: 2)..<cell.lowerBound])
    }
  }

  static let all = requests + tasks + traffic + origins + documents

  private static let requests = [
    KnownDifference(
      "a picture's field holds an address",
      "status 400",
      "image as plain text field",
      "image as text field",
      "image as URL",
      "JSON: image as URL",
      "image field = ",
      "JSON image URL"
    ),
    KnownDifference("a picture's field holds an address", "body", "image field = "),
    KnownDifference(
      "a picture that cannot be read, or is too large; a malformed form",
      "status 400",
      "image part w/o filename",
      "urlencoded, base64",
      "JSON: image as garbage",
      "JSON: image null",
      "JSON: image number",
      "multipart, no boundary",
      "multipart, boundary mismatch"
    ),
    KnownDifference(
      "a picture whose label is wrong or unusual (`image/jpg`)",
      "status 200",
      "JPEG bytes in a part typed image/png",
      "PNG bytes typed",
      "JPEG typed",
      "PNG typed"
    ),
    KnownDifference(
      "numbers out of range",
      "status 400",
      "dcs=0",
      "dcs=-1",
      "dcs huge",
      "seed=2**64"
    ),
    KnownDifference("JSON", "status 200", "JSON body, image", "no Content-Type, JSON body"),
    KnownDifference(
      "other content types",
      "status 415",
      "text/plain content type",
      "raw png",
      "application/octet-stream"
    ),
    KnownDifference(
      "pickles",
      "status 415",
      "Pickle content type, case variant",
      "CVE-2025-32375 shape on /generate",
      "CVE-2024-2912"
    ),
    KnownDifference("pickles", "body", "pickle content type", "CVE-2024-2912"),
    KnownDifference("`detail` of a wrong field", "links"),
    KnownDifference("a form that was cut off", "body", "multipart, closing boundary missing"),
    KnownDifference("a request that is not HTTP", "header content-type", "bad request line"),
  ]

  private static let tasks = [
    KnownDifference(
      "submitting a task with wrong input",
      "status 400",
      "submit invalid",
      "submit bad int",
      "submit multipart w/o boundary match"
    ),
    KnownDifference(
      "submitting a task with wrong input",
      "status 415",
      "submit with pickle content type"
    ),
    KnownDifference(
      "submitting a task with wrong input",
      "status 404",
      "status of invalid",
      "get of invalid",
      "status of bad int",
      "get of bad int",
      "status of pickle submit",
      "get of pickle submit"
    ),
    KnownDifference("cancelling a task", "status 200", "cancel while in progress"),
    KnownDifference("cancelling a task", "body", "status of cancelled one, later"),
    KnownDifference("cancelling a task", "status 400", "get of cancelled one, later"),
    KnownDifference("cancelling a task", "status 404", "PUT cancel"),
    KnownDifference(
      "`executed_at` while a task is in progress",
      "body",
      "GET status while in progress"
    ),
  ]

  private static let traffic = [
    KnownDifference(
      "more requests than are worked on",
      "status 200",
      "GET /schema.json while",
      "GET /docs.json while",
      "GET / while"
    ),
    KnownDifference("more requests than are worked on", "status 404", "GET /nope while"),
    KnownDifference("more requests than are worked on", "header retry-after", "POST /generate"),
    KnownDifference("the headers of 429 and 504", "header server", "POST /generate", "second POST"),
    KnownDifference(
      "the headers of 429 and 504",
      "header x-bentoml-request-id",
      "POST /generate",
      "second POST"
    ),
  ]

  private static let origins = [
    "access-control-allow-credentials", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-expose-headers", "vary",
  ].map {
    KnownDifference("pages of other sites (CORS)", "header \($0)", "preflight", "POST, ")
  }

  private static let documents = [
    KnownDifference("a redirect from a trailing slash", "header location"),
    KnownDifference(
      "`accept-ranges`, `etag`, `last-modified` on clips and the page",
      "header accept-ranges"
    ),
    KnownDifference(
      "`accept-ranges`, `etag`, `last-modified` on clips and the page",
      "header etag"
    ),
    KnownDifference(
      "`accept-ranges`, `etag`, `last-modified` on clips and the page",
      "header last-modified"
    ),
    KnownDifference("`/metrics`", "header content-type", "HEAD /metrics", "GET /metrics"),
    KnownDifference(
      "the page",
      "status 404",
      "GET /static_content/",
      "HEAD /static_content/"
    ),
  ]
}
