// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import AsyncHTTPClient
import Crypto
package import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
package import Serving

/// Where the ends of jobs may be reported to, and how such reports are signed.
///
/// Reports are those of [Standard Webhooks](https://www.standardwebhooks.com).
package struct Webhooks: Sendable {
  /// The hosts, each as `example.com` or `example.com:8443`.
  let hosts: [String]
  private let secret: SymmetricKey

  /// Allows reports.
  ///
  /// - Parameters:
  ///   - hosts: Who may be told: names or addresses, each with a port if it is not the scheme's own.
  ///   - secret: `whsec_` and the base64 of 24 to 64 bytes, which receivers check signatures with.
  /// - Throws: ``ServingError`` with code `badConfiguration` if the secret is another.
  package init(hosts: [String], secret: String) throws(ServingError) {
    let prefix = "whsec_"
    guard secret.hasPrefix(prefix),
      let bytes = Data(base64Encoded: String(secret.dropFirst(prefix.count))),
      (24...64).contains(bytes.count)
    else {
      throw ServingError(
        .badConfiguration,
        "the webhook secret must be whsec_ and the base64 of 24 to 64 bytes"
      )
    }
    self.hosts = hosts.map { $0.lowercased() }
    self.secret = SymmetricKey(data: bytes)
  }

  /// Refuses an address that nobody allowed.
  ///
  /// - Throws: ``ServingError`` with code `invalidInput`.
  func check(_ address: String) throws(ServingError) {
    guard let url = URL(string: address), let host = url.host()?.lowercased(),
      url.scheme == "https" || url.scheme == "http", url.user() == nil, url.password() == nil,
      hosts.contains(url.port.map { "\(host):\($0)" } ?? host)
    else { throw Self.refused }
  }

  static let refused = ServingError([
    InputProblem(
      "webhook_refused",
      field: "webhook_url",
      "webhook_url is not an address that this server may report to (webhook-host)"
    )
  ])

  /// The headers that say who a report is from, and when it was sent.
  package func headers(id: String, body: String, at date: Date) -> [(String, String)] {
    let time = String(Int(date.timeIntervalSince1970))
    let code = HMAC<SHA256>.authenticationCode(
      for: Data("\(id).\(time).\(body)".utf8),
      using: secret
    )
    return [
      ("webhook-id", id), ("webhook-timestamp", time),
      ("webhook-signature", "v1,\(Data(code).base64EncodedString())"),
    ]
  }

  /// Seconds to wait before the next try after so many; nil for none.
  static func pause(after attempts: Int) -> Double? {
    let pauses: [Double] = [5, 300, 1800, 7200, 18_000, 36_000, 36_000]
    return attempts <= pauses.count ? pauses[attempts - 1] : nil
  }

  /// What came of a report.
  enum Outcome: Sendable, Equatable {
    case taken
    case refusedForGood
    case failed(String)
  }

  /// Sends a report; redirections are not followed, as they may lead anywhere.
  func send(_ job: VideoJob, to address: String, with client: HTTPClient) async -> Outcome {
    let body = Self.body(job)
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    for (name, value) in headers(id: job.id, body: body, at: Date()) {
      request.headers.add(name: name, value: value)
    }
    request.body = .bytes(ByteBuffer(string: body))
    do {
      let response = try await client.execute(request, timeout: .seconds(15))
      switch response.status.code {
      case 200..<300: return .taken
      case 410: return .refusedForGood
      default: return .failed("status \(response.status.code)")
      }
    } catch {
      return .failed("\(error)")
    }
  }

  /// A client that goes nowhere by itself.
  static func makeClient() -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  private static func body(_ job: VideoJob) -> String {
    let time = (job.endedAt ?? Date()).formatted(Date.ISO8601FormatStyle())
    let report: JSON = [
      "type": .string("job.\(job.state.rawValue)"), "timestamp": .string(time), "data": job.json,
    ]
    return report.text
  }
}

extension VideoJobs {
  /// Reports the ends of jobs for as long as the calling task is not cancelled.
  func report() async {
    guard let webhooks = settings.webhooks else { return }
    let client = Webhooks.makeClient()
    while !Task.isCancelled {
      do {
        let due = try await store.dueReports(at: Date())
        await withDiscardingTaskGroup { group in
          for report in due {
            group.addTask { await self.report(report, webhooks, client) }
          }
        }
        try await Task.sleep(for: .seconds(1))
      } catch is CancellationError {
        break
      } catch {
        logger.error("ends of jobs cannot be reported: \(error)")
        try? await Task.sleep(for: .seconds(60))
      }
    }
    try? await client.shutdown()
  }

  private func report(
    _ report: JobStore.Report,
    _ webhooks: Webhooks,
    _ client: HTTPClient
  ) async {
    var outcome = Webhooks.Outcome.refusedForGood
    // What may be told is asked again: the configuration may have changed since.
    if let job = try? await store.find(report.job), (try? webhooks.check(report.url)) != nil {
      outcome = await webhooks.send(job, to: report.url, with: client)
    }
    do {
      if case .failed(let reason) = outcome, let pause = Webhooks.pause(after: report.attempts + 1)
      {
        logger.info("the end of job \(report.job) could not be reported: \(reason)")
        try await store.postpone(report, until: Date() + pause)
      } else {
        if outcome != .taken { logger.warning("the end of job \(report.job) is not reported") }
        try await store.removeReport(report.job)
      }
    } catch {
      logger.error("what came of a report cannot be kept: \(error)")
    }
  }
}
