// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Subprocess
import SystemPackage
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A service of a tiny model in a folder of its own, with a store for its bundles.
struct Packed: ~Copyable {
  let place: Workplace

  var path: String { place.path }

  init() async throws {
    let place = try Workplace()
    try await place.makeModel()
    _ = try place.write(
      "zoetrope.yaml",
      Array(
        "name: lake\nlabels: {owner: tests}\nmodels: [{path: model}]\nserve: {open: true}\n".utf8
      )
    )
    self.place = place
  }

  /// Runs the command with this store.
  func zoetrope(
    _ arguments: String...,
    environment: [String: String] = [:]
  ) async throws -> Outcome {
    let all = ["ZOETROPE_BUNDLES": path + "/store", "HOME": path, "TMPDIR": path]
    return try await Programs.run(
      Programs.zoetrope,
      arguments,
      environment: all.merging(environment) { $1 }
    )
  }

  /// Runs the command, and expects it to succeed.
  func expect(
    _ arguments: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let outcome = try await Programs.run(
      Programs.zoetrope,
      arguments,
      environment: ["ZOETROPE_BUNDLES": path + "/store", "HOME": path, "TMPDIR": path]
    )
    try #require(outcome.status == 0, "\(outcome.error)", sourceLocation: sourceLocation)
    return outcome.output.filter { $0 != "\n" }
  }
}

@Suite("Bundles and images", .serialized) struct ImageTests {
  private static let tools = ["skopeo", "umoci", "docker-registry"]
  private static let hasTools = tools.allSatisfy { tool in
    FileManager.default.isExecutableFile(atPath: "/usr/bin/\(tool)")
  }

  @Test("a bundle is built, listed, shown, carried elsewhere and deleted")
  func bundles() async throws {
    let packed = try await Packed()
    let folder = packed.path
    let tag = try await packed.expect("build", folder, "--tag", "1.0")
    #expect(tag == "lake:1.0")
    #expect(try await packed.expect("list").hasPrefix("lake:1.0  sha256:"))
    #expect(try await packed.expect("get", "lake").contains(#""path":"model_index.json""#))
    let archive = folder + "/lake.tar"
    _ = try await packed.expect("export", tag, archive)
    _ = try await packed.expect("import", archive, "--store", folder + "/other")
    let tar = try await Programs.run("tar", ["-tvf", archive])
    #expect(tar.status == 0, "\(tar.error)")
    let lists = [
      try await packed.expect("list"),
      try await packed.expect("list", "--store", folder + "/other"),
    ]
    #expect(lists[0] == lists[1])
    _ = try await packed.expect("delete", tag)
    #expect(try await packed.expect("list") == "")
    let missing = try await packed.zoetrope("get", "lake")
    #expect(missing.status != 0)
    #expect(missing.errorLines.count == 1, "\(missing.error)")
  }

  @Test("a bundle of a description without models has the demonstration model")
  func demonstration() async throws {
    let packed = try await Packed()
    _ = try packed.place.write("zoetrope.yaml", Array("name: lake\nserve: {open: true}\n".utf8))
    let built = try await packed.zoetrope("build", packed.path)
    #expect(built.status == 0, "\(built.error)")
    #expect(built.errorLines.count { $0.contains("demonstration model") } == 1, "\(built.error)")
    let manifest = try await packed.expect("get", "lake")
    #expect(manifest.contains(#""path":"unet/diffusion_pytorch_model.safetensors""#), "\(manifest)")
  }

