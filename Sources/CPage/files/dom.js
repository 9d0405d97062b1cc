// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

/** Makes an element; texts go in as texts, never as markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

let count = 0;

/** An id that no other element of the page has. */
export function freshID(name) {
  count += 1;
  return `${name.replace(/[^a-z0-9]+/gi, "-")}-${count}`;
}

/** Saves a file under a name, as a click on a link does. */
export function save(url, name) {
  const link = make("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}
