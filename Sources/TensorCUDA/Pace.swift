// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import CUDA
internal import Synchronization

/// Keeps whoever asks for work a few hundred pieces ahead of the GPU, tens of milliseconds at full size, and no more.
///
/// A driver that is asked for more than its queue holds, about a thousand pieces, keeps a core busy until there is
/// room; here the thread sleeps instead. A cancelled job's work also ends sooner.
final class Pace: Sendable {
  private final class Mark: Sendable {
    let event: Event
    init(_ event: consuming Event) { self.event = event }
  }

  private struct State {
    var pieces = 0
    var marks: [Mark] = []
  }

  /// Pieces between marks, and marks that may lie ahead.
  private static let (stride, ahead) = (64, 4)

  private let device: Device
  private let state = Mutex(State())

  init(_ device: Device) { self.device = device }

  /// A piece was asked for; sleeps while too many are under way.
  func asked() throws(CUDAError) {
    let isMark = state.withLock { state in
      state.pieces = (state.pieces + 1) % Self.stride
      return state.pieces == 0
    }
    guard isMark else { return }
    let mark = Mark(try Event(device))
    let oldest = state.withLock { state -> Mark? in
      state.marks.append(mark)
      return state.marks.count > Self.ahead ? state.marks.removeFirst() : nil
    }
    try oldest?.event.wait()
  }
}
