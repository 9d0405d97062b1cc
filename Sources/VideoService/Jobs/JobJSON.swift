// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
package import Serving

extension VideoJob {
  /// The job as clients of the native API see it.
  package var json: JSON {
    [
      "id": .string(id), "api": .string(api), "state": .string(state.rawValue),
      "stage": Self.text(stage), "done": .integer(Int128(done)), "total": .integer(Int128(total)),
      "progress": .number(progress),
      "eta_seconds": remaining.map { .number(($0 * 10).rounded() / 10) } ?? .null,
      "queue_position": Self.number(queuePosition), "created_at": Self.time(createdAt),
      "started_at": Self.time(startedAt), "ended_at": Self.time(endedAt),
      "parameters": request.parameters,
      // A text: scripts in browsers lose digits of such numbers.
      "seed": Self.text(seed.map { String($0) }), "model": Self.text(model?.name),
      "model_revision": Self.text(model?.revision), "model_digest": Self.text(model?.digest),
      "model_files": model?.filesJSON ?? .null, "attempts": .integer(Int128(attempts)),
      "timings": .object(timings.map { (name: $0.name, value: .number($0.seconds)) }),
      "peak_memory": Self.number(peakMemory),
      "error": error.map { ["code": .string($0.code), "message": .string($0.message)] } ?? .null,
      "metadata": .object(
        metadata.sorted { $0.key < $1.key }.map { (name: $0.key, value: .string($0.value)) }
      ),
      "clip": clip.map { clip in
        [
          "url": .string("/jobs/\(id)/clip"), "media_type": .string(clip.mediaType),
          "bytes": .integer(Int128(clip.byteCount)), "width": Self.number(clip.width),
          "height": Self.number(clip.height), "frames": Self.number(clip.frameCount),
          "fps": Self.number(clip.framesPerSecond),
        ]
      } ?? .null,
      "picture": [
        "url": .string("/jobs/\(id)/picture"), "media_type": .string(picture.mediaType),
      ],
    ]
  }

  private static func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }

  private static func number(_ value: Int?) -> JSON { value.map { .integer(Int128($0)) } ?? .null }

  private static func time(_ date: Date?) -> JSON {
    guard let date else { return .null }
    return .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
  }
}

extension ClipRequest {
  /// What was asked for under the names of the form, with what was filled in.
  package var parameters: JSON {
    [
      "model": model.map { .string($0) } ?? .null, "decode_chunk_size": decodeChunkSize.json,
      "seed": seed.json, "num_frames": frameCount.json,
      "num_inference_steps": stepCount.json, "min_guidance_scale": minimumGuidance.json,
      "max_guidance_scale": maximumGuidance.json, "fps": framesPerSecond.json,
      "motion_bucket_id": motionBucket.json, "noise_aug_strength": noiseAugmentation.json,
      "width": width.json, "height": height.json, "fit": fit.json, "format": format.json,
      "playback": playback.json, "guidance_shape": guidanceShape.json,
      "continued_frames": continuedFrames.json,
      "guidance_scales": guidanceScales.map { .array($0.map { .number($0) }) } ?? .null,
      "guidance_interval": guidanceInterval.map { .string($0) } ?? .null,
      "cache": cache.map { .string($0) } ?? .null,
    ]
  }
}
