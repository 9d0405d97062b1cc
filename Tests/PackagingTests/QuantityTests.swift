// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Packaging
import Testing

struct `An amount as Kubernetes writes it` {
  @Test(
    arguments: [
      ("1", 1), ("20Gi", 20 * 1_073_741_824.0), ("1.5k", 1500), ("2T", 2e12),
      ("3Mi", 3 * 1_048_576.0),
    ] as [(String, Double)]
  )
  func `is read in bytes`(text: String, bytes: Double) { #expect(Quantity(text)?.bytes == bytes) }

  @Test(arguments: [
    "", "Gi", "0", "0Gi", "-1Gi", "1 Gi", "1gi", "1GB", ".5Gi", "1.Gi", "1e3", "nan", "٣Gi",
  ])
  func `is nothing else`(text: String) { #expect(Quantity(text) == nil) }
}
