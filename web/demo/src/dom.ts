// Elements of the page, and text in them. Nothing here takes HTML, so no data becomes markup.

/** The element with an id, which the page promises to have. */
export function el<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`This page has no element with the id "${id}".`);
  return found as T;
}

/** A new element with text or children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Puts text into an element; says nothing anew to a screen reader if it is there already. */
export function say(id: string, text: string): void {
  const target = el(id);
  if (target.textContent !== text) target.textContent = text;
}

/** Puts text into an element and shows it; hides it if there is no text. */
export function sayOrHide(id: string, text: string): void {
  say(id, text);
  el(id).hidden = text === '';
}

/** Calls back when a button is pressed. */
export function press(id: string, action: () => void): void {
  el(id).addEventListener('click', action);
}

/** The 2D context of a canvas. */
export function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser has no 2D canvas.');
  return context;
}
