// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

const drop = document.getElementById("drop");
const input = document.getElementById("picture");
const shown = document.getElementById("picture-shown");
const name = document.getElementById("picture-name");
const problem = document.getElementById("picture-problem");
const words = drop.querySelector(".drop-words");

/** The picture that a clip is to be made of: dropped, pasted, chosen, or that of an older clip. */
export const picture = {
  /** A file, or null. */
  file: null,

  use(file) {
    picture.file = file;
    picture.show(null);
    URL.revokeObjectURL(shown.src);
    shown.src = URL.createObjectURL(file);
    shown.hidden = false;
    words.hidden = true;
    name.textContent = `${file.name}: choose another`;
    name.hidden = false;
    drop.classList.add("full");
    drop.dispatchEvent(new Event("input", { bubbles: true }));
  },

  /** Says what is wrong with the picture, or that nothing is. */
  show(message) {
    problem.textContent = message ?? "";
    problem.hidden = !message;
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  },

  focus() {
    input.focus();
  },
};

function take(files) {
  const file = [...files].find((candidate) => candidate.type.startsWith("image/")) ?? files[0];
  if (file) picture.use(file);
  return Boolean(file);
}

// Formats that the browser cannot show may still be ones that the server reads.
shown.addEventListener("error", () => { shown.hidden = true; });
input.addEventListener("change", (event) => {
  event.stopPropagation();
  take(input.files);
});

// The whole window takes a picture, so that one that misses the box does not replace the page.
addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
addEventListener("drop", (event) => {
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  // A file that is let go over another file field is meant for that one.
  if (event.target.matches("input[type=file]")) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length && take(event.clipboardData.files)) event.preventDefault();
});
