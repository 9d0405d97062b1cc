// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

@Suite("While the model is loaded") struct LoadingTests {
  /// Runs the server until it ends, and ends it once a line of its log holds some words.
  private func serve(
    _ place: borrowing Workplace,
    until words: String
  ) async throws -> (status: TerminationStatus, log: String) {
    let arguments = ["serve", "--model", place.model, "--port", "0", "--device", "cpu"]
    let result = try await Subprocess.run(
      .path(FilePath(Programs.zoetrope)),
      arguments: Arguments(arguments),
      environment: .inherit.updating([
        "OMP_WAIT_POLICY": "passive", "ZOETROPE_STORE": place.path + "/store",
      ]),
      input: .none,
      output: .discarded,
      error: .sequence
    ) { execution in
      var log = ""
      for try await line in execution.standardError.strings() {
        log += line + "\n"
        if line.contains(words) { try execution.send(signal: .terminate) }
      }
      return log
    }
    return (result.terminationStatus, result.closureResult)
  }

  @Test("the port is open before the model is there")
  func order() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let ended = try await serve(place, until: "is served on")
    #expect(ended.status == .exited(0), "\(ended.log)")
    let listens = try #require(ended.log.firstRange(of: "listens on"), "\(ended.log)")
    let serves = try #require(ended.log.firstRange(of: "loaded in"), "\(ended.log)")
    #expect(listens.lowerBound < serves.lowerBound)
  }

  @Test("a server that is told to stop then ends well")
  func stopped() async throws {
    let place = try Workplace()
    try await place.makeModel()
    let ended = try await serve(place, until: "listens on")
    #expect(ended.status == .exited(0), "\(ended.log)")
  }

  @Test("a model that turns out to be damaged ends the server with the reason")
  func damaged() async throws {
    let place = try Workplace()
    try await place.makeModel()
    _ = try place.write("model/feature_extractor/preprocessor_config.json", Array("{".utf8))
    let ended = try await serve(place, until: "is served on")
    #expect(ended.status == .exited(1), "\(ended.log)")
    #expect(ended.log.contains("listens on"), "\(ended.log)")
    let last = ended.log.split(separator: "\n").last
    #expect(last?.contains("preprocessor_config.json") == true, "\(ended.log)")
  }
}
