// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { call } from "./server.js";
import { hasEnded } from "./words.js";

const at = (id, rest = "") => `/jobs/${encodeURIComponent(id)}${rest}`;
const json = async (path, options) => (await call(path, options)).json();

/** Unlike `crypto.randomUUID`, this also works where the page came over plain HTTP. */
export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0")).join("");
}

export const jobs = {
  /** A page of jobs, the newest first; null if this server keeps none. */
  async list(after) {
    const query = new URLSearchParams({ limit: 12, order: "desc" });
    if (after) query.set("after", after);
    try {
      return await json(`/jobs?${query}`);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  },
  get: (id) => json(at(id)),
  /** Gives the jobs, several if `num_clips` says so. */
  submit: async (body, key) => {
    const answer = await json("/jobs", { method: "POST", body, headers: { "idempotency-key": key } });
    return answer.jobs ?? [answer];
  },
  cancel: (id) => json(at(id, "/cancel"), { method: "POST" }),
  retry: (id) => json(at(id, "/retry"), { method: "POST" }),
  extend: (id) =>
    json(at(id, "/extend"), { method: "POST", body: "{}", headers: { "content-type": "application/json" } }),
  remove: (id) => call(at(id), { method: "DELETE" }),
};

/** The events in a stream of server-sent events: `{id, event, data}`. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { data: [] };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (event.data.length) yield { ...event, data: event.data.join("\n") };
        event = { data: [], id: event.id };
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data") event.data.push(text);
      else event[name] = text;
    }
  }
}

/** What is in a `data:` address; to `fetch` it the security policy would have to be loosened. */
function blobOf(address) {
  const [head, text] = address.split(",", 2);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: head.replace(/^data:|;.*/g, "") });
}

/**
 * Tells `job(job)` and `preview(blob)` what happens to a job until it ended.
 *
 * A lost connection is taken up again where it broke. `fetch` and not EventSource, which cannot send
 * a key.
 */
export async function follow(id, signal, { job: onJob, preview: onPreview }) {
  let last;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const headers = last === undefined ? {} : { "last-event-id": last };
      const response = await call(at(id, "/events"), { signal, headers });
      for await (const event of events(response.body)) {
        failures = 0;
        if (event.id !== undefined) last = event.id;
        const data = JSON.parse(event.data);
        if (event.event === "preview") onPreview(blobOf(data.url));
        else onJob(data);
        if (event.event === "end") return;
      }
      // The stream may have ended before its last event came through.
      const now = await jobs.get(id);
      onJob(now);
      if (hasEnded(now)) return;
    } catch (error) {
      if (signal.aborted || (error.status >= 400 && error.status < 500)) throw error;
    }
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, Math.min(8000, 250 * 2 ** failures)));
  }
}
