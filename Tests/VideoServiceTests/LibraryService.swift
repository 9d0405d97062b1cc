// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import FoundationEssentials
import Serving
import Synchronization

/// A service of operations of all kinds, which lends books.
enum LibraryService {
  struct Book: Form {
    @Field("Which book.") var id: String
  }

  struct Page: Form {
    @Field("Which book.") var id: String
    @Field("Which page.") var number: Int
    @Field("How large.", in: 1...10) var scale = 2
    @Field("In colour.") var colour: Bool?
  }

  struct NewBook: Form {
    @Field("What it is called.") var title: String
    @Field("Its text.", accepting: "text/*") var text: UploadedFile?
    @Field("How many there are.", in: 1...5) var copies = 1
  }

  struct FileAsked: Form {
    @Field("Whether to save it.") var download = false
  }

  /// What a server of these has seen.
  final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    var seen: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
  }

  static let envelope = ErrorEnvelope(name: "LibraryError", schema: ["type": "object"]) {
    error,
    id in
    [
      "problem": .string(error.message), "code": .string(error.code.name), "request": .string(id),
      "field": error.problems.first?.field.map { .string($0) } ?? .null,
    ]
  }

  private static func reads(_ log: Log, _ file: String) -> [HTTPOperation] {
    [
      HTTPOperation(
        .get,
        "/books/{id}",
        "A book.",
        takes: Book.self,
        replies: [.json("The book.")],
        headers: [("Accept-Language", "What language to answer in.")]
      ) { input, call in
        guard input.id != "lost" else { throw ServingError(.notFound, "there is no such book") }
        if input.id == "cursed" { throw CancellationError() }
        return Reply(json: [
          "id": .string(input.id), "owner": call.keyName.map { .string($0) } ?? .null,
          "language": call.header("accept-language").map { .string($0) } ?? .null,
        ])
      },
      HTTPOperation(
        .get,
        "/books/{id}/pages/{number}",
        "A page.",
        takes: Page.self,
        replies: [.json("The page.")]
      ) { input, _ in
        let colour = input.colour.map(String.init) ?? "nil"
        return Reply(json: .string("\(input.id) \(input.number) \(input.scale) \(colour)"))
      },
      HTTPOperation(
        .get,
        "/books/catalogue",
        "All books.",
        takes: FileAsked.self,
        replies: [.file("The catalogue.", "text/plain")],
        needsKey: false
      ) { input, _ in
        Reply(
          file: file,
          contentType: "text/plain",
          fileName: input.download ? "catalogue.txt" : nil,
          headers: ["cache-control": "private"]
        )
      },
    ]
  }

  private static func writes(_ log: Log) -> [HTTPOperation] {
    [
      HTTPOperation(
        .post,
        "/books",
        "Adds a book.",
        takes: NewBook.self,
        replies: [.json("The book.", status: 201)]
      ) { input, _ in
        let text = try input.text.map { try String(contentsOfFile: $0.path, encoding: .utf8) }
        log.note("\(input.title) \(input.copies) \(text ?? "-")")
        return Reply(json: [:], status: 201, headers: ["location": "/books/1"])
      },
      HTTPOperation(
        .delete,
        "/books/{id}",
        "Removes a book.",
        takes: Book.self,
        replies: [.empty("It is gone.")]
      ) { input, _ in
        log.note("delete \(input.id)")
        return .empty()
      },
    ]
  }

  /// The service, with a catalogue that consists of `file` and news that tell `events`.
  static func make(
    log: Log = Log(),
    file: String = "/dev/null",
    events: AsyncThrowingStream<ServerEvent, any Error> = AsyncThrowingStream { $0.finish() },
    heartbeat: Duration = .seconds(60)
  ) throws -> Service {
    var operations = reads(log, file) + writes(log)
    operations.append(
      HTTPOperation(.get, "/news", "What happens.", replies: [.events("What happened.")]) { _ in
        Reply(events: events, heartbeat: heartbeat)
      }
    )
    operations.append(
      HTTPOperation(.get, "/{anything}", "Nothing.", takes: Anything.self, replies: [.json("It.")])
      {
        input,
        _ in Reply(json: .string(input.anything))
      }
    )
    operations.append(
      HTTPOperation(.post, "/inventory", "Counts.", replies: [.json("It.")], takesTurn: true) { _ in
        Reply(json: "counted")
      }
    )
    for index in operations.indices where operations[index].path.hasPrefix("/books") {
      operations[index].envelope = envelope
      operations[index].tag = "Books"
    }
    return try Service("library", product: "Library/1", operations: operations) {}
  }

  private struct Anything: Form {
    @Field("What.") var anything: String
  }
}
