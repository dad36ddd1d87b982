// The controls below a live head: preset views, shading, background, mixture, and the moments of a training.
import { make } from "../view_style.mjs";
import { PRESETS, SHADINGS, SLIDERS, colourOf } from "./state.mjs";

export const EXTRA_STYLE = `
.stage canvas, .finished { inset: auto; left: 50%; top: 50%; height: auto; aspect-ratio: 1; transform: translate(-50%, -50%);
  width: min(100cqw, 100cqh); border-radius: 10px; }
.stage { container-type: size; }
.finished { position: absolute; opacity: 0; transition: opacity 0.5s; pointer-events: none; object-fit: contain; }
.finished.seen { opacity: 1; }
.over { position: absolute; left: 8px; right: 8px; bottom: 8px; padding: 5px 8px; border-radius: 8px; font-size: 11px; line-height: 1.35;
  background: rgb(0 0 0 / 62%); color: #fff; pointer-events: none; overflow-wrap: anywhere; }
.over[hidden] { display: none; }
label { display: flex; flex: 1 1 0; align-items: center; gap: 6px; min-width: 0; font-size: 11px; }
label span { flex: 0 1 auto; min-width: 0; max-width: 55%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; opacity: 0.85; }
input[type="range"] { flex: 1 1 70px; min-width: 50px; accent-color: var(--p-primary-color, #5aa9ff); cursor: pointer; }
input[type="color"] { flex: 0 0 30px; height: 22px; padding: 0; border: 1px solid var(--border-color, #666); border-radius: 8px;
  background: none; cursor: pointer; }
[hidden] { display: none !important; }
`;
const RANGES = { fade: [0, 3, 0.01], strength: [0, 1.2, 0.01], person: [0, 1, 0.01] };

export class Controls {
  constructor(view) {
    this.view = view;
    const { words } = view;
    this.element = make("div", { attributes: { role: "group", "aria-label": words.liveControls } });
    Object.assign(this.element.style, { display: "flex", flexDirection: "column", gap: "4px" });
    this.presets = this.buttons(Object.keys(PRESETS), "preset", (name) => view.change(PRESETS[name]));
    this.shadings = this.buttons(SHADINGS, "shading", (name) => view.change({ shading: name }));
    this.colour = make("input", { type: "color", value: "#ffffff", title: words.background, attributes: { "aria-label": words.background } });
    this.colour.addEventListener("input", () => view.change({ background: this.colour.value }));
    this.plain = make("button", { type: "button", textContent: "×", title: words.ownBackground, attributes: { "aria-label": words.ownBackground } });
    this.plain.style.flex = "0 0 24px";
    this.plain.addEventListener("click", () => view.change({ background: "" }));
    this.sliders = Object.fromEntries(SLIDERS.map((name) => [name, this.slider(name)]));
    this.mixture = this.row(...SLIDERS.map((name) => this.sliders[name].label));
    this.mixture.style.flexWrap = "wrap";
    this.sliders.fade.label.style.flexBasis = "100%"; // it says a style's name, which may be long
    this.moments = this.timeline();
    this.element.append(this.row(...this.presets), this.row(...this.shadings, this.colour, this.plain), this.mixture, this.moments.row);
    for (const { label } of Object.values(this.sliders)) label.hidden = true;
    this.mixture.hidden = this.moments.row.hidden = true;
  }

  row(...children) {
    const row = make("div", { className: "row" });
    row.append(...children);
    return row;
  }

  buttons(names, kind, act) {
    return names.map((name) => {
      const button = make("button", { type: "button", textContent: this.view.words[name], attributes: { [`data-${kind}`]: name } });
      button.addEventListener("click", () => act(name));
      return button;
    });
  }

