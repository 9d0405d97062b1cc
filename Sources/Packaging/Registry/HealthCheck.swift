// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// Asks a server on this machine whether it is alive, as a container's health check does.
package enum HealthCheck {
  /// Waits five seconds at most.
  ///
  /// - Parameter url: The probe's address.
  /// - Throws: ``PackagingError`` with `notFound` if there is no answer, or another one than 200.
  package static func ask(_ url: String) async throws {
    var configuration = HTTPClient.Configuration()
    // The certificate is for the name that others know the server by.
    configuration.tlsConfiguration = .makeClientConfiguration()
    configuration.tlsConfiguration?.certificateVerification = .none
    let client = HTTPClient(configuration: configuration)
    let status: UInt
    do {
      status = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5)).status
        .code
      try await client.shutdown()
    } catch {
      try? await client.shutdown()
      throw PackagingError(.notFound, "\(url) does not answer: \(error)")
    }
    guard status == 200 else { throw PackagingError(.notFound, "\(url) answers \(status)") }
  }
}
