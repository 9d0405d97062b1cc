// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Packaging
import Testing

struct `Patterns of files` {
  @Test(arguments: [
    ("*.py", "service.py", true), ("*.py", "deep/er/service.py", true),
    ("*.py", "service.pyc", false),
    ("data/*.csv", "data/a.csv", true), ("data/*.csv", "data/b/a.csv", false),
    ("data/*.csv", "more/data/a.csv", false), ("data/**/*.csv", "data/a.csv", true),
    ("data/**/*.csv", "data/b/c/a.csv", true), ("**", "a/b", true), ("**/b", "a/b", true),
    ("data/", "data/a", true), ("data/", "x/data/a", true), ("data/", "data", false),
    ("data", "data/a/b", true), ("/data", "x/data", false), ("/data", "data/a", true),
    ("a?c", "abc", true), ("a?c", "a/c", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false),
    ("[!a-c]x", "dx", true), ("a[", "a[", true), ("./a", "a", true), ("*a*b*c", "xaybzbc", true),
    ("*a*b*c", "xaybzb", false), ("data/**", "data", false), ("data/**", "data/x", true),
  ])
  func `take in what git's would`(pattern: String, path: String, matches: Bool) throws {
    #expect(try Glob(pattern).matches(path) == matches)
  }

  @Test(arguments: ["", "/", "../x", "a/../../b", "!a"])
  func `that lead elsewhere are refused`(pattern: String) {
    #expect(throws: PackagingError.self) { try Glob(pattern) }
  }

  @Test func `made of many stars take no longer than others`() throws {
    let glob = try Glob(String(repeating: "a*", count: 200) + "b")
    #expect(!glob.matches(String(repeating: "a", count: 2000)))
  }
}