  slider(name) {
    const { view } = this;
    const [min, max, step] = RANGES[name];
    const [label, text] = [make("label", { title: view.words[`${name}Help`] }), make("span", { textContent: view.words[name] })];
    const input = make("input", { type: "range", attributes: { min, max, step, "aria-label": view.words[name], "data-slider": name } });
    input.addEventListener("input", () => view.change({ [name]: Number(input.value) }));
    label.append(text, input);
    return { label, text, input };
  }

  timeline() {
    const { view } = this;
    const input = make("input", { type: "range", attributes: { min: 0, max: 0, step: 1, "aria-label": view.words.moment, "data-slider": "moment" } });
    const [label, text] = [make("label"), make("span", { textContent: view.words.moment })];
    const keep = make("button", { type: "button", textContent: view.words.keepMoment, title: view.words.keepMomentHelp });
    keep.style.flex = "0 1 auto";
    input.addEventListener("input", () => this.pick(Number(input.value)));
    keep.addEventListener("click", () => view.actions.keep?.(this.moments.list[Number(input.value)]));
    label.append(text, input);
    return { row: this.row(label, keep), input, text, keep, list: [] };
  }

  /** Whether the newest moment is chosen, or there is none to choose. */
  get atLast() {
    return this.moments.list.length < 2 || this.moments.input.value === this.moments.input.max;
  }

  /** Offer the moments `[{step, total, url}]` of a training; `last` goes to the newest. */
  offerMoments(list, keepable, last) {
    const { input, row, keep } = this.moments;
    this.moments.list = list;
    row.hidden = list.length < 1;
    keep.hidden = !keepable;
    input.max = String(Math.max(0, list.length - 1));
    if (last) input.value = input.max;
    this.name();
  }

  pick(index) {
    const moment = this.moments.list[index];
    if (!moment) return;
    this.name();
    this.view.load(moment.url);
  }

  name() {
    const moment = this.moments.list[Number(this.moments.input.value)];
    const text = moment ? `${this.view.words.moment} ${moment.step}` : this.view.words.moment;
    this.moments.text.textContent = text;
    this.moments.input.setAttribute("aria-valuetext", text);
  }

  /** Offer what a head can mix. */
  offer(head) {
    const { fade, strength, person } = this.sliders;
    const { words } = this.view;
    const names = head.styles.map(({ name }) => name);
    fade.label.hidden = head.styles.length < 2;
    strength.label.hidden = head.styles.length < 2;
    person.label.hidden = head.people.length < 2;
    this.mixture.hidden = head.styles.length < 2 && head.people.length < 2;
    fade.input.max = String(Math.max(0, head.styles.length - 1));
    fade.label.title = `${words.fadeHelp} ${names.map((name, i) => `${i}: ${name}`).join(", ")}`;
    person.label.title = `${words.personHelp} ${head.people.map(({ name }) => name).join(" – ")}`;
  }

  /** Show the values of a state. */
  update(state) {
    for (const name of SLIDERS) this.sliders[name].input.value = String(state[name]);
    this.nameSliders(state);
    for (const button of this.presets) {
      const wanted = Object.entries(PRESETS[button.dataset.preset]);
      button.setAttribute("aria-pressed", String(wanted.every(([name, value]) => Math.abs(state[name] - value) < 0.05)));
    }
    for (const button of this.shadings) button.setAttribute("aria-pressed", String(state.shading === button.dataset.shading));
    this.plain.hidden = !colourOf(state.background);
    if (colourOf(state.background)) this.colour.value = state.background;
  }

  /** The style and the person that are nearest to the sliders, in place of the sliders' own names. */
  nameSliders({ fade, person }) {
    const { head, words } = this.view;
    const nearest = (list, at) => list?.[Math.min(list.length - 1, Math.max(0, Math.round(at)))]?.name;
    for (const [name, list, at] of [["fade", head?.styles, fade], ["person", head?.people, person]]) {
      const { text, input } = this.sliders[name];
      text.textContent = nearest(list, at) || words[name];
      input.setAttribute("aria-valuetext", `${at}: ${text.textContent}`); // a screen reader's words for the number
    }
  }
}
