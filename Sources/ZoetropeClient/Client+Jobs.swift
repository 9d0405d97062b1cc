// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// What only Zoetrope's servers do.
extension ZoetropeClient {
  /// Has several clips made of one picture without waiting for them: all are accepted, or none.
  ///
  /// - Parameters:
  ///   - picture: The bytes of a picture file.
  ///   - parameters: What clips to make; with a seed the first has it, and those that follow have those
  ///     that follow it.
  ///   - count: How many clips, from 1 to 16.
  /// - Returns: A task for each clip.
  /// - Throws: ``ClientError``; `CancellationError`.
  public func submit(
    picture: [UInt8],
    _ parameters: ClipParameters = ClipParameters(),
    count: Int
  ) async throws -> [ClipTask] {
    try await submit(picture, parameters, ("num_clips", String(count)))
  }

  /// Has a clip made for each of several seeds without waiting for them: all are accepted, or none.
  ///
  /// - Parameters:
  ///   - picture: The bytes of a picture file.
  ///   - parameters: What clips to make; their seed is not used.
  ///   - seeds: From 1 to 16 seeds.
  /// - Returns: A task for each seed, in their order.
  /// - Throws: ``ClientError``; `CancellationError`.
  public func submit(
    picture: [UInt8],
    _ parameters: ClipParameters = ClipParameters(),
    seeds: [UInt64]
  ) async throws -> [ClipTask] {
    let text = seeds.map { String($0) }.joined(separator: ",")
    return try await submit(picture, parameters, ("seeds", text))
  }

  private func submit(
    _ picture: [UInt8],
    _ parameters: ClipParameters,
    _ field: (name: String, value: String)
  ) async throws -> [ClipTask] {
    struct Jobs: Decodable {
      struct Job: Decodable { let id: String }
      let jobs: [Job]
    }
    var form = Form(picture, parameters)
    form.fields.append(field)
    let answer = try await send(.POST, "/jobs", form: form)
    return try decode(Jobs.self, answer).jobs.map { job($0.id) }
  }

  /// A task that was one of several, or that came of ``ClipTask/extend(frameCount:seed:)``.
  public func job(_ id: String) -> ClipTask { ClipTask(id: id, isJob: true, client: self) }

  /// The models that clips can be made with.
  ///
  /// - Returns: Their names; the first is that of the one that is used where none is named.
  /// - Throws: ``ClientError``; `CancellationError`.
  public func models() async throws -> [String] {
    struct Models: Decodable {
      struct Model: Decodable { let id: String }
      let data: [Model]
    }
    return try decode(Models.self, await send(.GET, "/v1/models")).data.map(\.id)
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ answer: Answer) throws -> Value {
    do { return try JSONDecoder().decode(type, from: Data(answer.body.readableBytesView)) } catch {
      throw ClientError(.unexpectedAnswer, "the server's answer is not that of Zoetrope")
    }
  }
}
