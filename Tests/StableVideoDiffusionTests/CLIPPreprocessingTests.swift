// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import FoundationEssentials
internal import Media
internal import Safetensors
internal import StableVideoDiffusion
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct CLIPPreprocessingTests {
  @Test(arguments: [("a", 1024, 576), ("b", 96, 64), ("c", 224, 224), ("a", 500, 230)])
  func `a picture reaches the vision tower as in the reference`(
    _ kind: String,
    _ width: Int,
    _ height: Int
  ) throws {
    let vectors = try SafetensorsFile(path: Fixtures.folder + "/vectors/vectors.safetensors")
    let configuration = try CLIPImageConfiguration(
      path: Tiny.folder + "/feature_extractor/preprocessor_config.json"
    )
    let picture = try TestPicture.make(kind, width, height)
    let values = channelsFirst(
      CLIPPreprocessing(configuration)(picture.pixels, width: width, height: height),
      images: 1,
      channels: 3
    )
    let expected = try floats("clipprep.\(kind).\(width)x\(height).pixel_values.s37", of: vectors)
    let kept = stride(from: 0, to: values.count, by: 37).map { values[$0] }
    expectClose(kept, expected, within: 2e-6, "every 37th number")
    #expect(Difference(kept, expected).most <= 2e-5)

    let data = try Data(contentsOf: URL(filePath: Fixtures.folder + "/vectors/vectors.json"))
    let means = try JSONDecoder().decode(Means.self, from: data)
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
    let reference = try #require(
      means.values["clipprep.\(kind).\(width)x\(height).pixel_values.mean"]
    )
    #expect(abs(mean - reference) <= 1e-6)
  }

  @Test func `a picture of one pixel fills the tower's`() throws {
    let configuration = try CLIPImageConfiguration(
      path: Tiny.folder + "/feature_extractor/preprocessor_config.json"
    )
    let values = CLIPPreprocessing(configuration)([255, 0, 128], width: 1, height: 1)
    #expect(values.count == 224 * 224 * 3)
    for (channel, level) in ([1, 0, 128 / 255] as [Float]).enumerated() {
      let expected =
        (level - configuration.mean[channel]) / configuration.standardDeviation[channel]
      #expect(abs(values[channel] - expected) < 1e-5)
      #expect(abs(values[224 * 223 * 3 + channel] - expected) < 1e-5)
    }
  }

  /// The members of `vectors.json` that are numbers.
  private struct Means: Decodable {
    let values: [String: Double]

    struct Number: Decodable {
      let value: Double?
      init(from decoder: any Decoder) throws {
        value = try? decoder.singleValueContainer().decode(Double.self)
      }
    }

    init(from decoder: any Decoder) throws {
      values = try decoder.singleValueContainer().decode([String: Number].self)
        .compactMapValues(\.value)
    }
  }
}
