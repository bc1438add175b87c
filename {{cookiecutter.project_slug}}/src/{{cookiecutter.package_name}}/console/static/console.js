// Starts the piece of each module that is there; a piece that cannot start says why.
import { addLanguages } from "./code.js";

const { paths } = await (await fetch("openapi.json")).json();

for (const section of document.querySelectorAll("[data-piece]")) {
  import(`./pieces/${section.id}.js`)
    .then(({ start }) => start(section, paths))
    .then(() => show(section))
    .catch((error) => explain(section, error));
}

function show(section) {
  for (const part of section.children) part.hidden = false;
  addLanguages(section.querySelector(".code"));
}

function explain(section, error) {
  const note = document.createElement("p");
  note.role = "alert";
  note.textContent =
    `This part cannot run (${error.message}). It imports clients/javascript/${section.id}.js, ` +
    "which a package has only beside it: start the service from its project or its image.";
  section.querySelector(".live").before(note);
}
