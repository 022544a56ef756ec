// The page put together: what is dropped is sent, what is answered is shown, what is pressed acts.

import * as api from "./api.js";
import * as asking from "./asking.js";
import { Boxes } from "./boxes.js";
import * as dialogs from "./dialogs.js";
import { $, make, percent, say } from "./dom.js";
import * as feedback from "./feedback.js";
import { dropped } from "./files.js";
import * as films from "./films.js";
import { bind } from "./keys.js";
import { modelName, outOfScope, panel, summary } from "./result.js";
import { Viewer } from "./viewer.js";

const NARROW = window.matchMedia("(width <= 60rem)"); // as in the stylesheet: the image stands below the list
const EARLIER = "The reading before your last change is saved. Save again to keep the change.";

let takesReadings = false;

const boxes = new Boxes(() => changed(films.current()));
const viewer = new Viewer($("image"), boxes.svg);

// ---- from answers to what is seen

async function show(film) {
  delete document.body.dataset.shown;
  await draw(film);
  if (film !== films.current()) return;
  document.body.dataset.shown = film.state;
  if (NARROW.matches && film.state !== "waiting") $("reading").scrollIntoView();
}

async function draw(film) {
  $("answer").replaceChildren(...panel(film, boxes.highlight.bind(boxes)).filter(Boolean));
  const seen = Boolean(film.result?.image);
  boxes.breakOff();
  document.body.classList.toggle("has-image", seen);
  document.body.classList.toggle("has-map", seen && Boolean(film.result.region_map) && !outOfScope(film.result));
  $("result").scrollTop = 0;
  showForm();
  $("image-words").textContent = seen ? words(film) : "";
  $("unshown").textContent = "";
  if (!seen) return viewer.clear();
  const { result } = film;
  boxes.show(result.regions, film.reading.boxes, [result.width_px, result.height_px]);
  const lacking = await viewer.show(outOfScope(result) ? { ...result, region_map: null } : result);
  if (lacking && film === films.current()) $("unshown").textContent = `This browser cannot show ${lacking}. The answer stands.`;
}

/** What the image shows, for whoever does not see it. */
function words({ name, result }) {
  const places = result.regions.map((region, at) => `region ${at + 1}: ${region.position.words}`);
  return [`${name}, ${result.width_px} by ${result.height_px} pixels`, summary({ result }).title, ...places].join("; ");
}

/** Fill the form anew; what had the focus in it has it again. */
function showForm() {
  const film = films.current();
  const form = $("feedback");
  form.hidden = !(takesReadings && film?.result?.image);
  if (form.hidden) return;
  const named = (element) => element.id || `${element.value} ${element.textContent}`;
  const before = form.contains(document.activeElement) && named(document.activeElement);
  feedback.fill(form, film, acts(film));
  if (before) [...form.querySelectorAll("button, input")].find((one) => named(one) === before)?.focus();
}

/** A reading that was changed is not the one that was saved. */
function changed(film) {
  Object.assign(film.reading, { state: "open", words: "" });
  showForm();
}

const acts = (film) => ({
  change(apply) { apply(); changed(film); },
  judge(agrees) { if (feedback.judge(film, agrees)) this.change(() => {}); },
  draw(event) { if (event.detail) boxes.draw(true); else addBox(); },
  take() { for (const region of film.result.regions) boxes.add(region.bbox, "model", false); boxes.focus(0); },
  remove(at) { boxes.remove(at); },
  focus(at) { viewer.reveal(film.reading.boxes[at].bbox); boxes.focus(at); },
  save: () => save(film),
});

/** Save a reading as it is now; what is changed meanwhile is still to be saved. */
async function save(film) {
  const sent = feedback.asSent(film), before = JSON.stringify(sent);
  Object.assign(film.reading, { state: "saving", words: "Saving …", onItsWay: true });
  showForm();
  try {
    await api.sendReading(film.file, sent);
    const same = JSON.stringify(feedback.asSent(film)) === before;
    Object.assign(film.reading, same ? { state: "saved", words: "Saved." } : { state: "open", words: EARLIER });
  } catch (error) {
    const { title, advice, detail } = asking.failed(error).error;
    Object.assign(film.reading, { state: "failed", words: `Not saved. ${title}: ${detail} ${advice}` });
  }
  film.reading.onItsWay = false;
  say(film.reading.words);
  if (film === films.current()) showForm();
}

