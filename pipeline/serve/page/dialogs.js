// What opens over the page: the model with its card, the keys, and the question for a token.

import { inline, render } from "./card.js";
import { $, make, percent } from "./dom.js";
import { modelName } from "./result.js";
import { KEYS, POINTS } from "./words.js";

for (const name of ["model", "keys"]) {
  $(`open-${name}`).addEventListener("click", () => $(name).showModal());
}

$("key-list").replaceChildren(...KEYS.flatMap(([keys, what]) => [
  make("dt", {}, keys.split(", ").flatMap((key, at) => [at ? ", " : "", make("kbd", {}, key)])), make("dd", {}, what),
]));

export function fillModel(record) {
  const points = Object.entries(record.operating_points).map(([name, { threshold, target, meaning }]) => make("li", {},
    make("strong", {}, POINTS[name].title), ` at ${percent(threshold)}`,
    target ? `, to reach ${percent(target)} on validation` : "", ": ", inline(meaning), "."));
  const scope = record.scope?.body_parts.length ? `It learnt from: ${record.scope.body_parts.join(", ")}.` : "";
  const notes = record.notes.map(({ detail }) => make("li", {}, inline(detail)));
  $("model-words").replaceChildren(
    make("p", {}, modelName(record.model)), make("ul", {}, points), make("p", {}, scope),
    make("ul", { class: "notes" }, notes),
    make("section", { "aria-label": "Model card" }, record.card ? render(record.card) : make("p", {}, "It has no card.")));
}

/** Ask the reader for a token; "" where none is given. */
export function askForToken() {
  return new Promise((given) => {
    $("token-value").value = "";
    $("token").addEventListener("close", () => given($("token-value").value.trim()), { once: true });
    $("token").showModal();
  });
}
