// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/** A word of a POSIX shell that stands for exactly this text. */
function shell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A text as Python writes it: JSON's way, which Python reads alike. */
const python = (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f");

/** curl takes a semicolon or comma in a file's name for its own unless it is quoted. */
function curlFile(file) {
  const name = `"${file.name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  const plain = /^[\w./-]+$/.test(file.name) ? file.name : name;
  return `@${plain}${file.type ? `;type=${file.type}` : ""}`;
}

/**
 * A request as a line for curl. The key is left to a variable of the shell, so that it does not end
 * up where the line is pasted.
 */
export function asCurl({ method, url, headers, body, fields, needsKey, output }) {
  const parts = [method === "GET" ? "curl" : `curl -X ${method}`];
  parts[0] += ` ${shell(url)}`;
  if (needsKey) parts.push('-H "Authorization: Bearer $API_KEY"');
  for (const [name, value] of headers) parts.push(`-H ${shell(`${name}: ${value}`)}`);
  for (const [name, value] of fields) {
    if (value instanceof File) parts.push(`-F ${shell(`${name}=${curlFile(value)}`)}`);
    // A value that begins with @ or < would be read from a file by -F.
    else parts.push(`${/^[@<]|;/.test(value) ? "--form-string" : "-F"} ${shell(`${name}=${value}`)}`);
  }
  if (body) parts.push("-H 'Content-Type: application/json'", `-d ${shell(body)}`);
  if (output) parts.push(`-o ${shell(output)}`);
  return parts.join(" \\\n  ");
}

/** A request as a Python program that uses the package `requests`. */
export function asPython({ method, url, headers, body, fields, needsKey, output }) {
  const lines = [needsKey ? "import os\n\nimport requests" : "import requests", ""];
  const given = [python(url)];
  const written = headers.map(([name, value]) => `${python(name)}: ${python(value)}`);
  if (needsKey) written.unshift(`"Authorization": f"Bearer {os.environ['API_KEY']}"`);
  if (body) written.push('"Content-Type": "application/json"');
  if (written.length) given.push(`headers={${written.join(", ")}}`);
  const files = fields.filter(([, value]) => value instanceof File);
  const texts = fields.filter(([, value]) => !(value instanceof File));
  const tuples = [
    ...files.map(([name, file]) => {
      const type = file.type ? `, ${python(file.type)}` : "";
      return `(${python(name)}, (${python(file.name)}, open(${python(file.name)}, "rb")${type}))`;
    }),
    // Where there is no file, parts without a name keep the body a multipart one.
    ...(files.length ? [] : texts.map(([name, value]) => `(${python(name)}, (None, ${python(value)}))`)),
  ];
  if (tuples.length) given.push(`files=[${tuples.join(", ")}]`);
  if (files.length && texts.length) {
    given.push(`data={${texts.map(([name, value]) => `${python(name)}: ${python(value)}`).join(", ")}}`);
  }
  if (body) given.push(`data=${python(body)}`);
  lines.push(`response = requests.${method.toLowerCase()}(`);
  for (const argument of given) lines.push(`    ${argument},`);
  lines.push(")", "response.raise_for_status()");
  if (output) {
    lines.push(`with open(${python(output)}, "wb") as file:`, "    file.write(response.content)");
  } else {
    lines.push("print(response.text)");
  }
  return lines.join("\n");
}
