// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import Packaging
import Serving
import Testing

struct `A service's description` {
  private func read(
    _ text: String,
    as name: String = "zoetrope.yaml",
    resources: Resources = Resources()
  ) throws -> ServiceDescription {
    let folder = try Folder()
    try folder.write(name, text)
    return try ServiceDescription.read(folder: folder.path, resources: resources)
  }

  @Test func `says all there is to say`() throws {
    let digest = Digest(of: [1])
    let service = try read(
      """
      name: lake-video
      labels: {owner: team, stage: test}
      include:
        - prompts/*_a.txt
        - "*.md"
      exclude: drafts/
      models:
        - path: Models/SVD
          name: svd
          digest: \(digest)
        - {path: /models/other, include: false}
      environment:
        OMP_WAIT_POLICY: passive
      resources: {gpu: 1, gpu_type: nvidia-l4, cpu: 4, memory: 16Gi}
      traffic: {timeout: 600, queue: 4}
      serve:
        open: true
        cors-origin: [https://a.example, https://b.example]
      image: {base: scratch, user: 1000, packages: [fonts-dejavu-core]}
      storage: {size: 20Gi, class: fast.example}
      """
    )
    #expect(service.name == "lake-video")
    #expect(service.labels == ["owner": "team", "stage": "test"])
    #expect(service.include == ["prompts/*_a.txt", "*.md"])
    #expect(service.exclude == ["drafts/"])
    #expect(service.models.map(\.name) == ["svd", "other"])
    #expect(service.models.map(\.digest) == [digest, nil])
    #expect(service.models.map(\.isIncluded) == [true, false])
    #expect(service.environment == ["OMP_WAIT_POLICY": "passive"])
    #expect(service.resources.gpu == 1)
    #expect(service.resources.memory == "16Gi")
    #expect(
      service.settings == [
        "timeout": ["600"], "queue": ["4"], "open": ["true"],
        "cors-origin": ["https://a.example", "https://b.example"],
      ]
    )
    #expect(service.image.user == 1000)
    #expect(service.image.packages == ["fonts-dejavu-core"])
    #expect(service.storage?.size == "20Gi")
    #expect(service.storage?.className == "fast.example")
    #expect(service.storage?.isKept == true)
    #expect(service.remarks == [])
    #expect(try read("name: a").storage == nil)
    #expect(try read("name: a\nstorage: {volume: emptyDir}").storage?.isKept == false)
  }

  @Test func `needs what its declaration in Swift says, where the file does not`() throws {
    let declared = Resources(gpu: 2, gpuType: "NVIDIA-L4", memory: "16Gi")
    func needs(_ text: String, as name: String = "zoetrope.yaml") throws -> Resources {
      try read(text, as: name, resources: declared).resources
    }
    #expect(try needs("name: a") == declared)
    #expect(try needs("service: \"service:A\"", as: "bentofile.yaml") == declared)
    #expect(
      try needs("name: a\nresources: {gpu: 1, cpu: 500m}")
        == Resources(gpu: 1, gpuType: "NVIDIA-L4", cpu: "500m", memory: "16Gi")
    )
    #expect(try needs("name: a\nresources: {gpu: 0}") == Resources(memory: "16Gi"))
  }

  private static let pinned = "Acme/SVD-XT@" + String(repeating: "0a", count: 20)

  @Test func `has the server fetch what is pulled`() throws {
    let digest = Digest(of: [1])
    let service = try read(
      """
      name: lake
      models: [{pull: \(Self.pinned), digest: \(digest)}]
      serve: {open: true, variant: fp16}
      """
    )
    #expect(service.models.map(\.name) == ["svd-xt"])
    #expect(service.models.map(\.isIncluded) == [false])
    #expect(
      service.settings == [
        "open": ["true"], "variant": ["fp16"], "model": [Self.pinned], "pull": ["true"],
        "model-digest": [digest.description],
      ]
    )
  }

  @Test(arguments: [
    ("", "line 1: name is missing"), ("name: Lake", "line 1: name \"Lake\" must be"),
    ("name: a\nport: 1", "line 2: there is no port; there are name, labels"),
    ("name: ../a", "must be small letters"),
    (
      "name: a\nmodels: [{name: x}]",
      "models[0].path or models[0].pull: the checkpoint's folder, or"
    ),
    ("name: a\nmodels: [{name: svd, digest: sha256:1}]", "models[0].path or models[0].pull"),
    ("name: a\nmodels: [{path: https://hub.example/svd}]", "nothing is downloaded"),
    ("name: a\nmodels: [{pull: acme/svd}]", "models[0].pull must be OWNER/NAME@COMMIT"),
    ("name: a\nmodels: [{pull: acme/svd@main}]", "branches and tags move"),
    ("name: a\nmodels: [{pull: \(pinned), path: x}]", "one of them, not both"),
    ("name: a\nmodels: [{pull: \(pinned), include: true}]", "is not in the bundle"),
    ("name: a\nmodels: [{path: x}, {pull: \(pinned)}]", "models[1].pull: only the first"),
    (
      "name: a\nmodels: [{pull: \(pinned)}]\nserve: {model: x}",
      "line 3: serve.model and models[0].pull say the same"
    ),
    ("name: a\nstorage: 20Gi", "storage must be `name: value` lines"),
    ("name: a\nstorage: {volume: disk}", "storage.volume must be claim, which outlives"),
    ("name: a\nstorage: {size: 20GB}", "storage.size must be an amount as Kubernetes writes"),
    ("name: a\nstorage: {volume: emptyDir, class: x}", "an emptyDir has no class"),
    ("name: a\nmodels: [{path: x, digest: sha256:1}]", "models[0].digest must be sha256:"),
    ("name: a\nmodels: [{path: a/x}, {path: b/x}]", "two models have the name x"),
    (
      "name: a\n\nresources: {gpu: many}",
      "line 3: resources.gpu must be a whole number from 0 to 64"
    ),
    ("name: a\nenvironment: {\"A B\": 1}", "\"A B\" is not the name of a variable"),
    ("name: a\nenvironment: {A: \"x\\ny\"}", "one line without control characters"),
    ("name: a\nimage: {packages: [\"x; rm\"]}", "is not the name of a Debian package"),
    ("name: a\nimage: {user: 0}", "image.user must be a whole number from 1"),
    ("name: a\ninclude: [../x]", "names nothing in this folder"), ("- a", "the file must be"),
    ("name: a\ntraffic: {queue: 1}\nserve: {queue: 2}", "once is enough"),
    ("name: &a b\nlabels: {x: *a}", "line 2: `*` before a word"),
  ])
  func `is refused with the line that is wrong`(text: String, words: String) {
    let message = refusal { _ = try read(text) }
    #expect(message.contains(words), "\(message)")
    #expect(!message.contains("\n"))
  }

  @Test func `may be BentoML's, whose keys of Python it tells about`() throws {
    let service = try read(
      """
      service: "service:StableDiffusionVideo"
      labels:
        owner: bentoml-team
      include:
        - "*.py"
      python:
        requirements_txt: ./requirements.txt
      envs:
        - {name: HF_TOKEN}
        - {name: LEVEL, value: info, stage: runtime}
      docker:
        distro: debian
        system_packages: [ffmpeg, git, fonts-dejavu-core]
      """,
      as: "bentofile.yaml"
    )
    #expect(service.name == "stable_diffusion_video")
    #expect(service.labels == ["owner": "bentoml-team"])
    #expect(service.include == ["*.py"])
    #expect(service.environment == ["LEVEL": "info"])
    #expect(service.image.packages == ["fonts-dejavu-core"])
    for key in ["service:", "python:", "docker.distro:", "HF_TOKEN", "ffmpeg", "git"] {
      #expect(service.remarks.contains { $0.contains(key) }, "\(key)")
    }
  }

  @Test(arguments: [
    ("name: x", "service is missing"), ("service: a:B\nports: 1", "there is no ports"),
    ("service: a:B\npython: {reqs: 1}", "there is no python.reqs"),
    ("service: a:B\ndocker: {base_image: \"a\\nRUN x\"}", "one line without control characters"),
    ("service: a:B\nenvs: [{name: \"A=1\", value: 2}]", "is not the name of a variable"),
  ])
  func `in BentoML's form is held to the same`(text: String, words: String) {
    let message = refusal { _ = try read(text, as: "bentofile.yaml") }
    #expect(message.contains(words), "\(message)")
  }

  @Test func `that is nowhere is asked for`() throws {
    let folder = try Folder()
    let path = folder.path
    #expect(
      refusal { _ = try ServiceDescription.read(folder: path) }.contains(
        "no zoetrope.yaml and no bentofile"
      )
    )
  }
}
