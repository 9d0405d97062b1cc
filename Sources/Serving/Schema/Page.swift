// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

private import CPage
import HTTPTypes

/// The page at `/`: what the service adds, and a form for each operation, made in the browser from
/// `/docs.json`.
///
/// Everything comes from this server, and the policy lets nothing else in.
enum Page {
  private static let folder = "/static_content/"

  private static let policy: HTTPFields = {
    var headers: HTTPFields = [
      .contentSecurityPolicy: """
      default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
      media-src 'self' blob:; img-src 'self' blob:; base-uri 'none'; form-action 'none'; \
      frame-ancestors 'none'
      """,
      .xContentTypeOptions: "nosniff",
    ]
    if let name = HTTPField.Name("referrer-policy") { headers[name] = "no-referrer" }
    return headers
  }()

  private static let ownFiles: [PageContent.File] = unsafe [
    file("page.css", page_css()), file("page.js", page_js()), file("dom.js", dom_js()),
    file("server.js", server_js()), file("form.js", form_js()), file("samples.js", samples_js()),
    file("operations.js", operations_js()), file("answer.js", answer_js()),
  ]

  private static func file(_ name: String, _ text: UnsafePointer<CChar>?) -> PageContent.File {
    unsafe PageContent.File(name, text: written(text))
  }

  private static func written(_ text: UnsafePointer<CChar>?) -> String {
    if let text = unsafe text { unsafe String(cString: text) } else { "" }
  }

  /// The page of a service and the files that belong to it, by path.
  static func documents(for service: Service) -> [String: Document] {
    var documents = ["/": document(for: service), folder + "icon.svg": icon]
    for file in service.page.files + ownFiles {
      guard let kind = file.kind else { continue }
      documents[folder + file.name] = Document(
        file.text,
        type: kind.mediaType,
        headers: [.xContentTypeOptions: "nosniff"]
      )
    }
    return documents
  }

  /// The paths of the files that every service has.
  static let paths = ["icon.svg"].map { folder + $0 } + ownFiles.map { folder + $0.name }

  private static let icon = unsafe Document(
    written(icon_svg()),
    type: "image/svg+xml",
    headers: [.xContentTypeOptions: "nosniff"]
  )

  private static func document(for service: Service) -> Document {
    let content = service.page
    let styles = content.files.filter { $0.kind == .style }
      .map { "<link rel=\"stylesheet\" href=\".\(folder)\($0.name)\">\n" }
    let scripts = content.scripts
      .map { "<script type=\"module\" src=\".\(folder)\($0)\"></script>\n" }
    let parts = [
      "{{title}}": escaped(content.title ?? service.name), "{{summary}}": escaped(service.summary),
      "{{styles}}": styles.joined(), "{{scripts}}": scripts.joined(), "{{content}}": content.body,
    ]
    return Document(
      filled(unsafe written(page_html()), with: parts),
      type: "text/html; charset=utf-8",
      headers: policy
    )
  }

  /// A text with its places filled in one pass, so that what is filled in is not searched again.
  private static func filled(_ text: String, with parts: [String: String]) -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "{{"), let end = rest.firstRange(of: "}}") {
      result += rest[..<start.lowerBound]
      result += parts[String(rest[start.lowerBound..<end.upperBound])] ?? ""
      rest = rest[end.upperBound...]
    }
    return result + rest
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}
