// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import ArgumentParser
import FoundationEssentials
import Packaging

/// `zoetrope health`.
struct Health: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Asks a server on this machine whether it is alive.",
    discussion: """
      The status is 0 if it is. For health checks of containers, in which there is no curl; the port \
      and whether it is HTTPS are taken from the settings that `zoetrope serve` would use.
      """
  )

  @Flag(help: "Ask whether it is ready for requests, which it is once the model is loaded.")
  var ready = false

  func run() async throws {
    let configuration = try Configuration(
      file: ProcessInfo.processInfo.environment["ZOETROPE_CONFIG"],
      names: Serve.settings
    )
    let port = try configuration.number("port", nil, in: 1...65535, default: 3000)
    let scheme = try configuration.text("tls-certificate", nil) == nil ? "http" : "https"
    try await HealthCheck.ask("\(scheme)://127.0.0.1:\(port)/\(ready ? "readyz" : "livez")")
  }
}
