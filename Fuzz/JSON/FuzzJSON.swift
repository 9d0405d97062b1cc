// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// Called by libFuzzer with a text: what is read must be written as the same value again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  guard let value = JSON(parsing: input) else { return 0 }
  let text = value.text
  precondition(JSON(parsing: text.utf8)?.text == text, "\(text) is read otherwise than written")
  return 0
}
