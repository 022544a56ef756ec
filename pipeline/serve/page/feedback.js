// What the reader says of an answer: a reading, with boxes, sent together with the radiograph.

import { make } from "./dom.js";

const LABELS = { true: "Fracture", false: "No fracture", null: "Cannot tell" };
const OF_DECISION = { "fracture": true, "no finding": false };
const NAME = "reader"; // kept for this tab alone

/** What a film starts with: nothing said, no box drawn. */
export const unread = () => ({ fractured: undefined, boxes: [], state: "open", words: "", onItsWay: false });

/** Whether the reader agrees with the model: "agree", "disagree", or "" where one of them does not commit. */
export function verdict(decision, fractured) {
  const modelSays = OF_DECISION[decision];
  if (modelSays === undefined || typeof fractured !== "boolean") return "";
  return modelSays === fractured ? "agree" : "disagree";
}

/** Say that a reader agrees or disagrees; false where the model does not commit, so that neither is possible. */
export function judge(film, agrees) {
  const modelSays = OF_DECISION[film.result?.decision];
  if (modelSays === undefined) return false;
  film.reading.fractured = agrees ? modelSays : !modelSays;
  return true;
}

/** Fill the form for one film; `act` holds what its buttons do: change, save, draw, take, remove, focus. */
export function fill(form, film, act) {
  const { reading, result } = film;
  const commits = OF_DECISION[result.decision] !== undefined;
  const choices = [true, false, null].map((value) => make("label", {},
    make("input", {
      type: "radio", name: "fractured", value: String(value), checked: reading.fractured === value,
      onchange: () => act.change(() => { reading.fractured = value; }),
    }), ` ${LABELS[value]}`));
  const boxes = reading.boxes.map((box, at) => make("li", {},
    make("button", { type: "button", onclick: () => act.focus(at) }, `Box ${at + 1}, ${box.origin}`),
    make("button", { type: "button", "aria-label": `Remove box ${at + 1}`, onclick: () => act.remove(at) }, "×")));
  form.replaceChildren(
    make("h3", {}, "Your reading"),
    commits ? make("div", { class: "buttons" },
      pressed("Agree", reading.fractured === OF_DECISION[result.decision], () => act.judge(true)),
      pressed("Disagree", reading.fractured === !OF_DECISION[result.decision], () => act.judge(false))) : "",
    make("fieldset", {}, make("legend", {}, "What you see"), choices),
    make("div", { class: "buttons" },
      make("button", { type: "button", id: "draw", onclick: act.draw }, "Draw a box"),
      result.regions.length
        ? make("button", { type: "button", id: "take", onclick: act.take }, "Correct the model's boxes") : ""),
    make("ul", { class: "own-boxes" }, boxes),
    make("label", {}, "Your name, if you like ", make("input", {
      id: "reader", maxlength: 100, autocomplete: "off", value: sessionStorage.getItem(NAME) ?? "",
      oninput: (event) => sessionStorage.setItem(NAME, event.target.value),
    })),
    make("p", { class: "hint" }, "Saving stores this radiograph with your reading on the service's disk."),
    make("button", { id: "save", disabled: reading.fractured === undefined || reading.onItsWay }, "Save reading"),
    make("p", { class: `saved ${reading.state}` }, reading.words));
  form.onsubmit = (event) => { event.preventDefault(); act.save(); };
}

function pressed(words, is, onclick) {
  return make("button", { type: "button", "aria-pressed": String(is), onclick }, words);
}

/** The reading as the service takes it: the answer itself it asks of its model again. */
export function asSent({ reading, result, answeredBy }) {
  return {
    fractured: reading.fractured, boxes: reading.boxes, reader: sessionStorage.getItem(NAME) ?? "",
    decision: result.decision, model: answeredBy.sha256,
  };
}
