// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

const slot = "api-key";

/** The API key; in this tab's session only, so that it is gone when the tab is. */
export const access = {
  get key() {
    return sessionStorage.getItem(slot) ?? "";
  },
  set key(value) {
    if (value) sessionStorage.setItem(slot, value);
    else sessionStorage.removeItem(slot);
    document.dispatchEvent(new Event("accesschange"));
  },
};

/** What the server said instead of what it was asked for. */
export class Refusal extends Error {
  constructor(response, text) {
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
    const said = body?.error?.message ?? body?.error ?? text.trim();
    const detail = Array.isArray(body?.detail) ? body.detail : [];
    super(typeof said === "string" && said ? said : `The server answered ${response.status}.`);
    this.status = response.status;
    /** What is wrong with each field: `{field, message}`. */
    this.problems = detail
      .filter((problem) => problem?.msg)
      .map((problem) => ({ field: problem.loc?.at(-1), message: problem.msg }));
    const named = body?.error?.param;
    if (!this.problems.length && named) this.problems = [{ field: named, message: this.message }];
    this.retryAfter = Number(response.headers.get("retry-after")) || null;
  }
}

/** A path of this server as an address, also where a proxy serves it under a longer path. */
export function address(path) {
  return new URL(path.startsWith("/") ? `.${path}` : path, document.baseURI).href;
}

/** Sends a request with the key, if there is one, and gives the answer whatever it is. */
export function send(path, options = {}) {
  const headers = new Headers(options.headers);
  if (access.key && !headers.has("authorization")) {
    headers.set("authorization", `Bearer ${access.key}`);
  }
  return fetch(address(path), { ...options, headers });
}

/** As `send`, but what is no success is thrown as a `Refusal`. */
export async function call(path, options = {}) {
  const response = await send(path, options);
  if (!response.ok) {
    const refusal = new Refusal(response, await response.text());
    if (refusal.status === 401) document.dispatchEvent(new Event("accessneeded"));
    throw refusal;
  }
  return response;
}

/** An address for a picture or a video: the server's own, or a copy's where a key is needed. */
export async function source(path, options = {}) {
  if (!access.key) return { url: address(path), release() {} };
  const url = URL.createObjectURL(await (await call(path, options)).blob());
  return { url, release: () => URL.revokeObjectURL(url) };
}
