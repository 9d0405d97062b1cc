// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
package import Media
package import StableVideoDiffusion
package import TensorCore
package import TensorReference

#if canImport(Glibc)
internal import Glibc
#endif

/// One recorded call of the reference: its model, its arguments, what it made, and how far from that
/// a correct implementation may be.
package struct GoldenRun: Sendable, CustomStringConvertible {
  package let configuration: String
  package let run: String
  package let folder: String
  package let limits: Limits

  package struct Limits: Decodable, Sendable {
    package struct Bytes: Decodable, Sendable {
      package let mean: Double
      package let max: Int
    }

    package struct Share: Decodable, Sendable {
      package let fraction: Double
    }

    package let precision: String
    package let limit_single_step: Double
    package let limit_final_latents: Double
    package let limit_u8: Bytes
    /// How far the reference itself is from the same run in float64.
    package let golden_vs_f64_u8: Share
  }

  private struct Tolerances: Decodable {
    let runs: [String: Limits]
  }

  package var description: String { "\(configuration)/\(run)" }

  /// The runs of the fixtures, and of further folders named in `ZOETROPE_GOLDENS`, colon-separated.
  package static let all: [GoldenRun] = {
    let further = unsafe getenv("ZOETROPE_GOLDENS").map { unsafe String(cString: $0) } ?? ""
    return ([Fixtures.folder] + further.split(separator: ":").map(String.init)).flatMap(all)
  }()

  /// The runs of a folder that holds `tolerances.json`.
  package static func all(in place: String) -> [GoldenRun] {
    guard let data = try? Data(contentsOf: URL(filePath: place + "/tolerances.json")),
      let tolerances = try? JSONDecoder().decode(Tolerances.self, from: data)
    else { return [] }
    return tolerances.runs.sorted { $0.key < $1.key }.map { key, limits in
      let parts = key.split(separator: "/").map(String.init)
      return GoldenRun(
        configuration: parts[0],
        run: parts[1],
        folder: place + "/" + parts[0],
        limits: limits
      )
    }
  }

  package func open() throws -> Golden { try Golden(folder: folder, run: run) }

  package func pipeline(on backend: any Backend) throws -> StableVideoDiffusionPipeline {
    let variants = ["fp16", "bf16"].filter { variant in
      ["", ".safetensors.index.\(variant).json", ".\(variant).safetensors"].contains { suffix in
        !suffix.isEmpty
          && FileManager.default.fileExists(
            atPath: folder + "/model/unet/diffusion_pytorch_model" + suffix
          )
      }
    }
    return StableVideoDiffusionPipeline(
      try StableVideoDiffusionModel(
        folder: folder + "/model",
        variant: variants.first,
        backend: backend
      )
    )
  }

  /// The arguments of the reference's call.
  package func request(_ golden: Golden) throws -> GenerationRequest {
    let params = golden.manifest.params
    var request = GenerationRequest()
    request.width = params.width
    request.height = params.height
    request.frames = params.num_frames
    request.steps = params.num_inference_steps ?? request.steps
    request.sigmas = params.sigmas
    request.minimumGuidance = params.min_guidance_scale ?? request.minimumGuidance
    request.maximumGuidance = params.max_guidance_scale ?? request.maximumGuidance
    request.framesPerSecond = params.fps ?? request.framesPerSecond
    request.motionBucket = params.motion_bucket_id ?? request.motionBucket
    request.noiseAugmentation = params.noise_aug_strength ?? request.noiseAugmentation
    request.decodeChunk = params.decode_chunk_size
    request.videosPerPicture = params.num_videos_per_prompt ?? 1
    request.seeds = params.seed?.all ?? [0]
    request.precision = params.dtype == "float16" ? .float16 : .float32
    request.timeContextOrder = params.legacy_time_context == true ? .legacy : .perClip
    if golden.has("given_latents") { request.latents = try golden.values("given_latents") }
    return request
  }

  /// The pictures as they were given to the reference's pipeline.
  package func pictures(_ golden: Golden) throws -> [RGBImage] {
    try golden.manifest.params.images.indices.map { index in
      let name = "pipeline_image.\(index)"
      let shape = golden.manifest.tensors[name]?.shape ?? []
      return try RGBImage(width: shape[1], height: shape[0], pixels: golden.bytes(name))
    }
  }
}
