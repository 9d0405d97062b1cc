// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/// The most that a service takes of a request's body.
public struct BodyLimits: Sendable, Equatable {
  /// Bytes of the whole body.
  public var bodyBytes = 128 << 20
  /// Bytes of a JSON body, which is held in memory.
  public var jsonBytes = 32 << 20
  /// Bytes of one field that is not a file.
  public var fieldBytes = 64 << 10
  /// Parts of one form.
  public var parts = 100
  /// Bytes of one part's headers.
  public var partHeaderBytes = 8 << 10

  /// Creates the limits a service has by default.
  public init() {}
}
