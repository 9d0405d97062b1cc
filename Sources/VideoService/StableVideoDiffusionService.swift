// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

public import Serving

extension Service {
  /// The service of Stable Video Diffusion: the routes that clients of the BentoML original use.
  ///
  /// - Parameters:
  ///   - version: The version of the program, for the `server` header.
  ///   - generator: The engine.
  /// - Returns: A service with the default queue, limits and timeout, ready from the start.
  /// - Throws: ``ServingError`` with code `badDeclaration`; a fault of the program.
  public static func stableVideoDiffusion(
    version: String,
    generator: any ClipGenerating
  ) throws(ServingError) -> Service {
    // The original's name: documents and dashboards that were made for it go on working.
    var service = try Service("StableDiffusionVideo", product: "Zoetrope/\(version)") {
      GenerateClip(generator: generator)
    }
    service.version = version
    service.summary = "Turns a still picture into a short video with Stable Video Diffusion."
    service.page = .studio
    service.metricsNamespace = "bentoml_service"
    service.requestIDHeader = "x-bentoml-request-id"
    return service
  }
}
