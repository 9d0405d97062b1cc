// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
package import ServiceLifecycle
import UnixSignals

/// Serves a service over HTTP/1.1 until it is told to stop.
public struct HTTPServer: Sendable {
  /// Where and how to serve.
  public struct Settings: Sendable {
    /// The address or name to listen on; `0.0.0.0` is every IPv4 address of the machine.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes any free one.
    public var port = 3000
    /// How long running work may go on after the server was told to stop.
    public var grace = Duration.seconds(30)
    /// The certificate to serve HTTPS with; nil for plain HTTP.
    public var tls: TLSFiles?
    /// What clients must show to use the endpoints and see the metrics; nothing if there are none.
    public var keys = APIKeys()
    /// Whether to serve everyone without keys on an address that other machines may reach.
    public var isOpen = false
    /// Sites whose pages may use the server, such as `https://app.example`; `*` for all.
    public var allowedOrigins: [String] = []
    /// How often a waiting client hears `100 Continue`; nil for never, which proxies may need that
    /// take an interim answer for the final one.
    public var interimInterval: Duration? = .seconds(15)
    /// How long a connection may be silent while a request is awaited or read.
    public var idleTimeout = Duration.seconds(60)
    /// The fewest bytes a second that an upload must bring.
    public var slowestUpload = 1024
    /// How long an upload may bring fewer bytes than that before it is given up.
    public var uploadPatience = Duration.seconds(60)
    /// Where requests get their temporary directories, without a slash at the end.
    public var temporaryDirectory = "/tmp"
    /// What measures timeouts and the grace; nil for the connections' own timers.
    ///
    /// Tests bring some that they move by hand.
    package var timers: (any Timers)?

    /// Creates the default settings.
    public init() {}

    /// Refuses to serve strangers unless that is wished for, and to serve HTTPS without a certificate.
    ///
    /// - Throws: ``ServingError`` with code `badConfiguration` if other machines may reach the address,
    ///   there are no keys, and ``isOpen`` is false; or if the files for TLS cannot be used.
    public func validate() throws(ServingError) {
      let isLocal = host == "localhost" || host == "::1" || host.hasPrefix("127.")
      guard isLocal || isOpen || !keys.isEmpty else {
        throw ServingError(
          .badConfiguration,
          "other machines may reach \(host), and there are no API keys: give keys, or say that "
            + "everyone may use the server, or listen on 127.0.0.1"
        )
      }
      _ = try tls?.configuration()
    }
  }

  private let service: Service
  private let settings: Settings
  private let metrics: PrometheusRegistry
  private let logger: Logger

  /// Creates a server that does not listen yet.
  ///
  /// - Parameters:
  ///   - service: What to serve.
  ///   - settings: Where and how.
  ///   - metrics: What `/metrics` shows; the server adds its own to it.
  ///   - logger: Told of each request, and of what fails.
  public init(
    _ service: Service,
    settings: Settings = Settings(),
    metrics: PrometheusRegistry = PrometheusRegistry(),
    logger: Logger
  ) {
    self.service = service
    self.settings = settings
    self.metrics = metrics
    self.logger = logger
  }

  /// Listens and serves until SIGTERM or SIGINT.
  ///
  /// It then accepts no more, sends away who waits, and returns when the running work is done or its
  /// grace is over.
  ///
  /// - Parameter onListening: Told the port once the server listens.
  /// - Throws: ``ServingError`` with code `cannotListen` if the port is taken or the host unknown.
  public func run(onListening: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
    var configuration = ServiceGroupConfiguration(
      services: [lifecycle(onListening: onListening)],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: quietLogger
    )
    // The grace ends each piece of work; this only ends connections that nobody reads from.
    configuration.maximumGracefulShutdownDuration = settings.grace + .seconds(10)
    try await ServiceGroup(configuration: configuration).run()
  }

  /// The server as a service to run in a group.
  package func lifecycle(
    onListening: @escaping @Sendable (Int) -> Void
  ) -> some ServiceLifecycle.Service {
    Lifecycle(server: self, onListening: onListening)
  }

  /// The libraries' own lines are about their insides.
  private var quietLogger: Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .warning)
    return logger
  }

  private struct Lifecycle: ServiceLifecycle.Service {
    let server: HTTPServer
    let onListening: @Sendable (Int) -> Void

    func run() async throws { try await server.serve(onListening: onListening) }
  }

  private func serve(onListening: @escaping @Sendable (Int) -> Void) async throws {
    try settings.validate()
    // A client that goes away while it is written to must not end the process.
    signal(SIGPIPE, SIG_IGN)
    let openFiles = OpenFileLimit.raise()
    let gate = Gate(concurrency: service.traffic.concurrency, queue: service.traffic.queue)
    let stopping = Occurrence()
    let scratch = ScratchDirectory(under: settings.temporaryDirectory, prefix: service.name)
    scratch.removeAbandoned()
    let tasks = TaskRunner(
      service,
      store: MemoryTaskStore(),
      gate: gate,
      stopping: stopping,
      settings: settings,
      scratch: scratch,
      logger: logger
    )
    let handling = RequestHandling(
      service: service,
      gate: gate,
      stopping: stopping,
      settings: settings,
      scratch: scratch
    )
    let responder = ServiceResponder(
      handling: handling,
      routes: try service.routes,
      metrics: ServiceMetrics(service, registry: metrics),
      endpoints: EndpointResponder(handling: handling, tasks: tasks),
      operations: OperationResponder(handling: handling),
      crossOrigin: CrossOrigin(settings.allowedOrigins, for: service),
      logger: logger
    )
    let application = Application(
      responder: responder,
      server: try server(),
      configuration: ApplicationConfiguration(
        address: .hostname(settings.host, port: settings.port),
        backlog: 1024,
        // Who comes when there are no more waits to be accepted.
        availableConnectionsDelegate: MaximumAvailableConnections(
          OpenFileLimit.connections(of: openFiles),
          logger: quietLogger
        )
      ),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? settings.port
        logger.info("\(service.name) listens on \(settings.host):\(port)")
        onListening(port)
      },
      logger: quietLogger
    )
    do {
      try await withGracefulShutdownHandler {
        async let background: Void = tasks.run()
        async let work: Void? = service.background?(stopping, settings.grace)
        defer { tasks.finish() }
        try await application.run()
        tasks.finish()
        await background
        _ = await work
      } onGracefulShutdown: {
        logger.info("stopping: running work has \(settings.grace / .seconds(1)) seconds")
        stopping.happen()
        gate.close()
      }
    } catch let error as IOError {
      throw ServingError(.cannotListen, listenProblem(error.errnoCode), cause: error)
    } catch let error as SocketAddressError {
      throw ServingError(
        .cannotListen,
        "\(settings.host) is not an address of this machine",
        cause: error
      )
    }
  }

  private func server() throws -> HTTPServerBuilder {
    let plain = HTTPServerBuilder { [idleTimeout = settings.idleTimeout] responder in
      ConnectionSetup(responder: responder, idleTimeout: idleTimeout)
    }
    guard let tls = settings.tls else { return plain }
    return try .tls(plain, tlsConfiguration: tls.configuration())
  }

  private func listenProblem(_ reason: CInt) -> String {
    let address = "\(settings.host):\(settings.port)"
    return switch reason {
    case EADDRINUSE:
      "port \(settings.port) is taken: stop the program that listens on \(address), or choose another port"
    case EACCES: "\(address) needs more rights: choose a port above 1023"
    case EADDRNOTAVAIL: "\(settings.host) is not an address of this machine"
    default: unsafe "cannot listen on \(address): \(String(cString: strerror(reason)))"
    }
  }
}
