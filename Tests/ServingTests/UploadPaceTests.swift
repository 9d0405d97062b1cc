// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing

@Suite struct `The pace of an upload` {
  @Test func `may be slow for a while`() throws {
    var pace = UploadPace(rate: 1000, patience: .seconds(10))
    try pace.note(1, after: .seconds(9))
    try pace.note(9_999, after: .seconds(1))
    try pace.note(1, after: .seconds(9))
  }

  @Test func `may not be slow for longer`() throws {
    var pace = UploadPace(rate: 1000, patience: .seconds(10))
    try pace.note(9_998, after: .seconds(9))
    let error = #expect(throws: ServingError.self) { try pace.note(1, after: .seconds(1)) }
    #expect(error?.code == .tooSlow)
    #expect(error?.code.status == 408)
    #expect(error?.message.contains("9999 bytes in 10.0 seconds") == true)
  }

  @Test func `is not made up for by what came before`() throws {
    var pace = UploadPace(rate: 1000, patience: .seconds(10))
    try pace.note(1 << 30, after: .seconds(10))
    #expect(throws: ServingError.self) { try pace.note(1, after: .seconds(10)) }
  }

  @Test func `does not suffer from time in which nobody waited for the client`() throws {
    var pace = UploadPace(rate: 1000, patience: .seconds(10))
    for _ in 0..<1000 { try pace.note(1, after: .zero) }
  }
}