function showModel(record) {
  dialogs.fillModel(record);
  $("open-model").textContent = `Model: ${record.model.name}`;
  $("open-model").title = modelName(record.model);
}

// ---- what is pressed

const slide = (id, act) => $(id).addEventListener("input", (event) => act(Number(event.target.value)));
const press = (id, act) => $(id).addEventListener("click", act);

function setOpacity(value) {
  $("opacity").value = value;
  document.querySelector("output[for=opacity]").value = percent($("opacity").value / 100);
  viewer.setOpacity($("opacity").value / 100);
}

const invert = () => viewer.setGrey({ inverted: !viewer.grey.inverted });
const shiftMap = (by) => setOpacity(Number($("opacity").value) + by);

/** The keyboard's way to a box: none while no picture stands. */
function addBox() {
  const seen = viewer.seen();
  if (seen) boxes.addAmid(seen);
}

function toggleBoxes() {
  const visible = $("show-boxes").getAttribute("aria-pressed") !== "true";
  $("show-boxes").setAttribute("aria-pressed", visible);
  boxes.setVisible(visible);
}

function wire() {
  slide("opacity", setOpacity);
  slide("level", (level) => viewer.setGrey({ level }));
  slide("width", (width) => viewer.setGrey({ width }));
  press("zoom-in", () => viewer.zoom(1.4));
  press("zoom-out", () => viewer.zoom(1 / 1.4));
  press("zoom-fit", () => viewer.fit());
  press("invert", invert);
  press("show-boxes", toggleBoxes);
  press("reset-window", () => viewer.resetGrey());
  $("image").addEventListener("grey", ({ detail }) => {
    for (const name of ["level", "width"]) {
      $(name).value = detail[name];
      document.querySelector(`output[for=${name}]`).value = Math.round(detail[name]);
    }
    $("invert").setAttribute("aria-pressed", detail.inverted);
  });
  $("files").addEventListener("change", (event) => { asking.open([...event.target.files]); event.target.value = ""; });
  document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("over"); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("over"); });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    asking.open(await dropped(event.dataTransfer));
  });
}

const withResult = (act) => () => { if (films.current()?.result?.image) act(films.current()); };

const KEYS = {
  "o": () => $("files").click(), "n": () => films.step(1), "p": () => films.step(-1),
  "+": () => viewer.zoom(1.4), "=": () => viewer.zoom(1.4), "-": () => viewer.zoom(1 / 1.4), "0": () => viewer.fit(),
  "i": invert, "w": () => viewer.resetGrey(), "x": toggleBoxes,
  "m": () => setOpacity(Number($("opacity").value) ? 0 : 45), "[": () => shiftMap(-10), "]": () => shiftMap(10),
  "a": withResult((film) => takesReadings && acts(film).judge(true)),
  "d": withResult((film) => takesReadings && acts(film).judge(false)),
  "b": withResult(() => takesReadings && addBox()),
};

async function openExample(name) {
  $("examples").open = false;
  await asking.open([new File([await api.bytes(`examples/${name}`)], name, { type: "image/png" })], true);
}

async function listExamples() {
  const { examples } = await api.get("examples");
  $("example-list").replaceChildren(...examples.map(({ name, title }) => make("li", {},
    make("button", { type: "button", onclick: () => openExample(name) }, title))));
}

async function start() {
  api.onUnauthorised(dialogs.askForToken);
  films.listTo(show);
  asking.listTo(showModel);
  wire();
  setOpacity(45);
  viewer.resetGrey();
  bind(KEYS, () => $("keys").showModal());
  try {
    await asking.lookUp();
    takesReadings = (await api.get("feedback")).stored;
    await listExamples();
  } catch (error) {
    const { title, advice, detail } = asking.failed(error).error;
    const words = [advice, detail].map((text) => make("p", {}, text));
    $("answer").replaceChildren(make("p", { class: "decision refused" }, title), ...words);
  }
  document.body.classList.add("ready");
}

start();
