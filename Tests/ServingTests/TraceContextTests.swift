// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Serving
import Testing

@Suite struct `A trace` {
  static let trace = "0af7651916cd43dd8448eb211c80319c"
  static let span = "b7ad6b7169203331"

  @Test(arguments: [
    ("00-\(trace)-\(span)-01", true), ("00-\(trace)-\(span)-00", false),
    ("00-\(trace)-\(span)-03", true), ("cc-\(trace)-\(span)-01-what-the-future-will-be", true),
  ])
  func `goes on from its caller`(header: String, isSampled: Bool) {
    let context = TraceContext(traceparent: header)
    #expect(context.traceID == Self.trace)
    #expect(context.isSampled == isSampled)
    #expect(context.spanID != Self.span)
    #expect(context.traceparent == "00-\(Self.trace)-\(context.spanID)-\(isSampled ? "01" : "00")")
    #expect(TraceContext(traceparent: context.traceparent).traceID == Self.trace)
  }

  @Test(arguments: [
    nil, "", "00", "00-\(trace)-\(span)", "ff-\(trace)-\(span)-01", "00-\(trace)-\(span)-01-x",
    "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-0000000000000000-01",
    "00-00000000000000000000000000000000-\(span)-01", "00-\(trace)x-\(span)-01",
    "00-\(trace)-\(span)-0", "00-\(trace)-\(span)-+1",
  ])
  func `begins anew where the header is missing or malformed`(header: String?) {
    let context = TraceContext(traceparent: header)
    #expect(context.traceID != Self.trace)
    #expect(context.traceID.count == 32)
    #expect(context.spanID.count == 16)
    #expect(!context.isSampled)
  }
}
