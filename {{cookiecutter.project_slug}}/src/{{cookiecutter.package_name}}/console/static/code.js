// The request of a section as code, in the language that the reader has chosen for all sections.
const NAMES = { curl: "curl", python: "Python", javascript: "JavaScript" };
const KEPT = "language of examples";

/** Adds the choice of a language to the `<pre data-language="…">`s of a section. */
export function addLanguages(code) {
  const choice = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = "The same request";
  choice.append(legend);
  for (const pre of code.querySelectorAll("pre")) {
    const label = document.createElement("label");
    const radio = document.createElement("input");
    Object.assign(radio, { type: "radio", name: code.id, value: pre.dataset.language });
    radio.addEventListener("change", () => choose(radio.value));
    label.append(radio, NAMES[radio.value]);
    choice.append(label);
    pre.tabIndex = 0; // to be scrolled by keys
  }
  code.prepend(choice);
  if (navigator.clipboard) code.append(copyButton(code));
  choose(localStorage.getItem(KEPT) ?? "curl");
}

function choose(language) {
  localStorage.setItem(KEPT, language);
  for (const radio of document.querySelectorAll(".code input")) {
    radio.checked = radio.value === language;
  }
  for (const pre of document.querySelectorAll(".code pre")) {
    pre.hidden = pre.dataset.language !== language;
  }
}

function copyButton(code) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: "Copy", className: "quiet" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.querySelector("pre:not([hidden])").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

/** Writes the code of a section anew: `{url}` and other names in braces stand for `values`. */
export function writeCode(section, values) {
  for (const pre of section.querySelectorAll("pre[data-language]")) {
    pre.template ??= pre.textContent;
    // Quotes would end the strings of the code; URLs may have them escaped.
    const value = (_, name) => values[name].replaceAll("'", "%27");
    pre.textContent = pre.template.replace(/\{(\w+)\}/g, value);
  }
}
