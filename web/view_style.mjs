// Style of the views; it stays inside their shadow trees, so nothing of the page changes.

export const STYLE = `
:host { display: block; position: relative; width: 100%; height: 100%; min-height: 300px; box-sizing: border-box;
  color: var(--input-text, var(--fg-color, #ddd)); font-family: var(--font-inter, Inter, system-ui, sans-serif);
  user-select: none; -webkit-user-select: none; }
.all { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 6px; }
.stage { position: relative; flex: 1 1 0; min-height: 0; border-radius: 12px; outline: none; touch-action: none;
  background: var(--comfy-input-bg, #222); cursor: grab; overflow: hidden; }
.stage:focus-visible, button:focus-visible { outline: 2px solid var(--p-primary-color, #5aa9ff); outline-offset: -2px; }
.stage.held { cursor: grabbing; }
.stage.over-handle { cursor: pointer; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; pointer-events: none; }
.row { display: flex; flex: 0 0 auto; flex-wrap: nowrap; gap: 3px; }
button { flex: 1 1 auto; min-width: 0; padding: 4px 3px; border: 1px solid transparent; border-radius: 8px; cursor: pointer;
  font-family: inherit; font-size: 11px; font-weight: 500; line-height: 1.3; color: inherit; background: var(--comfy-input-bg, #222); opacity: 0.85;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
button:hover { opacity: 1; border-color: var(--border-color, #666); }
button[aria-pressed="true"] { opacity: 1; border-color: var(--p-primary-color, #5aa9ff); }
.said { padding: 2px 4px; font-size: 12px; line-height: 17px; white-space: pre-wrap; overflow-wrap: anywhere; overflow: auto; user-select: text; }
.said.failed { color: var(--p-red-400, #ff7b72); }
.note { flex: 1 1 auto; align-self: center; min-width: 0; padding: 0 4px; font-size: 11px; opacity: 0.75;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
`;

/** A host element with a style of its own and the given children inside a shadow tree. */
export function host(className, ...children) {
  const element = document.createElement("div");
  element.className = className;
  element.dataset.captureWheel = "true";
  const style = document.createElement("style");
  style.textContent = STYLE;
  const all = make("div", { className: "all" });
  all.append(...children);
  element.attachShadow({ mode: "open" }).append(style, all);
  return element;
}

/** An element with properties; attributes go into `attributes`. Text is always set as text, never as markup. */
export function make(tag, { attributes = {}, ...properties } = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A canvas drawn in CSS pixels of its stage, sharp at any zoom of the graph up to three times. */
export function fitCanvas(canvas, stage) {
  const { offsetWidth: width, offsetHeight: height } = stage;
  if (width === 0 || height === 0) return null;
  const zoom = stage.getBoundingClientRect().width / width;
  const density = Math.min(3, Math.max(1, zoom) * (window.devicePixelRatio || 1));
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(w / width, 0, 0, h / height, 0, 0);
  return { context, width, height };
}

/** Where a pointer is in the stage, in its own pixels whatever the zoom. */
export function localPoint(event, stage) {
  const box = stage.getBoundingClientRect();
  return [
    ((event.clientX - box.left) * stage.offsetWidth) / box.width,
    ((event.clientY - box.top) * stage.offsetHeight) / box.height,
  ];
}
