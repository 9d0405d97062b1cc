// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

import { freshID, make } from "./dom.js";

/** What the words set; null leaves a field at its default. */
const groups = {
  motion: {
    Gentle: { motion_bucket_id: 50, noise_aug_strength: null },
    Lively: { motion_bucket_id: null, noise_aug_strength: null },
    Wild: { motion_bucket_id: 200, noise_aug_strength: 0.1 },
  },
  quality: {
    Draft: { num_inference_steps: 8 },
    Standard: { num_inference_steps: null },
    Fine: { num_inference_steps: 50 },
  },
};

/** A word for what a group of fields says; the fields stay the only truth. */
class Choice {
  constructor(fieldset, presets, fields, onChange) {
    this.fields = fields;
    this.inputs = [];
    const known = Object.entries(presets).map(([word, values]) =>
      [word, Object.entries(values).filter(([name]) => fields.field(name))]);
    fieldset.hidden = known.some(([, values]) => values.length === 0);
    const row = make("div", { className: "choice-row" });
    for (const [word, values] of known) {
      const input = make("input", { type: "radio", name: fieldset.id, id: freshID(word) });
      input.addEventListener("change", () => {
        for (const [name, value] of values) {
          const field = fields.field(name);
          field.value = value ?? field.schema.default ?? null;
          field.show(null);
        }
        onChange();
      });
      row.append(input, make("label", { htmlFor: input.id }, word));
      this.inputs.push([input, values]);
    }
    fieldset.append(row);
  }

  /** Marks the word that says what the fields hold; none if they hold something else. */
  show() {
    for (const [input, values] of this.inputs) {
      input.checked = values.every(([name, value]) => {
        const field = this.fields.field(name);
        return String(field.value ?? "") === String(value ?? field.schema.default ?? "");
      });
    }
  }
}

/** Fills the groups of words for these fields; gives a function that marks what the fields hold. */
export function makePresets(fields) {
  const choices = Object.entries(groups).map(([id, presets]) =>
    new Choice(document.getElementById(id), presets, fields, () => show()));
  const show = () => {
    for (const choice of choices) choice.show();
  };
  show();
  return show;
}