  @Test("an image validates, and its root filesystem serves by itself", .enabled(if: hasTools))
  func image() async throws {
    let packed = try await Packed()
    let folder = packed.path
    let image = folder + "/image"
    _ = try await packed.expect("build", folder, "--tag", "1.0")
    let digest = try await packed.expect("containerize", "lake", "--output", image)

    let inspected = try await Programs.run("skopeo", ["inspect", "oci:\(image):1.0"])
    #expect(inspected.status == 0, "\(inspected.error)")
    #expect(inspected.output.contains(digest))
    #expect(inspected.output.contains(#""owner": "tests""#))
    let config = try await Programs.run("skopeo", ["inspect", "--config", "oci:\(image):1.0"])
    for words in [#""User": "65532:65532""#, #""3000/tcp": {}"#, #""/opt/zoetrope/bin/zoetrope""#] {
      #expect(config.output.contains(words), "\(config.output)")
    }
    guard getuid() == 0 else { return }

    let unpacked = try await Programs.run(
      "umoci",
      ["unpack", "--image", image + ":1.0", folder + "/unpacked"]
    )
    try #require(unpacked.status == 0, "\(unpacked.error)")
    let root = folder + "/unpacked/rootfs"
    let bill = try Data(
      contentsOf: URL(filePath: root + "/opt/zoetrope/share/sbom.spdx.json")
    )
    for words in ["pkg:deb/debian/ffmpeg@", "pkg:deb/debian/libc6@", "SPDX-2.3"] {
      #expect(String(decoding: bill, as: UTF8.self).contains(words))
    }
    let listed = String(decoding: bill, as: UTF8.self)
    let terms = try FileManager.default.contentsOfDirectory(atPath: root + "/usr/share/doc")
    for package in terms { #expect(listed.contains("pkg:deb/debian/\(package)@"), "\(package)") }
    #expect(terms.contains("ffmpeg"))
    // All that is promised, answered by nothing but what is in the image.
    let port = 20_000 + Int(getpid()) % 20_000
    let clips = folder + "/clips"
    try FileManager.default.createDirectory(atPath: clips, withIntermediateDirectories: true)
    let outcome = try await Programs.run(
      "unshare",
      ["-m", "bash", "-c", Self.served(root: root, port: port, output: clips)]
    )
    try #require(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    for name in Self.pictures + ["clip"] {
      let probed = try await Programs.probe("\(clips)/\(name).mp4")
      #expect(probed == "96,64,4,7/1,h264,yuv420p", "\(name)")
    }
    #expect(try await Programs.probe(clips + "/clip.webm") == "96,64,4,7/1,vp9,yuv420p")
    #expect(try await Programs.probe(clips + "/clip.gif").hasPrefix("96,64,4,"))
    for format in ["mp4", "webm", "gif"] {
      let probed = try await Programs.probe("\(clips)/extended.\(format)")
      #expect(probed.hasPrefix("96,64,7,"), "\(format): \(probed)")
    }
    for (name, signature) in [
      ("clip.webp", "RIFF"), ("thumbnail", "RIFF"), ("spritesheet", "\u{FF}\u{D8}"),
    ] {
      let bytes = try Data(contentsOf: URL(filePath: "\(clips)/\(name)"))
      #expect(bytes.starts(with: signature.unicodeScalars.map { UInt8($0.value) }), "\(name)")
    }
    let frames = try await Programs.run("python3", ["-m", "zipfile", "-l", clips + "/clip.zip"])
    #expect(frames.output.split(separator: "\n").count { $0.contains(".png") } == 4)
  }

  /// A picture of each kind that is read.
  private static let pictures = [
    "rgb.png", "rgb.jpg", "lossless.webp", "palette.gif", "rgb24.bmp", "rgb.tiff", "lossy.avif",
    "lossy.heic",
  ]

  /// Mounts the root to be read only but for /tmp and the jobs, as strict clusters do, serves from it without any
  /// rights, asks for its health and for clips of all kinds, goes on with some, and stops it.
  private static func served(root: String, port: Int, output: String) -> String {
    let goldens = Programs.sources + "/../MediaTests/Goldens"
    let environment = """
      env -i PATH=/opt/zoetrope/bin:/usr/bin ZOETROPE_CONFIG=/opt/zoetrope/serve.yaml \
      XDG_CACHE_HOME=/tmp ZOETROPE_MODEL=/opt/zoetrope/models/model ZOETROPE_HOST=0.0.0.0 \
      ZOETROPE_PORT=\(port) ZOETROPE_STORE=/var/lib/zoetrope OMP_WAIT_POLICY=passive
      """
    let inside =
      "\(environment) /usr/sbin/chroot --userspec=65532:65532 '\(root)' /opt/zoetrope/bin/zoetrope"
    return """
      set -eu
      mount --bind '\(root)' '\(root)'
      mount -o remount,bind,ro '\(root)'
      mount -t proc proc '\(root)/proc'
      mount --bind /dev '\(root)/dev'
      mount -t tmpfs -o mode=1777 tmpfs '\(root)/tmp'
      mount -t tmpfs -o mode=1777 tmpfs '\(root)/var/lib/zoetrope'
      \(inside) serve &
      server=$!
      for attempt in $(seq 300); do \(inside) health --ready 2>/dev/null && break; sleep 0.1; done
      trap 'kill $server' EXIT
      cd '\(output)'
      address=http://127.0.0.1:\(port)
      small='-F decode_chunk_size=2 -F seed=7 -F width=96 -F height=64 -F num_inference_steps=2'
      generate() {
        file=$1
        shift
        status=$(curl -sS -o "$file" -w '%{http_code}' $small "$@" $address/generate)
        [ "$status" = 200 ] || { echo "$file: status $status"; cat "$file"; exit 1; }
      }
      for name in \(pictures.joined(separator: " ")); do
        generate $name.mp4 -F "image=@\(goldens)/$name"
      done
      for format in mp4 webm gif webp zip; do
        generate clip.$format -F format=$format -F 'image=@\(Assets.photograph)'
      done
      for format in mp4 webm gif; do
        cp clip.$format '\(root)/tmp/'
        \(inside) extend --frames 4 -o /tmp/extended.$format /tmp/clip.$format
        cp '\(root)'/tmp/extended.$format .
      done
      video=$address/v1/videos
      video=$video/$(curl -sS -F prompt=x -F size=96x64 -F num_inference_steps=1 \
        -F 'input_reference=@\(Assets.photograph)' $video | grep -o '"id":"[^"]*"' | cut -d '"' -f 4)
      until curl -sS $video | grep -q '"status":"completed"'; do sleep 0.1; done
      for variant in thumbnail spritesheet; do
        curl -sSf -o $variant "$video/content?variant=$variant"
      done
      trap - EXIT
      kill $server
      wait $server
      """
  }

