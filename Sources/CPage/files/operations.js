// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { make } from "./dom.js";
import { Fields, formData } from "./form.js";
import { asCurl, asPython } from "./samples.js";
import { access, address, Refusal, send } from "./server.js";
import { show } from "./answer.js";

const multipart = "multipart/form-data";

/** Follows the references of an OpenAPI document. */
function resolver(openAPI) {
  return function resolve(value) {
    let found = value;
    for (let depth = 0; found?.$ref && depth < 8; depth += 1) {
      found = found.$ref.slice(2).split("/").reduce((place, name) => place?.[name], openAPI);
    }
    return found ?? {};
  };
}

/** What a form needs to know of an operation. */
function described(path, method, operation, shared, resolve) {
  const parameters = [...shared, ...(operation.parameters ?? [])].map(resolve);
  const content = resolve(operation.requestBody).content ?? {};
  const bodyType = content[multipart] ? multipart : Object.keys(content)[0];
  const schema = resolve(content[bodyType]?.schema);
  const accepted = content[bodyType]?.encoding ?? {};
  const properties = {};
  const required = [...(schema.required ?? [])];
  for (const parameter of parameters) {
    properties[parameter.name] = {
      ...resolve(parameter.schema), description: parameter.description,
    };
    if (parameter.required) required.push(parameter.name);
  }
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const family = /^(image|video|audio)\//.exec(accepted[name]?.contentType ?? "")?.[1];
    const property = resolve(value);
    properties[name] = family && property.format === "binary"
      ? { ...property, type: "file", format: family }
      : property;
  }
  const answers = Object.entries(operation.responses ?? {})
    .filter(([status]) => status.startsWith("2"))
    .flatMap(([, response]) => Object.keys(resolve(response).content ?? {}));
  return { path, method: method.toUpperCase(), operation, parameters, bodyType, properties,
    required, answers };
}

/** The request that the fields make. */
function requestOf(description, fields) {
  const { path, method, parameters, bodyType } = description;
  const places = new Map(parameters.map((parameter) => [parameter.name, parameter.in]));
  const query = new URLSearchParams();
  const headers = [];
  const parts = [];
  let filled = path;
  for (const [name, value] of fields.given) {
    const place = places.get(name);
    if (place === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query") query.append(name, value);
    else if (place === "header") headers.push([name, value]);
    else parts.push([name, value]);
  }
  if (query.size) filled += `?${query}`;
  const isJSON = bodyType !== undefined && bodyType !== multipart;
  return {
    path: filled, method, headers, url: address(filled), needsKey: access.key !== "",
    fields: isJSON ? [] : parts,
    body: isJSON ? JSON.stringify(Object.fromEntries(parts.map(typed(description)))) : null,
    output: outputName(description, fields),
  };
}

const typed = ({ properties }) => ([name, value]) => {
  if (["string", "file"].includes(properties[name]?.type)) return [name, value];
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
};

/** The name that a file in the answer is saved under; null where the answer is text. */
function outputName({ answers }, fields) {
  const type = answers.find((answer) => /^(video|image|audio)\/|zip|octet/.test(answer));
  if (!type) return null;
  const format = fields.field("format")?.value;
  const kind = type.split("/")[1];
  return `output.${format ?? (kind === "*" ? "mp4" : kind.replace("octet-stream", "bin"))}`;
}

function sampleBlock(title) {
  const code = make("code");
  const copy = make("button", { type: "button", className: "quiet" }, "Copy");
  copy.setAttribute("aria-label", `Copy the ${title} sample`);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      // Without the permission to write, the text is selected, and the person copies it.
      getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  const head = make("div", { className: "sample-head" }, make("p", { className: "sample-title" }, title), copy);
  return { code, element: make("div", { className: "sample" }, head, make("pre", {}, code)) };
}

/** One operation: its form, the request in other languages, and what came of it. */
function operationElement(description) {
  const { operation, method, path } = description;
  const fields = new Fields(description.properties, description.required);
  const execute = make("button", { type: "submit", className: "primary" }, "Execute");
  const cancel = make("button", { type: "button", disabled: true }, "Cancel");
  const status = make("p", { role: "status", className: "status" });
  const output = make("div", { className: "output" });
  const curl = sampleBlock("curl");
  const program = sampleBlock("Python");
  const form = make("form", { noValidate: true },
    ...fields.all.map((field) => field.element),
    make("div", { className: "actions" }, execute, cancel));
  const write = () => {
    const request = requestOf(description, fields);
    curl.code.textContent = asCurl(request);
    program.code.textContent = asPython(request);
  };
  form.addEventListener("input", write);
  document.addEventListener("accesschange", write);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!fields.check()) return;
    // All else that is missing is for the server to say, but without these there is no path.
    const missing = description.parameters.filter(({ name, in: place }) =>
      place === "path" && fields.field(name).value === null);
    fields.show(missing.map(({ name }) => ({ field: name, message: `${name} is required` })));
    if (missing.length) return;
    output.replaceChildren();
    const controller = new AbortController();
    const start = performance.now();
    const elapsed = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
    const clock = setInterval(() => { status.textContent = `Working: ${elapsed()}`; }, 1000);
    status.textContent = "Working";
    execute.disabled = true;
    cancel.disabled = false;
    cancel.onclick = () => controller.abort();
    const request = requestOf(description, fields);
    try {
      const response = await send(request.path, {
        method, headers: request.headers, signal: controller.signal,
        ...bodyOf(description, request),
      });
      const text = await show(response, output);
      const problems = response.ok || text === null ? [] : new Refusal(response, text).problems;
      fields.show(problems);
      status.textContent = `${response.status} after ${elapsed()}`;
    } catch (error) {
      status.textContent = controller.signal.aborted ? "Cancelled" : `Failed: ${error.message}`;
    } finally {
      clearInterval(clock);
      execute.disabled = false;
      cancel.disabled = true;
    }
  });
  const summary = make("summary", {}, make("span", { className: `method ${method.toLowerCase()}` }, method),
    " ", make("code", {}, path), " ", make("span", { className: "about" }, operation.summary ?? ""));
  const details = make("details", { className: "operation" }, summary);
  // Most are never opened; what is inside is made when one is.
  details.addEventListener("toggle", () => {
    if (details.childElementCount > 1) return;
    write();
    details.append(make("div", { className: "inside" },
      operation.description ? make("p", {}, operation.description) : null,
      form, status, output,
      make("div", { className: "samples" }, curl.element, program.element)));
  });
  return details;
}

function bodyOf(description, request) {
  if (description.method === "GET" || description.bodyType === undefined) return {};
  if (request.body !== null) return { body: request.body };
  return { body: formData(request.fields) };
}

/** Every operation of an OpenAPI document, under the headings of its tags. */
export function operationElements(openAPI) {
  const resolve = resolver(openAPI);
  const groups = new Map((openAPI.tags ?? []).map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(openAPI.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const operation = item[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? "Service APIs";
      if (!groups.has(tag)) groups.set(tag, []);
      const description = described(path, method, operation, item.parameters ?? [], resolve);
      groups.get(tag).push(operationElement(description));
    }
  }
  const elements = [];
  for (const [tag, operations] of groups) {
    if (!operations.length) continue;
    // The page's own heading is that of this group.
    if (tag !== "Service APIs") elements.push(make("h3", {}, tag));
    elements.push(...operations);
  }
  return elements;
}
