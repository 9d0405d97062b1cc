// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Glibc

/// How many files and connections this process may have open.
enum OpenFileLimit {
  /// Raises the limit as far as the process may: shells start programs with 1024, which idle clients
  /// soon fill.
  ///
  /// - Returns: The limit from now on.
  static func raise() -> Int {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 1024
    }
    // Some programs walk through all the descriptors there could be, and inherit this.
    let wanted = min(limit.rlim_max, 1 << 20)
    if limit.rlim_cur < wanted {
      var raised = limit
      raised.rlim_cur = wanted
      if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 {
        limit = raised
      }
    }
    return Int(min(limit.rlim_cur, 1 << 20))
  }

  /// How many connections to take of that: the rest is for uploads, clips and the programs that make
  /// them.
  static func connections(of limit: Int) -> Int { max(1, limit - max(64, limit / 4)) }
}
