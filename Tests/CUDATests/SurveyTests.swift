// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import CUDATesting
internal import FoundationEssentials
internal import SharedLibrary
internal import Testing

@Suite struct SurveyTests {
  @Test func `all that is there is told with file, version and processor`() throws {
    let fake = try FakeLibraries()
    let survey = Survey { _ in fake.search }
    #expect(survey.isUsable)
    #expect(survey.libraries.map(\.version) == ["CUDA 13.0", "13.0", "13.0.0", "9.13.0"])
    #expect(survey.libraries.allSatisfy { $0.path == fake.path && $0.problem == nil })
    #expect(survey.libraries[0].machine == ELFFile(path: fake.path)?.machineName)
    let device = try #require(survey.devices.first)
    #expect(device.name == "Pretend GPU" && device.computeCapability == "9.0")
  }

  @Test func `what is missing is told with where it was looked for and what brings it`() throws {
    let survey = Survey { library in
      LibrarySearch(fileNames: library.fileNames.map { "absent-" + $0 }, patterns: ["/no/such*"])
    }
    #expect(!survey.isUsable && survey.devices.isEmpty)
    for (library, found) in zip(CUDALibrary.allCases, survey.libraries) {
      #expect(found.path == nil && found.version == nil)
      #expect(found.places == ["the loader's path", "/no/such*"])
      #expect(found.remedy == library.remedy)
      #expect(found.problem?.hasPrefix("no absent-lib") == true)
    }
    let data = try JSONEncoder().encode(survey)
    #expect(String(decoding: data, as: UTF8.self).contains("nvidia-cudnn-cu13"))
  }

  @Test func `a GPU that is too old is told to be`() throws {
    let fake = try FakeLibraries()
    try fake.describe(capability: 75, memory: 1 << 30)
    let survey = Survey { _ in fake.search }
    #expect(!survey.isUsable)
    #expect(survey.devices.first?.problem == "compute capability 8.0 or later is needed")
  }
}
