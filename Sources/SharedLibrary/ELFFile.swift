// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Glibc

/// The first bytes of a file, as far as they say whether this process can open it as a library.
public struct ELFFile: Sendable, Equatable {
  /// Whether the file was made for 64-bit processors.
  public let is64Bit: Bool
  /// The processor, by the number that the ELF specification gives it.
  public let machine: UInt16

  private static let machines: [UInt16: String] = [
    3: "x86", 40: "ARM", 62: "x86-64", 183: "AArch64", 243: "RISC-V",
  ]

  /// The processor's name, as "x86-64".
  public var machineName: String { Self.machines[machine] ?? "machine \(machine)" }

  /// What this program was built for.
  public static let ownMachine: UInt16 = {
    #if arch(x86_64)
    62
    #elseif arch(arm64)
    183
    #else
    0
    #endif
  }()

  /// Why this process cannot open the file; none if nothing speaks against it.
  public var obstacle: String? {
    if !is64Bit { return "it is a 32-bit library" }
    if machine != Self.ownMachine { return "it is for \(machineName)" }
    return nil
  }

  /// Reads a file's head; fails if it is not an ELF file, as a linker script is not.
  ///
  /// - Parameter path: The file.
  public init?(path: String) {
    guard let file = unsafe fopen(path, "re") else { return nil }
    defer { unsafe fclose(file) }
    var head = [UInt8](repeating: 0, count: 20)
    guard unsafe fread(&head, 1, head.count, file) == head.count,
      head[0..<4] == [0x7F, 0x45, 0x4C, 0x46]
    else { return nil }
    is64Bit = head[4] == 2
    // Both kinds of processor served here are little-endian.
    machine = UInt16(head[18]) | UInt16(head[19]) << 8
  }
}
