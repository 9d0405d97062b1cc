// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the machine's processor is.
struct Processor: Sendable, Encodable {
  /// As the kernel names it.
  let name: String
  /// Cores that the process may use.
  let cores: Int
  /// Bytes of the machine's memory.
  let memoryBytes: Int
  /// Instructions that matter for speed, as "avx512f".
  let instructions: [String]

  init() {
    let lines =
      (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?
      .split(separator: "\n") ?? []
    func field(_ key: String) -> String? {
      guard let line = lines.first(where: { $0.hasPrefix(key) }),
        let colon = line.firstIndex(of: ":")
      else { return nil }
      return line[line.index(after: colon)...].drop { $0 == " " }.description
    }
    name = field("model name") ?? "a processor without a name"
    cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    memoryBytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let all = Set((field("flags") ?? field("Features") ?? "").split(separator: " "))
    instructions = [
      "avx2", "fma", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "asimd", "sve", "bf16",
    ].filter { all.contains(Substring($0)) }
  }

  /// All of it on one line.
  var text: String {
    "\(name), \(cores) cores, \(memoryBytes >> 20) MiB, \(instructions.joined(separator: " "))"
  }
}
