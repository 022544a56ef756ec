// A model card's Markdown as elements: headings, paragraphs, lists, tables, code. Never as markup of its own.

import { make } from "./dom.js";

const INLINE = /\*\*(.+?)\*\*|`(.+?)`|\[(.+?)\]\(.+?\)/g; // links become their words: they lead nowhere from here
const BULLET = /^[-*] /;

export function render(markdown) {
  const lines = markdown.replace(/^---\n[\s\S]*?\n---\n/, "").replace(/<!--[\s\S]*?-->/g, "").split("\n");
  const blocks = [];
  while (lines.length) {
    const line = lines[0];
    if (!line.trim()) lines.shift();
    else if (line.startsWith("```")) blocks.push(code(lines));
    else if (line.startsWith("#")) blocks.push(heading(lines.shift()));
    else if (line.startsWith("|")) blocks.push(table(taken(lines, (next) => next.startsWith("|"))));
    else if (BULLET.test(line)) blocks.push(list(taken(lines, isOfList)));
    else blocks.push(make("p", {}, inline(taken(lines, isText).join(" "))));
  }
  return blocks;
}

const isOfList = (line) => BULLET.test(line) || /^ +\S/.test(line);
const isText = (line) => /^[^#|`\s]/.test(line) && !BULLET.test(line);

/** Take the first line, and those after it that go on. */
function taken(lines, goesOn) {
  const all = [lines.shift()];
  while (lines.length && goesOn(lines[0])) all.push(lines.shift());
  return all;
}

function heading(line) {
  const level = line.match(/^#+/)[0].length;
  return make(`h${Math.min(level + 2, 6)}`, {}, inline(line.replace(/^#+\s*/, "")));
}

function code(lines) {
  lines.shift();
  const all = [];
  while (lines.length && !lines[0].startsWith("```")) all.push(lines.shift());
  lines.shift();
  return make("pre", {}, all.join("\n"));
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    if (BULLET.test(line)) items.push(line.slice(2));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return make("ul", {}, items.map((item) => make("li", {}, inline(item))));
}

function table(lines) {
  const [head, , ...rows] = lines.map((line) => line.replace(/^\||\|\s*$/g, "").split("|").map((cell) => cell.trim()));
  const row = (tag, cells) => make("tr", {}, cells.map((cell) => make(tag, {}, inline(cell))));
  const whole = make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, rows.map((cells) => row("td", cells))));
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": "Table" }, whole);
}

/** Words with their emphasis, literals and links, as elements. */
export function inline(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(end, match.index));
    const [, strong, literal, link] = match;
    parts.push(strong ? make("strong", {}, strong) : literal ? make("code", {}, literal) : link);
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}
