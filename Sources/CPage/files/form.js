// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { freshID, make } from "./dom.js";

const isFile = (schema) =>
  schema.type === "file" || ["binary", "byte"].includes(schema.format);

/** One field of a form: a label, a control, what it is for, and what is wrong with it. */
class Field {
  constructor(name, schema, isRequired) {
    this.name = name;
    this.schema = schema;
    this.isFile = isFile(schema);
    this.id = freshID(name);
    this.control = this.#makeControl();
    this.control.id = this.id;
    this.control.name = name;
    this.control.required = isRequired;
    this.problem = make("p", { className: "problem", id: `${this.id}-problem`, hidden: true });
    const help = make("p", { className: "help", id: `${this.id}-help` }, schema.description ?? "");
    if (!this.isFile && schema.minimum !== undefined && schema.maximum !== undefined) {
      help.append(` From ${schema.minimum} to ${schema.maximum}.`);
    }
    this.control.setAttribute("aria-describedby", `${help.id} ${this.problem.id}`);
    const label = make("label", { htmlFor: this.id }, make("code", {}, name));
    if (isRequired) label.append(make("span", { className: "required" }, " required"));
    this.element = make("div", { className: "field" }, label, this.control, help, this.problem);
  }

  #makeControl() {
    const { schema } = this;
    if (schema.enum || schema.type === "boolean") {
      const choices = schema.enum?.filter((choice) => choice !== null) ?? ["true", "false"];
      const select = make("select");
      if (schema.default == null) select.append(make("option", { value: "" }, "default"));
      for (const choice of choices) {
        select.append(make("option", { value: String(choice) }, String(choice)));
      }
      if (schema.default != null) select.value = String(schema.default);
      return select;
    }
    const input = make("input", { type: "text", autocomplete: "off" });
    if (this.isFile) {
      input.type = "file";
      const family = schema.format;
      if (["image", "video", "audio"].includes(family)) input.accept = `${family}/*`;
    } else if (schema.type === "integer" || schema.type === "number") {
      input.type = "number";
      input.step = schema.type === "integer" ? "1" : "any";
      if (schema.minimum !== undefined) input.min = schema.minimum;
      if (schema.maximum !== undefined) input.max = schema.maximum;
    }
    if (!this.isFile) {
      if (schema.default != null) input.value = this.#written(schema.default);
      else if (schema.default === null || schema.nullable) input.placeholder = "default";
    }
    return input;
  }

  #written(value) {
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }

  /** What was given: a text, or a file; null if it was left blank. */
  get value() {
    if (this.isFile) return this.control.files[0] ?? null;
    return this.control.value === "" ? null : this.control.value;
  }

  set value(value) {
    if (!this.isFile) this.control.value = value == null ? "" : this.#written(value);
  }

  /** Whether something is typed that is no number; the browser then gives no text at all. */
  get isUnreadable() {
    return this.control.validity.badInput;
  }

  show(problem) {
    this.problem.textContent = problem ?? "";
    this.problem.hidden = !problem;
    if (problem) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }
}

/** Whether there is anything to choose: not where only one value is allowed, and that is the default. */
const isOpen = (schema) => schema.enum?.filter((choice) => choice !== null).length !== 1;

/** The fields of a form, made from the properties of a JSON schema. */
export class Fields {
  constructor(properties, required = []) {
    this.all = Object.entries(properties)
      .filter(([name, schema]) => required.includes(name) || isOpen(schema))
      .map(([name, schema]) => new Field(name, schema, required.includes(name)));
    for (const field of this.all) field.control.addEventListener("input", () => field.show(null));
  }

  field(name) {
    return this.all.find((field) => field.name === name);
  }

  /** What is not blank, in order: `[name, text or file]`. */
  get given() {
    return this.all.map((field) => [field.name, field.value]).filter(([, value]) => value !== null);
  }

  /**
   * Says what is wrong beside the fields that it concerns, and moves to the first of them.
   *
   * Gives the messages that belong to no field of this form.
   */
  show(problems) {
    for (const field of this.all) field.show(null);
    const rest = [];
    let first = null;
    for (const { field: name, message } of problems) {
      const field = this.field(name);
      if (!field) {
        rest.push(message);
        continue;
      }
      field.show(message);
      first ??= field;
    }
    if (first) {
      for (let up = first.element.closest("details"); up; up = up.parentElement.closest("details")) {
        up.open = true;
      }
      first.control.focus();
    }
    return rest;
  }

  /** Whether every number is one; says so beside those that are not. */
  check() {
    const wrong = this.all.filter((field) => field.isUnreadable);
    this.show(wrong.map(({ name }) => ({ field: name, message: `${name} must be a number` })));
    return wrong.length === 0;
  }
}

/** A request's body as browsers send forms with files. */
export function formData(given) {
  const data = new FormData();
  for (const [name, value] of given) data.append(name, value);
  return data;
}
