// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { make } from "./dom.js";
import { operationElements } from "./operations.js";
import { access, call, send } from "./server.js";

const panel = document.getElementById("access");
const key = document.getElementById("key");

function showAccess() {
  panel.querySelector("summary").textContent = access.key ? "API key: set" : "API key";
}

key.value = access.key;
showAccess();
document.getElementById("access-form").addEventListener("submit", (event) => {
  event.preventDefault();
  access.key = key.value.trim();
  panel.open = false;
  panel.querySelector("summary").focus();
});
document.addEventListener("accesschange", showAccess);
document.addEventListener("accessneeded", () => {
  panel.open = true;
  key.focus();
});

/** Says whether the server can take work, until it can. */
async function watchReadiness() {
  const readiness = document.getElementById("readiness");
  for (;;) {
    let isReady = false;
    try {
      isReady = (await send("/readyz")).ok;
      readiness.textContent = isReady ? "Ready" : "The model is being loaded";
    } catch {
      readiness.textContent = "The server cannot be reached";
    }
    readiness.classList.toggle("ready", isReady);
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function showOperations() {
  const operations = document.getElementById("operations");
  try {
    const openAPI = await (await call("/docs.json")).json();
    const elements = operationElements(openAPI);
    operations.replaceChildren(...elements);
    // A service that is all there is on the page can be used at once.
    if (!document.querySelector("main > .studio")) elements[0].open = true;
  } catch (error) {
    operations.replaceChildren(
      make("p", { className: "problem" }, `The endpoints cannot be listed: ${error.message}`),
    );
  }
}

watchReadiness();
showOperations();
