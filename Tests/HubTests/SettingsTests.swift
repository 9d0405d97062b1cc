// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Hub
import Testing

@Suite struct `The settings of the Hub` {
  private static let home = FileManager.default.temporaryDirectory.path + "/nobody"

  @Test(arguments: [
    (["HOME": "/h"], "/h/.cache/huggingface/hub"),
    (["HOME": "/h", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
    (["HOME": "/h", "HF_HOME": "~/models/"], "/h/models//hub"),
    (["HOME": "/h", "HF_HOME": "/a", "HF_HUB_CACHE": "/b/"], "/b"),
    (["HUGGINGFACE_HUB_CACHE": "/c"], "/c"),
  ])
  func `find the cache as the Hub's own tools do`(
    _ environment: [String: String],
    _ cache: String
  ) throws {
    #expect(try HubSettings(environment: environment).cache == cache)
  }

  @Test func `take a token from the flag, the environment or the file, in this order`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hub-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try HubSettings(environment: ["HF_HOME": folder]).token == nil)
    try Data("hf_file\n".utf8).write(to: URL(filePath: folder + "/token"))
    #expect(try HubSettings(environment: ["HF_HOME": folder]).token == "hf_file")
    let environment = ["HF_HOME": folder, "HF_TOKEN": " hf_variable "]
    #expect(try HubSettings(environment: environment).token == "hf_variable")
    #expect(try HubSettings(environment: environment, token: "hf_flag").token == "hf_flag")
  }

  @Test func `refuse an address that is none`() {
    #expect(throws: HubError.self) {
      try HubSettings(environment: ["HOME": "/h", "HF_ENDPOINT": "hub.example"])
    }
    #expect(throws: HubError.self) {
      try HubSettings(environment: ["HOME": "/h", "HTTPS_PROXY": "socks5://me:secret@proxy:1"])
    }
    #expect(throws: HubError.self) { try HubSettings(environment: [:]) }
  }

  @Test func `read proxies with their users`() throws {
    let proxies = try Proxies(environment: ["HTTPS_PROXY": "http://me:pass%40@proxy.example:3128"])
    #expect(proxies.byScheme["https"]?.host == "proxy.example")
    #expect(proxies.byScheme["https"]?.port == 3128)
    #expect(proxies.byScheme["https"]?.user == "me")
    #expect(proxies.byScheme["https"]?.password == "pass@")
    #expect(proxies.byScheme["http"] == nil)
  }

  @Test(arguments: [
    "a/b", "stabilityai/stable-video-diffusion-img2vid-xt", "a/b@v1", "a/b@refs/pr/1",
  ])
  func `know a model by its name`(_ text: String) {
    #expect(ModelReference(text)?.description == text)
  }

  @Test(arguments: [
    "a", "a/b/c", "../b", "/b", "a/", "./b", "a--b/c", "a/b@", "a/b@../../x", "a/b c",
  ])
  func `know what is no name of a model`(_ text: String) {
    #expect(ModelReference(text) == nil)
  }
}
