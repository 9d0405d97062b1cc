// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Subprocess
import Testing
import VideoService

@Suite(.timeLimit(.minutes(15))) struct `HTTPS` {
  /// Makes a certificate for localhost, and a key of its own.
  private func makeCertificate(_ path: String) async throws -> TLSFiles {
    let result = try await Subprocess.run(
      .name("openssl"),
      arguments: [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", "\(path).key", "-out", "\(path).crt",
      ],
      output: .discarded,
      error: .string(limit: 1 << 16)
    )
    try #require(result.terminationStatus.isSuccess, "\(result.standardError)")
    return TLSFiles(certificate: "\(path).crt", key: "\(path).key")
  }

  private func withFiles(_ body: (String) async throws -> Void) async throws {
    let folder = URL.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  @Test func `is served with a certificate from files`() async throws {
    try await withFiles { folder in
      let files = try await makeCertificate("\(folder)/a")
      try await LiveServer.with(
        StubGenerator(),
        { _, settings in
          settings.tls = files
          settings.interimInterval = .milliseconds(10)
        }
      ) { server in
        let photo = "\(folder)/photo.png"
        try Data(picture).write(to: URL(filePath: photo))
        let result = try await Subprocess.run(
          .name("curl"),
          arguments: [
            "--silent", "--show-error", "--cacert", files.certificate, "--write-out",
            "%{http_code}",
            "-F", "image=@\(photo)", "-o", "\(folder)/clip.mp4",
            "https://localhost:\(server.port)/generate", "--resolve",
            "localhost:\(server.port):127.0.0.1",
          ],
          output: .string(limit: 4096),
          error: .string(limit: 4096)
        )
        #expect(result.standardOutput == "200", "\(result.standardError)")
        let clip = try Data(contentsOf: URL(filePath: "\(folder)/clip.mp4"))
        #expect(clip == StubGenerator.clip)
      }
    }
  }

  @Test func `is refused at start-up where the files do not fit`() async throws {
    try await withFiles { folder in
      let first = try await makeCertificate("\(folder)/a")
      let second = try await makeCertificate("\(folder)/b")
      func message(_ certificate: String, _ key: String) -> String? {
        var settings = HTTPServer.Settings()
        settings.tls = TLSFiles(certificate: certificate, key: key)
        return #expect(throws: ServingError.self) { try settings.validate() }?.message
      }
      #expect(
        message(first.certificate, second.key)
          == "\(second.key) is not the key of \(first.certificate)"
      )
      #expect(message("/none", first.key) == "/none is not a certificate in PEM")
      #expect(
        message(first.certificate, first.certificate)?.contains("not a private key in PEM") == true
      )
    }
  }
}