  @Test("two images of the same are the same to the byte, as archives too", .enabled(if: hasTools))
  func reproducible() async throws {
    let packed = try await Packed()
    let folder = packed.path
    var digests: [String] = []
    for name in ["a", "b"] {
      let store = "\(folder)/store-\(name)"
      _ = try await packed.expect("build", folder, "--tag", "1.0", "--store", store)
      let output = "\(folder)/\(name).tar"
      digests.append(
        try await packed.expect("containerize", "lake", "--store", store, "--no-gzip", "-o", output)
      )
    }
    #expect(digests[0] == digests[1])
    let same = try await Programs.run("cmp", ["\(folder)/a.tar", "\(folder)/b.tar"])
    #expect(same.status == 0, "\(same.output)")
    let inspected = try await Programs.run(
      "skopeo",
      ["inspect", "docker-archive:\(folder)/a.tar:lake:1.0"]
    )
    #expect(inspected.status == 0, "\(inspected.error)")
  }

  @Test(
    "an image is pushed to a registry that wants a name, and is the base of another",
    .enabled(if: hasTools)
  )
  func registry() async throws {
    let packed = try await Packed()
    let folder = packed.path
    _ = try await packed.expect("build", folder, "--tag", "1.0")
    let registry = try await Registry(folder)
    let host = registry.host
    let name = "\(host)/team/lake:1.0"
    let refused = try await packed.zoetrope("containerize", "lake", "--no-gzip", "--push", name)
    #expect(refused.status != 0)
    #expect(
      refused.errorLines.last?.contains("ZOETROPE_REGISTRY_USER") == true,
      "\(refused.error)"
    )
    let user = ["ZOETROPE_REGISTRY_USER": "alice", "ZOETROPE_REGISTRY_PASSWORD": "secret"]
    let pushed = try await packed.zoetrope(
      "containerize",
      "lake",
      "--no-gzip",
      "--push",
      name,
      environment: user
    )
    try #require(pushed.status == 0, "\(pushed.error)")
    let digest = pushed.output.filter { $0 != "\n" }
    let inspected = try await Programs.run(
      "skopeo",
      ["inspect", "--tls-verify=false", "--creds", "alice:secret", "docker://" + name]
    )
    #expect(inspected.status == 0, "\(inspected.error)")
    #expect(inspected.output.contains(digest))

    // What is there is not sent again; as a base it is read back, each byte held to its digest.
    let above = try await packed.zoetrope(
      "containerize",
      "lake",
      "--no-gzip",
      "--base",
      name,
      "--push",
      "\(host)/team/lake:above",
      environment: user
    )
    try #require(above.status == 0, "\(above.error)")
    #expect(above.error.contains("there already"))
    let config = try await Programs.run(
      "skopeo",
      [
        "inspect", "--config", "--tls-verify=false", "--creds", "alice:secret",
        "docker://\(host)/team/lake:above",
      ]
    )
    #expect(config.output.contains("LD_LIBRARY_PATH=/opt/zoetrope/lib"), "\(config.output)")
  }
}

/// Debian's registry for one user, on a port of its own, for as long as this value lives.
private struct Registry: ~Copyable {
  let host: String
  private let identifier: Int32

  init(_ folder: String) async throws {
    // bcrypt of "secret".
    let hash = try await Programs.run(
      "python3",
      ["-Wignore", "-c", "import crypt; print(crypt.crypt('secret', crypt.METHOD_BLOWFISH))"]
    )
    try #require(hash.status == 0, "\(hash.error)")
    let settings = """
      version: 0.1
      storage: {filesystem: {rootdirectory: \(folder)/registry}}
      http: {addr: "127.0.0.1:0", secret: none}
      auth: {htpasswd: {realm: tests, path: \(folder)/users}}
      """
    try Data("alice:\(hash.output)".utf8).write(to: URL(filePath: folder + "/users"))
    try Data(settings.utf8).write(to: URL(filePath: folder + "/registry.yml"))
    let log = folder + "/registry.log"
    let started = try await Programs.shell(
      "docker-registry serve '\(folder)/registry.yml' > '\(log)' 2>&1 & "
        + "for attempt in $(seq 200); do grep -q 'listening on' '\(log)' && break; sleep 0.05; done; "
        + "echo $! $(grep -o '127.0.0.1:[0-9]*' '\(log)' | head -1)"
    )
    let words = started.output.split { $0 == " " || $0 == "\n" }
    try #require(words.count == 2, "\(started.output)\(started.error)")
    identifier = try #require(Int32(words[0]))
    host = String(words[1])
  }

  deinit { kill(identifier, SIGTERM) }
}
