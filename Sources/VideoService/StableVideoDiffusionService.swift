// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

package import Serving

extension Resources {
  /// What Stable Video Diffusion needs; it runs without a GPU too, but takes much longer.
  package static let stableVideoDiffusion = Resources(gpu: 1)
}

extension Service {
  /// The service of Stable Video Diffusion: the routes that clients of the BentoML original use.
  ///
  /// The jobs are run with the server.
  ///
  /// - Parameters:
  ///   - version: The version of the program, for the `server` header.
  ///   - jobs: The line in which clips are made.
  /// - Returns: A service with the default limits and timeout, ready from the start.
  /// - Throws: ``ServingError`` with code `badDeclaration`; a fault of the program.
  package static func stableVideoDiffusion(
    version: String,
    jobs: VideoJobs
  ) throws(ServingError) -> Service {
    // The original's name: documents and dashboards that were made for it go on working.
    var service = try Service(
      "StableDiffusionVideo",
      product: "Zoetrope/\(version)",
      operations: JobOperations(jobs: jobs).all + OpenAIVideos(jobs: jobs).operations
        + StabilityVideo(jobs: jobs).operations + ModelOperations(models: jobs.models).all
    ) {
      GenerateClip(jobs: jobs)
    }
    service.version = version
    service.summary = "Turns a still picture into a short video with Stable Video Diffusion."
    service.page = .studio
    service.metricsNamespace = "bentoml_service"
    service.requestIDHeader = "x-bentoml-request-id"
    service.exposedHeaders = ["X-Zoetrope-Seed", "Finish-Reason", "Seed"]
    service.resources = .stableVideoDiffusion
    service.traffic.queue = jobs.settings.queue
    service.load = {
      let load = jobs.load
      return (running: load.running, waiting: load.waiting)
    }
    service.background = { stopping, grace in await jobs.run(stopping: stopping, grace: grace) }
    return service
  }
}
