// Single keys: they act unless somebody types, presses a modifier, or has switched them off.

import { $ } from "./dom.js";

const TYPED = "input:not([type=range]):not([type=radio]):not([type=checkbox]):not([type=file]), textarea, select";

export function bind(keys, help) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.(TYPED)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") return help();
    if (!$("keys-on").checked || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
