// The radiographs of this visit, and their list at the side. Nothing of them is kept after the page is closed.

import { $, decoded, make, say } from "./dom.js";
import { unread } from "./feedback.js";
import { summary } from "./result.js";

const THUMBNAIL_PX = 64;

export const films = [];
let shown = null;
let seen = null; // the one that was shown when the list was drawn last
let onselect = () => {};

export function listTo(select) {
  onselect = select;
}

export const current = () => shown;

/** Put files on the list, to be read; the first one is shown where none is yet. */
export function add(files, isDrawn = false) {
  const added = files.map((file) => ({ file, name: file.name, isDrawn, state: "waiting", reading: unread() }));
  films.push(...added);
  if (added.length && (!shown || isDrawn)) select(added[0]);
  draw();
  return added;
}

/** Note what became of a film, and tell it. */
export async function settle(film, values) {
  Object.assign(film, values);
  if (film.result?.image) film.thumbnail = await thumbnail(film.result.image);
  say(`${film.name}: ${summary(film).title}`);
  draw();
  if (film === shown) onselect(film);
}

export function select(film) {
  shown = film;
  draw();
  onselect(film);
}

export function step(by) {
  const at = films.indexOf(shown) + by;
  if (films[at]) select(films[at]);
}

/** Put films of one study beside each other, where the first of them stands. */
export function arrange(some) {
  const first = films.indexOf(some[0]);
  const order = [...new Set(some.map(group))];
  const sorted = some.toSorted((one, other) => order.indexOf(group(one)) - order.indexOf(group(other)));
  const others = films.filter((film) => !some.includes(film));
  films.splice(0, films.length, ...others.slice(0, first), ...sorted, ...others.slice(first));
  draw();
}

/** What a film stands with: its study, which is an object of its own in each answer, or itself alone. */
const group = (film) => film.study ?? film;

/** Draw the list: by studies where the files told some. */
export function draw() {
  const focused = document.activeElement?.closest("#film-list") !== null;
  let study;
  const items = films.map((film, at) => {
    const head = film.study && film.study !== study ? make("li", { class: "study" }, film.study.words) : null;
    study = film.study;
    return [head, item(film, at)];
  });
  $("film-list").replaceChildren(...items.flat().filter(Boolean));
  const here = $("film-list").querySelector("[aria-current]");
  if (focused) here?.focus();
  if (shown !== seen) here?.scrollIntoView({ block: "nearest", inline: "nearest" });
  seen = shown;
}

function item(film, at) {
  const { title, tone } = summary(film);
  const picture = film.thumbnail
    ? make("img", { src: film.thumbnail, alt: "", width: THUMBNAIL_PX, height: THUMBNAIL_PX })
    : make("span", { class: "no-thumbnail", "aria-hidden": "true" });
  return make("li", {}, make("button", {
    type: "button", "aria-current": film === shown ? "true" : false, onclick: () => select(films[at]),
  }, picture, make("span", { class: "name" }, film.name, make("span", { class: `badge ${tone}` }, title))));
}

/** A small picture of a radiograph; null where the browser cannot decode it. */
async function thumbnail(source) {
  const image = await decoded(source);
  if (!image) return null;
  const canvas = make("canvas", { width: THUMBNAIL_PX, height: THUMBNAIL_PX });
  const side = Math.min(image.naturalWidth, image.naturalHeight);
  const [left, top] = [(image.naturalWidth - side) / 2, (image.naturalHeight - side) / 2];
  canvas.getContext("2d").drawImage(image, left, top, side, side, 0, 0, THUMBNAIL_PX, THUMBNAIL_PX);
  return canvas.toDataURL("image/jpeg", 0.8);
}
