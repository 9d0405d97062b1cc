// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import HTTPTypes

/// The page at `/`: a form for each endpoint, made in the browser from `/schema.json`.
///
/// Everything comes from this server, and the policy lets nothing else in.
enum Page {
  static let scriptPath = "/static_content/page.js"
  static let stylePath = "/static_content/page.css"

  private static let policy: HTTPFields = {
    var headers: HTTPFields = [
      .contentSecurityPolicy: """
      default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
      media-src blob:; img-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
      """,
      .xContentTypeOptions: "nosniff",
    ]
    if let name = HTTPField.Name("referrer-policy") { headers[name] = "no-referrer" }
    return headers
  }()

  static let script = Document(
    scriptText,
    type: "text/javascript; charset=utf-8",
    headers: [.xContentTypeOptions: "nosniff"]
  )

  static let style = Document(
    styleText,
    type: "text/css; charset=utf-8",
    headers: [.xContentTypeOptions: "nosniff"]
  )

  /// The page itself; a service's name is a word, so it needs no escaping.
  static func document(for service: Service) -> Document {
    let links = ["docs.json", "schema.json", "healthz", "livez", "readyz", "metrics"]
      .map { "<li><a href=\"\($0)\">/\($0)</a>" }
      .joined(separator: "\n")
    let text = """
      <!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(service.name)</title>
      <link rel="stylesheet" href=".\(stylePath)">
      <script type="module" src=".\(scriptPath)"></script>
      <main>
      <h1>\(service.name)</h1>
      <h2>Service APIs</h2>
      <label>API key <input id="key" type="password" autocomplete="off">
      <small>Only if the server asks for one.</small></label>
      <div id="endpoints"><noscript>This page needs JavaScript; the API does not.</noscript></div>
      <h2>Infrastructure</h2>
      <ul>
      \(links)
      </ul>
      </main>
      </html>
      """
    return Document(text, type: "text/html; charset=utf-8", headers: policy)
  }

  private static let styleText = """
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
    body { margin: 0 }
    main { max-width: 46rem; margin: 0 auto; padding: 1rem }
    details { border: 1px solid #8886; border-radius: .5rem; padding: .5rem 1rem; margin: .5rem 0 }
    summary { cursor: pointer; font-weight: 600 }
    label { display: grid; grid-template-columns: 12rem 1fr; gap: .25rem 1rem; margin: .75rem 0 }
    label small { grid-column: 2; opacity: .75 }
    input, select, button { font: inherit; min-width: 0 }
    button { padding: .25rem 1rem; margin-right: .5rem }
    video, img { max-width: 100%; border-radius: .5rem }
    pre { white-space: pre-wrap; overflow-wrap: anywhere }
    @media (max-width: 32rem) {
      label { grid-template-columns: 1fr }
      label small { grid-column: 1 }
    }
    """

  private static let scriptText = #"""
    const make = (tag, properties, ...children) => {
      const element = Object.assign(document.createElement(tag), properties);
      element.append(...children);
      return element;
    };

    function inputFor(name, field, required) {
      if (field.enum || field.type === "boolean") {
        const choices = field.enum?.filter((choice) => choice !== null) ?? ["true", "false"];
        const select = make("select", { name, required });
        if (!required) select.append(make("option", { value: "", textContent: "" }));
        for (const choice of choices) select.append(make("option", {}, choice));
        select.value = field.default == null ? "" : String(field.default);
        return select;
      }
      const input = make("input", { name, required });
      if (field.type === "file") {
        input.type = "file";
        if (["image", "video", "audio"].includes(field.format)) input.accept = field.format + "/*";
      } else if (field.type === "integer" || field.type === "number") {
        input.type = "number";
        input.step = field.type === "integer" ? "1" : "any";
        if (field.minimum !== undefined) input.min = field.minimum;
        if (field.maximum !== undefined) input.max = field.maximum;
      }
      if (input.type !== "file" && field.default != null) input.value = field.default;
      return input;
    }

    function formData(form) {
      const data = new FormData();
      for (const [name, value] of new FormData(form)) {
        // What is left blank takes its default.
        if (value instanceof File ? value.size > 0 || value.name : value !== "") {
          data.append(name, value);
        }
      }
      return data;
    }

    async function show(response, output) {
      const type = response.headers.get("content-type") ?? "";
      const name = /filename="([^"]*)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
      if (!response.ok || type.startsWith("application/json") || type.startsWith("text/")) {
        const text = await response.text();
        output.append(make("pre", {}, text));
        return;
      }
      const href = URL.createObjectURL(await response.blob());
      if (type.startsWith("video/")) {
        output.append(make("video", { src: href, controls: true, autoplay: true, loop: true, muted: true }));
      } else if (type.startsWith("image/")) {
        output.append(make("img", { src: href, alt: "The result" }));
      }
      output.append(make("p", {}, make("a", { href, download: name ?? "result" }, "Save " + (name ?? "the result"))));
    }

    const key = document.getElementById("key");

    function formFor(route) {
      const required = new Set(route.input.required ?? []);
      const form = make("form", {});
      for (const [name, field] of Object.entries(route.input.properties)) {
        form.append(
          make("label", {}, name, inputFor(name, field, required.has(name)),
            make("small", {}, field.description ?? "")));
      }
      const execute = make("button", { type: "submit" }, "Execute");
      const cancel = make("button", { type: "button", disabled: true }, "Cancel");
      const status = make("p", { role: "status" });
      const output = make("div", {});
      form.append(execute, cancel);
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        for (const element of output.querySelectorAll("[src], [href]")) {
          URL.revokeObjectURL(element.src ?? element.href);
        }
        output.replaceChildren();
        const controller = new AbortController();
        const start = Date.now();
        const elapsed = () => Math.round((Date.now() - start) / 1000) + " s";
        const clock = setInterval(() => { status.textContent = "Working: " + elapsed(); }, 1000);
        status.textContent = "Working";
        execute.disabled = true;
        cancel.disabled = false;
        cancel.onclick = () => controller.abort();
        try {
          const response = await fetch("." + route.route, {
            method: "POST", body: formData(form), signal: controller.signal,
            headers: key.value ? { Authorization: "Bearer " + key.value } : {},
          });
          await show(response, output);
          status.textContent = response.status + " after " + elapsed();
        } catch (error) {
          status.textContent = controller.signal.aborted ? "Cancelled" : "Failed: " + error.message;
        } finally {
          clearInterval(clock);
          execute.disabled = false;
          cancel.disabled = true;
        }
      });
      const details = make("details", {},
        make("summary", {}, "POST " + route.route + " ", make("code", {}, route.name)),
        make("p", {}, route.doc ?? ""), form, status, output);
      return details;
    }

    const endpoints = document.getElementById("endpoints");
    try {
      const schema = await (await fetch("./schema.json")).json();
      endpoints.replaceChildren(...schema.routes.map(formFor));
      if (schema.routes.length === 1) endpoints.firstElementChild.open = true;
    } catch (error) {
      endpoints.textContent = "The schema cannot be loaded: " + error.message;
    }
    """#
}
