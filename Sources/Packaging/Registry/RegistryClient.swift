// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import AsyncHTTPClient
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1

/// Speaks with a registry as the OCI distribution specification has it.
package final class RegistryClient: Sendable {
  private let reference: ImageReference
  private let credentials: RegistryCredentials?
  private let address: String
  private let authorization = Authorization()

  /// The last word that the registry accepted.
  private actor Authorization {
    var value: String?
    func set(_ value: String) { self.value = value }
  }

  /// - Parameters:
  ///   - reference: The image.
  ///   - credentials: Who asks.
  ///   - isPlain: Whether to speak without TLS to a registry on another machine; to one on this machine
  ///     it is always so.
  package init(
    _ reference: ImageReference,
    credentials: RegistryCredentials?,
    isPlain: Bool = false
  ) {
    self.reference = reference
    self.credentials = credentials
    let scheme = isPlain || reference.isLocal ? "http" : "https"
    address = "\(scheme)://\(reference.host)"
  }

  private var place: String { "/v2/\(reference.repository)" }

  // MARK: Pushing

  /// Sends an image and gives it the reference's name.
  ///
  /// - Parameters:
  ///   - layout: Where the image is.
  ///   - image: The image.
  ///   - report: Told of each layer and whether the registry had it already.
  /// - Throws: ``PackagingError`` with `registry`, or `fileSystem`.
  package func push(
    _ layout: ImageLayout,
    _ image: ImageBuilder.Image,
    report: (Descriptor, _ wasThere: Bool) -> Void
  ) async throws {
    for blob in image.manifest.layers + [image.manifest.config] {
      let wasThere = try await has(blob)
      if !wasThere { try await upload(blob, from: layout.path(blob.digest)) }
      report(blob, wasThere)
    }
    let bytes = try layout.read(image.descriptor.digest)
    let response = try await send(.PUT, "\(place)/manifests/\(reference.version)") { request in
      request.headers.add(name: "content-type", value: MediaType.manifest)
      request.body = .bytes(ByteBuffer(bytes: bytes))
    }
    try expect(response, [201], "taking the manifest")
    // A registry that changed it would have given it another digest.
    if let given = response.headers.first(name: "docker-content-digest"),
      given != image.descriptor.digest.description
    {
      throw wrong("it stored the image as \(given), not as \(image.descriptor.digest)")
    }
  }

  private func has(_ blob: Descriptor) async throws -> Bool {
    let response = try await send(.HEAD, "\(place)/blobs/\(blob.digest)") { _ in }
    try expect(response, [200, 404], "looking for \(blob.digest)")
    guard response.status == .ok else { return false }
    let length = response.headers.first(name: "content-length").flatMap { Int($0) }
    return length == nil || length == blob.size
  }

  private func upload(_ blob: Descriptor, from path: String) async throws {
    let begun = try await send(.POST, "\(place)/blobs/uploads/") { request in
      request.headers.add(name: "content-length", value: "0")
    }
    try expect(begun, [202], "beginning an upload")
    guard let location = begun.headers.first(name: "location") else {
      throw wrong("it does not say where to upload")
    }
    let target = try absolute(location)
    let separator = target.contains("?") ? "&" : "?"
    let digest = blob.digest.description.replacing(":", with: "%3A")
    let response = try await send(.PUT, url: "\(target)\(separator)digest=\(digest)") { request in
      request.headers.add(name: "content-type", value: "application/octet-stream")
      request.body = .stream(FileChunks(path: path), length: .known(Int64(blob.size)))
    }
    try expect(response, [201], "taking \(blob.digest)")
  }

  /// A place that the registry names: with its host or without.
  ///
  /// Credentials go there, so it must not be a host that the person did not name.
  private func absolute(_ location: String) throws -> String {
    if location.hasPrefix("/") { return address + location }
    guard location.hasPrefix(address + "/") else {
      throw wrong("it wants uploads to go to \(location.prefix(200)), which is another host")
    }
    return location
  }

  // MARK: Pulling

  /// Brings an image into a layout, every byte of it held to its digest.
  ///
  /// - Parameter layout: Where to.
  /// - Throws: ``PackagingError`` with `registry`, `damaged`, `notFound` or `fileSystem`.
  package func pull(into layout: ImageLayout) async throws {
    var version = reference.version
    var (bytes, type) = try await manifest(version)
    if [MediaType.index, MediaType.dockerIndex].contains(type) {
      let index = try decoded(bytes, as: ImageIndex.self, from: "\(reference)")
      version = try ImageLayout.choose(index, "\(reference)").digest.description
      (bytes, type) = try await manifest(version)
    }
    let manifest = try decoded(bytes, as: ImageManifest.self, from: "\(reference)")
    for blob in [manifest.config] + manifest.layers { try await download(blob, into: layout) }
    let digest = Digest(of: bytes)
    try Files.write(bytes, to: layout.path(digest))
    try layout.finish(
      Descriptor(mediaType: MediaType.manifest, digest: digest, size: bytes.count),
      tag: "base"
    )
  }

  private func manifest(_ version: String) async throws -> (bytes: [UInt8], type: String) {
    let response = try await send(.GET, "\(place)/manifests/\(version)") { request in
      for type in [
        MediaType.index, MediaType.manifest, MediaType.dockerIndex, MediaType.dockerManifest,
      ] { request.headers.add(name: "accept", value: type) }
    }
    try expect(response, [200], "giving the manifest \(version)")
    let bytes = Array(try await response.body.collect(upTo: 4 << 20).readableBytesView)
    if let digest = Digest(version), Digest(of: bytes) != digest {
      throw PackagingError(.damaged, "\(reference): the manifest does not have its digest")
    }
    return (bytes, response.headers.first(name: "content-type") ?? MediaType.manifest)
  }

  private func download(_ blob: Descriptor, into layout: ImageLayout) async throws {
    guard Files.kind(layout.path(blob.digest)) == nil else { return }
    let response = try await send(.GET, "\(place)/blobs/\(blob.digest)") { _ in }
    try expect(response, [200], "giving \(blob.digest)")
    var writer = try FileWriter(layout.path(blob.digest))
    var hasher = Digest.Hasher()
    for try await chunk in response.body {
      let bytes = Array(chunk.readableBytesView)
      hasher.update(bytes)
      guard hasher.count <= blob.size else { break }
      try writer.sink.write(bytes)
    }
    guard hasher.count == blob.size, hasher.finish() == blob.digest else {
      throw PackagingError(.damaged, "\(reference): \(blob.digest) does not have its digest")
    }
    try writer.finish()
  }

  // MARK: Requests

  private func send(
    _ method: HTTPMethod,
    _ path: String,
    _ change: (inout HTTPClientRequest) -> Void
  ) async throws -> HTTPClientResponse {
    try await send(method, url: address + path, change)
  }

  /// Sends a request, and once more with what the registry asks for.
  private func send(
    _ method: HTTPMethod,
    url: String,
    _ change: (inout HTTPClientRequest) -> Void
  ) async throws -> HTTPClientResponse {
    var request = HTTPClientRequest(url: url)
    request.method = method
    request.headers.add(name: "user-agent", value: "zoetrope")
    if let value = await authorization.value {
      request.headers.replaceOrAdd(name: "authorization", value: value)
    }
    change(&request)
    let response = try await execute(request)
    guard response.status == .unauthorized else { return response }
    let challenges = response.headers["www-authenticate"].compactMap(RegistryChallenge.init)
    guard let value = try await answer(challenges) else { return response }
    await authorization.set(value)
    request.headers.replaceOrAdd(name: "authorization", value: value)
    return try await execute(request)
  }

  private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    do {
      return try await HTTPClient.shared.execute(request, timeout: .hours(1))
    } catch let error as PackagingError {
      throw error
    } catch {
      try Task.checkCancellation()
      throw wrong("it cannot be reached: \(error)")
    }
  }

  /// What is to be sent as `Authorization`; nil if there is no way.
  private func answer(_ challenges: [RegistryChallenge]) async throws -> String? {
    if let bearer = challenges.first(where: { $0.scheme == "bearer" }),
      let realm = bearer.parameters["realm"]
    {
      return try await token(realm, bearer.parameters)
    }
    guard challenges.contains(where: { $0.scheme == "basic" }) else { return nil }
    return credentials?.basic
  }

  private func token(_ realm: String, _ parameters: [String: String]) async throws -> String {
    // Names and passwords do not go where anyone on the way can read them.
    guard realm.hasPrefix("https://") || address.hasPrefix("http://") else {
      throw wrong("it sends to \(realm.prefix(200)) for a token, which is not HTTPS")
    }
    let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/:,"
    var query: [String] = []
    let scope = parameters["scope"] ?? "repository:\(reference.repository):pull,push"
    for (name, value) in [("service", parameters["service"] ?? ""), ("scope", scope)]
    where !value.isEmpty {
      let encoded = value.utf8.map { byte in
        let character = Character(Unicode.Scalar(byte))
        let hex = String(byte, radix: 16, uppercase: true)
        return allowed.contains(character) ? String(character) : "%" + (byte < 16 ? "0" : "") + hex
      }
      query.append("\(name)=\(encoded.joined())")
    }
    var request = HTTPClientRequest(
      url: realm + (realm.contains("?") ? "&" : "?") + query.joined(separator: "&")
    )
    if let credentials { request.headers.add(name: "authorization", value: credentials.basic) }
    let response = try await execute(request)
    try expect(response, [200], "giving a token")
    struct Answer: Decodable {
      let token: String?
      let access_token: String?
    }
    let bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
    let answer = try decoded(bytes, as: Answer.self, from: realm)
    guard let token = answer.token ?? answer.access_token else {
      throw wrong("its answer holds no token")
    }
    return "Bearer " + token
  }

  private func expect(
    _ response: HTTPClientResponse,
    _ statuses: [UInt],
    _ act: String
  ) throws {
    guard !statuses.contains(response.status.code) else { return }
    if [401, 403].contains(response.status.code) {
      throw wrong(
        "it refuses \(act): set ZOETROPE_REGISTRY_USER and ZOETROPE_REGISTRY_PASSWORD, or log in with "
          + "docker, podman or skopeo"
      )
    }
    throw wrong("it answers \(response.status.code) to \(act)")
  }

  private func wrong(_ reason: String) -> PackagingError {
    PackagingError(.registry, "the registry \(reference.host): \(reason)")
  }
}

/// A file's bytes, read as they are sent.
private struct FileChunks: AsyncSequence, Sendable {
  let path: String

  final class Iterator: AsyncIteratorProtocol {
    private var reader: FileReader?
    private let path: String

    init(path: String) { self.path = path }

    func next() async throws -> ByteBuffer? {
      if reader == nil { reader = try FileReader(path) }
      guard let bytes = try reader?.next(), !bytes.isEmpty else { return nil }
      return ByteBuffer(bytes: bytes)
    }
  }

  func makeAsyncIterator() -> Iterator { Iterator(path: path) }
}
