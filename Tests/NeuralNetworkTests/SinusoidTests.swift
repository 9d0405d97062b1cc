// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import NeuralNetwork
internal import Safetensors
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct SinusoidTests {
  // Torch's sine and cosine and the C library's differ in last bits.
  @Test(arguments: [320, 256])
  func `sinusoids are the reference's`(_ size: Int) throws {
    let vectors = try SafetensorsFile(path: Fixtures.folder + "/vectors/vectors.safetensors")
    let positions = try floats("sinusoid.\(size).t", of: vectors)
    let expected = try floats("sinusoid.\(size)", of: vectors)
    let actual = Sinusoid.embed(positions, size: size)
    try #require(actual.count == expected.count)
    expectClose(actual, expected, within: 1e-6, "sinusoids")
    #expect(Difference(actual, expected).most <= 1e-5)
  }

  @Test func `the sinusoid of zero is ones and zeros`() {
    #expect(Sinusoid.embed([0], size: 6) == [1, 1, 1, 0, 0, 0])
    #expect(Sinusoid.embed([], size: 6).isEmpty)
  }
}
