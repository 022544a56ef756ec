// Elements made from data. Text goes in as text and never as markup: names of files come from anybody.

export const $ = (id) => document.getElementById(id);

/** Make an element: attributes, `on...` listeners, and children that are elements or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function makeSvg(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A picture that is decoded; null where the browser cannot. */
export async function decoded(source) {
  const image = new Image();
  image.src = source;
  return image.decode().then(() => image, () => null);
}

/** A share in percent; never 0 or 100 % for what is only near them. */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value < 100 && value > 99.9) return "> 99.9 %";
  return `${value.toFixed(value < 10 || (value > 99 && value < 100) ? 1 : 0)} %`;
}

/** Tell whoever listens instead of looking. */
export function say(words) {
  $("status").textContent = words;
}
