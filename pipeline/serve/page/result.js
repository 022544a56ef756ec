// The panel beside the image: what the model says of one radiograph, in words.

import { inline } from "./card.js";
import { make, percent } from "./dom.js";
import { DECISIONS, POINTS, refusal } from "./words.js";

/** The panel of one radiograph; `onregion(place or null)` hears which region is looked at. */
export function panel(film, onregion) {
  if (film.state === "waiting") return [make("h2", {}, film.name), make("p", { class: "busy" }, "Being read …")];
  if (film.state === "failed") return failed(film.name, film.error);
  const { result, model } = film;
  if (result.error) return refused(film.name, result.error);
  const decision = DECISIONS[result.decision];
  const head = [
    make("h2", {}, film.name), drawn(film),
    make("p", { class: `decision ${decision.tone}` }, decision.title), make("p", {}, decision.means),
  ];
  const rest = result.decision === "out of scope"
    ? [make("p", { class: "reason" }, sentence(result.scope.reason))]
    : [...probability(result, model), ...regions(result, onregion), ...notes(result.notes)];
  return [...head, ...rest, signature(film.answeredBy)];
}

export const outOfScope = (result) => result?.decision === "out of scope";

/** One line on a radiograph, for the list and for who listens. */
export function summary(film) {
  if (film.state === "waiting") return { title: "Being read", tone: "busy" };
  if (film.state === "failed") return { title: film.error.title, tone: "refused" };
  if (film.result.error) return { title: refusal(film.result.error).title, tone: "refused" };
  return DECISIONS[film.result.decision];
}

function drawn(film) {
  return film.isDrawn ? make("p", { class: "drawn" }, "A drawn phantom: a picture of nobody.") : null;
}

function failed(name, error) {
  return [
    make("h2", {}, name), make("p", { class: "decision refused" }, error.title),
    make("p", {}, error.advice), make("p", { class: "reason" }, error.detail),
  ];
}

function refused(name, error) {
  const { title, detail, advice } = refusal(error);
  return [
    make("h2", {}, name), make("p", { class: "decision refused" }, title),
    make("p", {}, advice), make("p", { class: "reason" }, sentence(detail)),
  ];
}

function probability(result, model) {
  const rows = Object.entries(POINTS).map(([name, { title, purpose, above, below }]) => {
    const threshold = thresholdOf(model, name);
    return make("li", {}, make("strong", {}, `${title}, ${percent(threshold)}`),
      make("span", {}, result.probability >= threshold ? above : below), make("span", { class: "quiet" }, purpose));
  });
  return [
    make("p", { class: "probability" }, "Probability of a fracture ", make("strong", {}, percent(result.probability))),
    scale(result.probability, model), make("ul", { class: "points" }, rows),
  ];
}

/** A bar from 0 to 1 with both thresholds; the words beside it say the same. */
function scale(value, model) {
  const bar = make("div", { class: "scale", "aria-hidden": "true" });
  const marks = Object.keys(POINTS).map((name) => [thresholdOf(model, name), "threshold"]);
  for (const [share, kind] of [...marks, [value, "here"]]) {
    const mark = make("span", { class: kind });
    mark.style.left = `${100 * share}%`;
    bar.append(mark);
  }
  return bar;
}

function thresholdOf(model, name) {
  return model.operating_points[name].threshold;
}

function regions(result, onregion) {
  if (result.region_stands_out === false) {
    return [make("h3", {}, "Where"), make("p", {}, "No place is likely enough to be shown.")];
  }
  if (!result.regions.length) return [];
  const items = result.regions.map((region, at) => {
    const sure = region.operating_point === "high_specificity" ? "likely" : "possible";
    const words = `${at + 1}: ${sure}, ${percent(region.score)}; ${region.position.words}`;
    return make("li", {}, make("button", {
      type: "button", class: `region ${sure}`,
      onmouseenter: () => onregion(at), onmouseleave: () => onregion(null),
      onfocus: () => onregion(at), onblur: () => onregion(null), onclick: () => onregion(at),
    }, words));
  });
  return [make("h3", {}, "Where"), make("ul", { class: "regions" }, items)];
}

function notes(all) {
  if (!all.length) return [];
  const items = all.map(({ code, detail }) => make("li", {},
    make("strong", {}, code.replaceAll("_", " ")), ": ", inline(detail)));
  return [make("h3", {}, "Notes"), make("ul", { class: "notes" }, items)];
}

function signature(model) {
  return make("p", { class: "answered" }, `Answered by ${modelName(model)}.`);
}

/** A model in a line, as its own records name it. */
export function modelName({ name, sha256, learnt_from }) {
  return `${name} (bundle ${sha256}), learnt from ${learnt_from}`;
}

function sentence(text) {
  return text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
}
