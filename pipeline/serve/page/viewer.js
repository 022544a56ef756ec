// The radiograph with its map: OpenSeadragon zooms and pans, a filter windows, a canvas bears the map.

import { $, decoded, make } from "./dom.js";

const CALM = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const MAP_SIDE_PX = 1024; // a map is smooth: more pixels show no more
const WHOLE = { level: 127.5, width: 255 };
// Cividis, in nine steps: it reads alike with every kind of colour vision.
const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
  [165, 156, 116], [195, 179, 105], [254, 232, 56]];

// OpenSeadragon adds a style that hides the focus on phones, unless one with this mark is there. We want the focus
// seen, and the service's policy refuses such styles: so here is one that styles nothing, being no HTML.
const mark = document.createElementNS(null, "style");
mark.setAttribute("data-openseadragon-mobile-css", "");
document.head.append(mark);

export class Viewer {
  constructor(element, overlay) {
    this.overlay = overlay;
    this.map = null;
    this.turn = new AbortController(); // of what is shown: aborted when another thing is
    this.opacity = 0.45;
    this.grey = { ...WHOLE, inverted: false };
    this.osd = OpenSeadragon({
      element, drawer: "canvas", showNavigationControl: false, animationTime: CALM ? 0 : 0.3,
      visibilityRatio: 0.5, minZoomImageRatio: 0.9, maxZoomPixelRatio: 12, zoomPerScroll: 1.15,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    this.osd.canvas.setAttribute("role", "application");
    this.osd.canvas.setAttribute("aria-label", "Radiograph: arrows pan, plus and minus zoom");
    this.osd.addHandler("canvas-key", (event) => {
      const own = event.originalEvent.target !== this.osd.canvas || !event.originalEvent.key.startsWith("Arrow");
      event.preventDefaultAction = own; // of its keys, those that pan: all others are the page's
    });
    this.osd.addHandler("update-viewport", () => this.#scaleStrokes());
    this.#windowByDrag(element);
  }

  /**
   * Show a radiograph; resolves when it is drawn, or replaced by another.
   * Gives what the browser cannot show: "the picture", "the map", or "".
   */
  async show({ image, region_map, width_px, height_px }) {
    this.clear();
    const { signal } = this.turn;
    const source = await loaded(image);
    if (signal.aborted) return "";
    const item = source && await this.#opened(source, signal);
    if (signal.aborted) return "";
    if (!item) return "the picture";
    this.map = region_map ? make("canvas", { class: "map" }) : null;
    this.#layOver(width_px, height_px);
    this.setOpacity(this.opacity);
    return this.map && !await paint(this.map, region_map) ? "the map" : "";
  }

  /** Show nothing, and nothing that is still to come. */
  clear() {
    this.turn.abort();
    this.turn = new AbortController();
    this.map = null;
    this.osd.close();
  }

  /** The picture in the viewer; null where another is shown before it stands there. */
  #opened(source, signal) {
    return new Promise((taken) => {
      signal.addEventListener("abort", () => taken(null));
      this.osd.open({ tileSource: source, success: ({ item }) => taken(item), error: () => taken(null) });
    });
  }

  /** Lay map and boxes over the picture that stands. */
  #layOver(width_px, height_px) {
    this.osd.drawer.canvas.style.filter = "url(#window-filter)";
    const whole = new OpenSeadragon.Rect(0, 0, 1, height_px / width_px);
    this.overlay.setAttribute("viewBox", `0 0 ${width_px} ${height_px}`);
    for (const element of [this.map, this.overlay]) if (element) this.osd.addOverlay({ element, location: whole });
    this.osd.viewport.resize(OpenSeadragon.getElementSize(this.osd.container), false); // the tools came with it
    this.osd.viewport.goHome(true);
    this.#window();
  }

  setOpacity(share) {
    this.opacity = share;
    if (this.map) this.map.style.opacity = share;
  }

  /** Set `level` and `width` (0 to 255) or `inverted`; each is exact, and clipped at black and white. */
  setGrey(changes) {
    Object.assign(this.grey, changes);
    this.#window();
  }

  resetGrey() {
    this.setGrey({ ...WHOLE, inverted: false });
  }

  zoom(factor) {
    this.osd.viewport.zoomBy(factor).applyConstraints();
  }

  fit() {
    this.osd.viewport.goHome();
  }

  /** Bring a box into view, with its surroundings; nothing else moves where it is seen already. */
  reveal([left, top, width, height]) {
    const item = this.osd.world.getItemAt(0);
    const box = item?.imageToViewportRectangle(left, top, width, height);
    const seen = this.osd.viewport.getBounds();
    if (box && !(seen.containsPoint(box.getTopLeft()) && seen.containsPoint(box.getBottomRight()))) {
      this.osd.viewport.panTo(box.getCenter());
    }
  }

  /** What is seen, in the radiograph's own pixels: left, top, width, height; null while nothing is. */
  seen() {
    const item = this.osd.world.getItemAt(0);
    if (!item) return null;
    const { x, y, width, height } = item.viewportToImageRectangle(this.osd.viewport.getBounds());
    return [x, y, width, height];
  }

  #window() {
    const { level, width, inverted } = this.grey;
    const slope = (inverted ? -1 : 1) * (255 / width);
    const intercept = 0.5 - slope * (level / 255);
    for (const channel of $("window-filter").firstElementChild.children) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
    $("image").dispatchEvent(new CustomEvent("grey", { detail: this.grey }));
  }

  /** The right button, dragged: sideways widens the window, up brightens, as at reading stations. */
  #windowByDrag(element) {
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("pointermove", (event) => {
      if (event.buttons !== 2) return;
      event.stopPropagation();
      const bounded = (value, low, high) => Math.min(high, Math.max(low, value));
      this.setGrey({
        width: bounded(this.grey.width + event.movementX, 2, 510),
        level: bounded(this.grey.level + event.movementY, 0, 255),
      });
    }, true);
  }

  #scaleStrokes() {
    const item = this.osd.world.getItemAt(0);
    if (!item) return;
    const screen = this.osd.viewport.getZoom(true) * this.osd.viewport.getContainerSize().x;
    this.overlay.style.setProperty("--px", item.getContentSize().x / screen);
  }
}

/** A picture as the viewer opens it, when it is there; null where the browser cannot decode it. */
function loaded(url) {
  return new Promise((taken) => {
    const source = new OpenSeadragon.ImageTileSource({ type: "image", url });
    source.addOnceHandler("ready", () => taken(source));
    source.addOnceHandler("open-failed", () => taken(null));
  });
}

/** Colour a grey map, and make it the more opaque the likelier a fracture is; false where it cannot be decoded. */
async function paint(canvas, source) {
  const grey = await decoded(source);
  if (!grey) return false;
  const scale = Math.min(1, MAP_SIDE_PX / Math.max(grey.naturalWidth, grey.naturalHeight));
  canvas.width = Math.max(1, Math.round(scale * grey.naturalWidth));
  canvas.height = Math.max(1, Math.round(scale * grey.naturalHeight));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(grey, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const value = pixels.data[at];
    pixels.data.set([...colour(value / 255), value], at);
  }
  context.putImageData(pixels, 0, 0);
  return true;
}

const TABLE = Array.from({ length: 256 }, (_, value) => {
  const place = (value / 255) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return CIVIDIS[low].map((from, channel) => Math.round(from + (place - low) * (CIVIDIS[low + 1][channel] - from)));
});
const colour = (share) => TABLE[Math.round(255 * share)];
