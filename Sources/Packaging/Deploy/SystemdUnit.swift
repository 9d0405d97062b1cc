// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Serving

/// A service of a single machine, run by systemd.
package struct SystemdUnit {
  private let bundle: BundleStore.Entry
  /// The folder of the bundle's files.
  package let folder: String

  /// - Parameters:
  ///   - bundle: What runs.
  ///   - prefix: The folder above that of the bundle's files.
  /// - Throws: ``PackagingError`` with `invalidValue` for a prefix that a unit cannot name.
  package init(_ bundle: BundleStore.Entry, prefix: String) throws(PackagingError) {
    guard prefix.hasPrefix("/"), Files.staysBelow(String(prefix.dropFirst())),
      !prefix.contains(where: { " %\"'\\$".contains($0) })
    else {
      throw PackagingError(
        .invalidValue,
        "\"\(prefix)\" is not an absolute path without spaces, quotes, % and $"
      )
    }
    self.bundle = bundle
    folder = "\(prefix)/\(bundle.name)/\(bundle.version)"
  }

  /// The name of the unit's file.
  package var fileName: String { "\(bundle.name).service" }

  /// The unit, which gives the server nothing but what it needs.
  package var text: String {
    let manifest = bundle.manifest
    var environment = manifest.environment
    environment["ZOETROPE_CONFIG"] = "\(folder)/serve.yaml"
    environment["XDG_CACHE_HOME"] = "%C"
    environment["ZOETROPE_STORE"] = "%S/\(bundle.name)"
    if let model = manifest.models.first {
      environment["ZOETROPE_MODEL"] = "\(folder)/models/\(model.name)"
    }
    let variables = environment.sorted { Files.precedes($0.key, $1.key) }.map { name, value in
      let isOurs = manifest.environment[name] != nil
      return "Environment=\"\(name)=\(isOurs ? Self.escaped(value) : value)\""
    }
    let grace = manifest.settings["grace"]?.first.flatMap { Int($0) } ?? 30
    // A GPU's files are needed, and its compiled kernels are written and then run.
    let devices =
      manifest.resources.gpu > 0
      ? "DeviceAllow=char-nvidia-frontend rw\nDeviceAllow=char-nvidia-uvm rw\n"
      : "PrivateDevices=yes\nMemoryDenyWriteExecute=yes\n"
    return """
      [Unit]
      Description=\(bundle.name), image to video
      Documentation=man:zoetrope(1)
      After=network.target

      [Service]
      ExecStart=\(folder)/bin/zoetrope serve
      WorkingDirectory=\(folder)/files
      \(variables.joined(separator: "\n"))
      # The port opens before the model is loaded; /readyz says when it is.
      Type=exec
      Restart=on-failure
      RestartSec=5
      TimeoutStopSec=\(grace + 15)
      DynamicUser=yes
      CacheDirectory=\(bundle.name)
      StateDirectory=\(bundle.name)
      UMask=0077
      ProtectSystem=strict
      ProtectHome=yes
      PrivateTmp=yes
      \(devices)DevicePolicy=closed
      ProtectClock=yes
      ProtectControlGroups=yes
      ProtectHostname=yes
      ProtectKernelLogs=yes
      ProtectKernelModules=yes
      ProtectKernelTunables=yes
      LockPersonality=yes
      NoNewPrivileges=yes
      RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
      RestrictNamespaces=yes
      RestrictRealtime=yes
      RestrictSUIDSGID=yes
      RemoveIPC=yes
      CapabilityBoundingSet=
      AmbientCapabilities=
      SystemCallArchitectures=native
      SystemCallFilter=@system-service
      SystemCallErrorNumber=EPERM

      [Install]
      WantedBy=multi-user.target

      """
  }

  /// What systemd reads back as the text.
  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("%", with: "%%")
  }

  /// Lays the bundle's files out, with the compiler's libraries beside the programs; the system's
  /// libraries and ffmpeg are the machine's own.
  ///
  /// - Parameters:
  ///   - root: What is before each path; empty for this machine.
  ///   - store: Where the files are.
  ///   - tools: As for an image.
  /// - Throws: ``PackagingError`` with `alreadyExists` or `fileSystem`.
  package func install(
    root: String,
    from store: BundleStore,
    tools: ImageBuilder.Tools
  ) throws(PackagingError) {
    guard Files.kind(root + folder) == nil else {
      throw PackagingError(.alreadyExists, "\(root)\(folder) is there already: remove it first")
    }
    let contents = try ImageContents(bundle, in: store, hasBase: true, tools: tools)
    for layer in contents.layers where layer.name != "system" {
      try layer.write(to: root + folder, from: ImageContents.home)
    }
    try Files.makeFolder(root + "/etc/systemd/system")
    try Files.write(Array(text.utf8), to: "\(root)/etc/systemd/system/\(fileName)")
  }
}
