// Boxes over the radiograph, in its own pixels: the model's, and those that the reader draws or corrects.

import { makeSvg } from "./dom.js";

const SMALLEST_PX = 4;
const STEP = 0.01; // of the radiograph's longer side, for one press of an arrow
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]; // of a box, in shares of its sides

export class Boxes {
  /** `changed` is called after each change of the reader's boxes. */
  constructor(changed) {
    this.changed = changed;
    this.svg = makeSvg("svg", { class: "boxes" });
    this.models = makeSvg("g", { class: "models" });
    this.own = makeSvg("g", { class: "own" });
    this.svg.append(this.models, this.own);
    this.svg.addEventListener("pointerdown", (event) => this.#begin(event));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    this.mine = [];
    this.breakOff = () => {}; // end a drag, and leave the boxes as they were before it
  }

  /** Show the model's regions and the reader's boxes (a list that is changed in place) of a radiograph. */
  show(regions, mine, size) {
    Object.assign(this, { mine, size });
    this.draw(false);
    this.models.replaceChildren(...regions.map((region, at) => {
      const sure = region.operating_point === "high_specificity";
      const box = makeSvg("g", { class: sure ? "sure" : "possible", "data-region": at });
      const [left, top] = region.bbox;
      const number = makeSvg("text", { x: left, y: top, dy: "-0.35em" });
      number.textContent = at + 1;
      box.append(rectangle(region.bbox), number);
      return box;
    }));
    this.#drawMine();
  }

  setVisible(visible) {
    this.svg.classList.toggle("hidden", !visible);
  }

  /** Let the pointer draw a new box, or no more. */
  draw(on) {
    this.svg.classList.toggle("drawing", on);
  }

  highlight(at) {
    for (const box of this.models.children) box.classList.toggle("highlit", box.dataset.region === String(at));
  }

  add(bbox, origin, focused = true) {
    this.mine.push({ bbox: this.#inside(bbox), origin });
    this.#update();
    if (focused) this.focus(this.mine.length - 1);
  }

  /** A new box in the middle of what is seen; the keyboard's way to draw. */
  addAmid([left, top, width, height]) {
    this.add([left + 0.4 * width, top + 0.4 * height, 0.2 * width, 0.2 * height], "drawn");
  }

  remove(at) {
    this.mine.splice(at, 1);
    this.#update();
  }

  focus(at) {
    this.own.children[at]?.focus({ preventScroll: true });
  }

  #update() {
    this.#drawMine();
    this.changed();
  }

  #drawMine() {
    this.own.replaceChildren(...this.mine.map(({ bbox }, at) => {
      const words = `Your box ${at + 1}: arrows move it, Shift with arrows sizes it, Delete removes it`;
      const box = makeSvg("g", { tabindex: 0, role: "button", "aria-label": words, "data-own": at });
      const [left, top, width, height] = bbox;
      const handles = CORNERS.map(([right, low], corner) => makeSvg("circle", {
        cx: left + right * width, cy: top + low * height, "data-corner": corner,
      }));
      box.append(rectangle(bbox), ...handles);
      return box;
    }));
  }

  /** A drag: of a corner, of a whole box, or of a new one. */
  #begin(event) {
    const box = event.target.closest("[data-own]");
    if (event.button !== 0 || !(box || this.svg.classList.contains("drawing"))) return;
    event.preventDefault();
    event.stopPropagation();
    const start = this.#point(event);
    const at = box ? Number(box.dataset.own) : this.mine.length;
    const corner = event.target.dataset.corner;
    const before = this.mine[at]?.bbox;
    const fixed = before && corner !== undefined ? opposite(before, Number(corner)) : start;
    const follow = (moved) => {
      const point = this.#point(moved);
      const whole = before && corner === undefined;
      this.#put(at, whole ? shifted(before, point, start) : between(fixed, point), !whole);
    };
    this.#drag(follow, () => {
      if (this.mine[at]) this.#update();
      this.focus(at);
    });
  }

  /** Follow the pointer until it is up, or something breaks the drag off. */
  #drag(follow, end) {
    const { mine } = this, before = [...mine];
    const listening = new AbortController();
    const stop = () => {
      listening.abort();
      this.breakOff = () => {};
      this.draw(false);
    };
    this.breakOff = () => {
      stop();
      mine.splice(0, mine.length, ...before);
      this.#drawMine();
    };
    const acts = { pointermove: follow, pointerup: () => { stop(); end(); }, pointercancel: () => this.breakOff() };
    for (const [name, act] of Object.entries(acts)) {
      this.svg.ownerDocument.addEventListener(name, act, { capture: true, signal: listening.signal });
    }
  }

  #key(event) {
    const at = Number(event.target.dataset.own);
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (Number.isNaN(at) || !(move || ["Delete", "Backspace"].includes(event.key))) return;
    event.preventDefault();
    event.stopPropagation();
    if (!move) return this.remove(at);
    const step = STEP * Math.max(...this.size);
    const [right, down] = move.map((share) => share * step);
    const [left, top, width, height] = this.mine[at].bbox;
    const sized = [left, top, width + right, height + down], moved = [left + right, top + down, width, height];
    this.#put(at, event.shiftKey ? sized : moved, event.shiftKey);
    this.changed();
    this.focus(at);
  }

  #put(at, bbox, sized) {
    const kept = sized ? this.#inside(bbox) : this.#moved(bbox);
    this.mine[at] = { bbox: kept, origin: (this.mine[at]?.origin ?? "drawn") === "drawn" ? "drawn" : "corrected" };
    this.#drawMine();
  }

  /** Cut a box at the radiograph's edges, and keep it large enough to be seen. */
  #inside([left, top, width, height]) {
    const [right, bottom] = [left + width, top + height];
    const [x, y] = [clip(left, 0, this.size[0] - SMALLEST_PX), clip(top, 0, this.size[1] - SMALLEST_PX)];
    const wide = clip(right - x, SMALLEST_PX, this.size[0] - x);
    return [x, y, wide, clip(bottom - y, SMALLEST_PX, this.size[1] - y)].map(rounded);
  }

  /** Keep a box that moves whole inside the radiograph. */
  #moved([left, top, width, height]) {
    return [clip(left, 0, this.size[0] - width), clip(top, 0, this.size[1] - height), width, height].map(rounded);
  }

  #point(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [clip(point.x, 0, this.size[0]), clip(point.y, 0, this.size[1])];
  }
}

const rounded = (value) => Math.round(10 * value) / 10;
const clip = (value, low, high) => Math.min(Math.max(value, low), high);
const between = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y)];
const shifted = ([left, top, ...size], [x, y], [u, v]) => [left + x - u, top + y - v, ...size];

function opposite([left, top, width, height], corner) {
  const [right, low] = CORNERS[(corner + 2) % 4];
  return [left + right * width, top + low * height];
}

function rectangle([x, y, width, height]) {
  return makeSvg("rect", { x, y, width, height });
}
