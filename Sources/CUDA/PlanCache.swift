// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import Synchronization

/// What cuDNN planned for each problem, or why it would not; each is asked for once.
final class PlanCache<Problem: Hashable & Sendable, Plan: Sendable>: Sendable {
  private let plans = Mutex<[Problem: Result<Plan, CUDAError>]>([:])

  /// Why problems that cuDNN refused were refused, for reports.
  var refusals: [(problem: Problem, reason: String)] {
    plans.withLock { plans in
      plans.compactMap { problem, result in
        if case .failure(let error) = result { (problem, error.message) } else { nil }
      }
    }
  }

  /// The plan of a problem.
  ///
  /// - Parameters:
  ///   - problem: The problem.
  ///   - make: Makes the plan when it is first asked for.
  /// - Returns: The plan.
  /// - Throws: `CUDAError` with code `.outOfMemory`, or, now and ever after, `.unsupported`.
  func plan(
    _ problem: Problem,
    _ make: () throws(CUDAError) -> Plan
  ) throws(CUDAError) -> Plan {
    if let known = plans.withLock({ $0[problem] }) { return try known.get() }
    do throws(CUDAError) {
      let made = try make()
      plans.withLock { $0[problem] = .success(made) }
      return made
    } catch {
      guard error.code != .outOfMemory else { throw error }
      // Whatever keeps the library from planning, others can compute it; why is kept for reports.
      let refusal = CUDAError(.unsupported, error.call, error.message)
      plans.withLock { $0[problem] = .failure(refusal) }
      throw refusal
    }
  }
}
