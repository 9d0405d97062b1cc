// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Logging
import Serving

let service = try Service("resize", product: "resize/1.0") { Resize() }
var settings = HTTPServer.Settings()
settings.port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 3000
try await HTTPServer(service, settings: settings, logger: Logger(label: "resize")).run()
