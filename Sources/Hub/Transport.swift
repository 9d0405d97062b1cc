// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Asks for addresses, and again where a failure may pass.
final class Transport: Sendable {
  private let settings: HubSettings
  private let home: Origin
  private let direct: HTTPClient
  private let proxied: [String: HTTPClient]

  /// An address, and whether the token may go there.
  struct Place: Sendable {
    var address: String
    var takesToken = true
  }

  /// What answered, and where it was found.
  struct Answer {
    let response: HTTPClientResponse
    let place: Place
  }

  /// Counts what comes, so that silence can be told from slowness.
  final class Pulse: Sendable {
    private let beats = Atomic(0)
    var count: Int { beats.load(ordering: .relaxed) }
    func beat() { beats.add(1, ordering: .relaxed) }
  }

  private init(_ settings: HubSettings) throws(HubError) {
    self.settings = settings
    guard let home = Origin(settings.endpoint) else {
      throw HubError(.invalidValue, "the Hub's address \(settings.endpoint) is none")
    }
    self.home = home
    func client(_ proxy: Proxies.Proxy?) -> HTTPClient {
      var configuration = HTTPClient.Configuration()
      // Where a redirection leads decides whether the token goes there too.
      configuration.redirectConfiguration = .disallow
      // Ranges share a connection of HTTP/2, and with it its window.
      configuration.httpVersion = .http1Only
      configuration.connectionPool.retryConnectionEstablishment = false
      configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
        settings.connections * 2
      configuration.timeout.connect = .seconds(60)
      if let proxy {
        configuration.proxy = .server(
          host: proxy.host,
          port: proxy.port,
          authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") }
        )
      }
      return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
    direct = client(nil)
    proxied = settings.proxies.byScheme.mapValues(client)
  }

  /// Works with a transport, and closes its connections in the end.
  static func using<Value>(
    _ settings: HubSettings,
    _ work: (Transport) async throws -> Value
  ) async throws -> Value {
    let transport = try Transport(settings)
    let result: Result<Value, any Error>
    do { result = .success(try await work(transport)) } catch { result = .failure(error) }
    for client in [transport.direct] + transport.proxied.values { try? await client.shutdown() }
    return try result.get()
  }

  // MARK: Patience

  /// Does something again for as long as its failures may pass.
  ///
  /// - Parameters:
  ///   - what: What is done, for the error: "fetching unet/config.json".
  ///   - progress: How far it is; tries that get further are not counted.
  ///   - attempt: One try.
  /// - Returns: What the try that succeeded returns.
  /// - Throws: ``HubError``; `CancellationError`.
  func persistently<Value>(
    _ what: String,
    progress: () -> Int = { 0 },
    _ attempt: () async throws -> Value
  ) async throws -> Value {
    var failures = 0
    var reached = progress()
    while true {
      do { return try await attempt() } catch let failure as PassingFailure {
        try Task.checkCancellation()
        let now = progress()
        failures = now == reached ? failures + 1 : 1
        reached = now
        guard failures < settings.attempts else {
          throw HubError(
            .unreachable,
            "\(what) did not succeed in \(failures) tries: \(failure.reason); what has come is kept"
          )
        }
        try await settings.clock.sleep(for: failure.wait ?? Self.backoff(failures))
      }
    }
  }

  /// One second, doubled with each try up to half a minute, and up to half as much again, so that many
  /// do not come back at once.
  private static func backoff(_ failures: Int) -> Duration {
    .milliseconds(min(1000 << min(failures - 1, 5), 30_000)) * Double.random(in: 1...1.5)
  }

  /// Works until nothing has come for as long as the settings have patience.
  ///
  /// - Parameter work: What is to be done; it beats the pulse whenever something comes.
  /// - Returns: What the work returns.
  /// - Throws: `PassingFailure`, or what the work throws.
  func watched<Value: Sendable>(
    _ work: @escaping @Sendable (Pulse) async throws -> Value
  ) async throws -> Value {
    let pulse = Pulse()
    let settings = settings
    return try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await work(pulse) }
      group.addTask {
        while true {
          let count = pulse.count
          try await settings.clock.sleep(for: settings.patience)
          if pulse.count == count {
            throw PassingFailure(reason: "nothing came for \(settings.patience)")
          }
        }
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }

  // MARK: Asking

  /// Asks for an address and follows where it leads.
  ///
  /// - Parameters:
  ///   - place: The address.
  ///   - range: Which bytes; nil for all.
  /// - Returns: An answer with a status below 300.
  /// - Throws: `PassingFailure`; ``HubError``, whose message begins with what the status stands for.
  func open(_ place: Place, range: Range<Int>? = nil) async throws -> Answer {
    var place = place
    for _ in 0..<6 {
      guard let origin = Origin(place.address) else {
        throw HubError(.unreachable, "the Hub leads to \(printable(place.address)), no address")
      }
      let response = try await ask(place, origin, range)
      switch response.status.code {
      case 200..<300: return Answer(response: response, place: place)
      case 301, 302, 303, 307, 308:
        guard let location = response.headers.first(name: "location") else {
          throw HubError(.unreachable, "\(origin.host) redirects without saying where to")
        }
        place = try follow(location, from: place, origin)
      default: throw await refusal(response, place, origin)
      }
    }
    throw HubError(.unreachable, "\(settings.endpoint) redirects in a circle")
  }

  private func ask(
    _ place: Place,
    _ origin: Origin,
    _ range: Range<Int>?
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: place.address)
    request.headers.add(name: "user-agent", value: "zoetrope")
    // Sizes and ranges are those of the files themselves.
    request.headers.add(name: "accept-encoding", value: "identity")
    if let range {
      request.headers.add(name: "range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
    }
    if place.takesToken, origin == home, let token = settings.token {
      request.headers.add(name: "authorization", value: "Bearer \(token)")
    }
    let client =
      settings.proxies.proxy(for: origin).flatMap { _ in proxied[origin.scheme] } ?? direct
    do { return try await client.execute(request, deadline: .distantFuture) } catch {
      throw try Self.passing(error, "\(origin.host) cannot be reached")
    }
  }

  /// A failure of the network as one that may pass.
  static func passing(_ error: any Error, _ what: String) throws -> any Error {
    try Task.checkCancellation()
    if error is HubError || error is PassingFailure { return error }
    return PassingFailure(reason: "\(what): \(printable("\(error)"))")
  }

  private func follow(_ location: String, from place: Place, _ origin: Origin) throws -> Place {
    var address = location
    if location.hasPrefix("//") {
      address = "\(origin.scheme):\(location)"
    } else if location.hasPrefix("/") {
      let port = place.address.dropFirst(origin.scheme.count + 3).prefix { $0 != "/" }
      address = "\(origin.scheme)://\(port)\(location)"
    }
    guard let target = Origin(address) else {
      throw HubError(.unreachable, "the Hub leads to \(printable(location)), no address")
    }
    if origin.scheme == "https", target.scheme != "https" {
      throw HubError(.unreachable, "the Hub leads from HTTPS to \(target.host) without it")
    }
    return Place(address: address, takesToken: place.takesToken && target == home)
  }

  private func refusal(
    _ response: HTTPClientResponse,
    _ place: Place,
    _ origin: Origin
  ) async -> any Error {
    let status = response.status.code
    let reason = "\(origin.host) answers \(status)"
    switch status {
    case 408, 425, 429, 500..<600:
      return PassingFailure(reason: reason, wait: Self.wait(response.headers))
    case 401, 403, 404, 410:
      guard place.takesToken, origin == home else {
        return PassingFailure(reason: reason, isExpired: true)
      }
      return Refusal(
        status: Int(status),
        code: response.headers.first(name: "x-error-code") ?? "",
        message: response.headers.first(name: "x-error-message") ?? ""
      )
    default: return HubError(.unreachable, "\(reason) to \(printable(place.address))")
    }
  }

  /// What an answer asks to wait for, at most five minutes.
  private static func wait(_ headers: HTTPHeaders) -> Duration? {
    var seconds = headers.first(name: "retry-after").flatMap { Int($0) }
    if seconds == nil, let limit = headers.first(name: "ratelimit") {
      // As `"api";r=0;t=55`: what is left, and seconds until there is more.
      seconds =
        limit.split(separator: ";").lazy
        .compactMap { $0.hasPrefix("t=") ? Int($0.dropFirst(2)) : nil }.first
    }
    return seconds.map { .seconds(min(max($0, 0), 300)) }
  }
}

/// The Hub's own word on why it does not give what it was asked for.
struct Refusal: Error {
  let status: Int
  /// As `GatedRepo`.
  let code: String
  let message: String
}
