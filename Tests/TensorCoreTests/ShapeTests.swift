// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

internal import TensorCore
internal import TensorReference
internal import TensorTesting
import Testing

@Suite struct ShapeTests {
  @Test func `a shape counts its elements, rows and columns`() {
    let shape: Shape = [2, 3, 5]
    #expect(shape.count == 30 && shape.rank == 3 && shape.rows == 6 && shape.columns == 5)
    #expect(shape[0] == 2 && shape[-1] == 5 && shape[-3] == 2)
    #expect(shape.withColumns(7) == [2, 3, 7])
    #expect(shape.description == "[2, 3, 5]")
    let scalar: Shape = []
    #expect(scalar.count == 1 && scalar.rows == 1 && scalar.columns == 1)
    #expect(scalar.description == "[]" && scalar.withColumns(4) == [4])
    let empty: Shape = [2, 0, 5]
    #expect(empty.count == 0 && empty.rows == 0 && empty.columns == 5)
  }

  @Test func `sizes from outside are checked`() throws {
    #expect(try Shape(validating: [2, 0, 3]) == [2, 0, 3])
    #expect(try Shape(validating: []).count == 1)
    for sizes in [[-1], [3, -2, 4], [Int.max, 2], [1 << 32, 1 << 32], [0, -1]] {
      let error = #expect(throws: TensorError.self) { try Shape(validating: sizes) }
      #expect(error?.code == .shape)
      #expect(error?.message.contains("\(sizes)") == true)
    }
  }

  private let x: Tensor

  init() throws {
    x = try ReferenceBackend().upload((0..<24).map(Float.init), shape: [4, 3, 2])
  }

  @Test func `another shape over the same elements costs no copy`() throws {
    let flat = try x.reshaped([6, 4])
    #expect(flat.storage === x.storage && flat.offset == 0)
    #expect(try flat.values() == x.values())
    let error = #expect(throws: TensorError.self) { try x.reshaped([5, 5]) }
    #expect(error?.description.contains("[4, 3, 2]") == true)
    #expect(error?.description.contains("[5, 5]") == true)
  }

  @Test func `a slice is some pieces of the outermost axis over the same memory`() throws {
    let middle = try x.slice(1..<3)
    #expect(middle.shape == [2, 3, 2] && middle.storage === x.storage)
    #expect(try middle.values() == (6..<18).map(Float.init))
    #expect(try middle.slice(1..<2).reshaped([6]).values() == (12..<18).map(Float.init))
    #expect(try x.slice(4..<4).values().isEmpty)
    for range in [-1..<2, 3..<5, 5..<5] {
      let error = #expect(throws: TensorError.self) { try x.slice(range) }
      #expect(error?.code == .shape)
    }
    let scalar = try ReferenceBackend().upload([1], shape: [])
    #expect(throws: TensorError.self) { try scalar.slice(0..<1) }
  }
}
