// The five-point view: a picture with the points of its face, which can be dragged, and the square they cut.
import { contain, format, guess, hit, moved, parse, portraitQuad } from "./five_points_math.mjs";
import { themeOf } from "./theme.mjs";
import { fitCanvas, host, localPoint, make } from "./view_style.mjs";

export const POINT_WIDGETS = ["points", "level"];
const REACH = 18; // pixels about a point that still take hold of it
const BONES = [[0, 2], [1, 2], [2, 3], [2, 4], [0, 1], [3, 4]];
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class FivePointsView {
  /**
   * `bridge` reads and writes the `points` text; `options()` gives `{crop}` of the settings; `loaded()` gives the
   * address of the picture that the node would take now, where that is known without a run.
   */
  constructor(bridge, words, options, loaded) {
    Object.assign(this, { bridge, words, options, loaded, picture: null, found: null });
    Object.assign(this, { held: -1, chosen: 0, frame: 0, known: undefined, text: undefined });
    this.canvas = make("canvas");
    this.stage = make("div", {
      className: "stage",
      tabIndex: 0,
      title: `${words.pointsLabel}. ${words.pointsHelp}`,
      attributes: { role: "application", "aria-label": words.pointsLabel, "aria-description": words.pointsHelp },
    });
    this.stage.append(this.canvas);
    this.note = make("span", { className: "note", attributes: { role: "status" } });
    this.button = make("button", { type: "button", textContent: words.detect, style: "flex: 0 0 auto" });
    this.button.addEventListener("click", () => this.write(""));
    const row = make("div", { className: "row" });
    row.append(this.note, this.button);
    row.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.element = host("itportrait-points", this.stage, row);
    this.attach();
    this.sizes = new ResizeObserver(() => this.refresh());
    this.sizes.observe(this.stage);
  }

  dispose() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
  }

  /** Notice another picture before the node, or other points; cheap, so it may be called often. */
  look() {
    const [url, text] = [this.loaded(), JSON.stringify(this.bridge.read())];
    if (url !== this.known) {
      this.known = url;
      this.show(url);
    } else if (text !== this.text) this.refresh();
    this.text = text;
  }

  /** Show a picture; `found` are the points that detection saw in it, if it ran. */
  show(url, found = null) {
    this.found = found;
    if (!url) this.picture = null;
    else if (this.picture?.src !== new URL(url, location.href).href) {
      this.picture = new Image();
      this.picture.onload = () => this.refresh();
      this.picture.src = url;
    }
    this.refresh();
  }

  get size() {
    const { naturalWidth: width = 0, naturalHeight: height = 0 } = this.picture ?? {};
    return this.picture?.complete && width > 0 ? [width, height] : null;
  }

  get placed() {
    return parse(this.bridge.read().points);
  }

  /** Points to show: placed by hand, else found, else those of a face that fills the picture. */
  get points() {
    return this.placed ?? this.found ?? guess(...(this.size ?? [1, 1]));
  }

  write(points) {
    this.bridge.write({ points });
    this.refresh();
  }

  refresh() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    const fitted = fitCanvas(this.canvas, this.stage);
    if (!fitted) return;
    const { context, width, height } = fitted;
    const theme = themeOf(this.element);
    context.clearRect(0, 0, width, height);
    const state = this.placed ? "placed" : this.found ? "detected" : "guessed";
    this.note.textContent = this.size ? this.words[state] : this.words.noPicture;
    this.button.disabled = !this.placed;
    this.box = this.size && contain(...this.size, width - 12, height - 12);
    if (!this.box) return;
    this.box.x += 6;
    this.box.y += 6;
    const { x, y, width: w, height: h } = this.box;
    context.drawImage(this.picture, x, y, w, h);
    if (this.options().crop) this.drawCrop(context);
    this.drawPoints(context, theme, state);
  }

  /** Points in pixels of the stage. */
  onStage(points) {
    const { x, y, width, height } = this.box;
    return points.map(([u, v]) => [x + u * width, y + v * height]);
  }

  /** The picture outside the cut is darkened; the square itself is outlined. */
  drawCrop(context) {
    const { x, y, width, height } = this.box;
    const level = this.bridge.read().level ?? true;
    const corners = portraitQuad(this.points, width, height, level).map(([u, v]) => [x + u, y + v]);
    const trace = () => {
      corners.forEach(([u, v], i) => (i ? context.lineTo(u, v) : context.moveTo(u, v)));
      context.closePath();
    };
    context.beginPath();
    context.rect(x, y, width, height);
    trace();
    context.fillStyle = "rgb(10 12 18 / 55%)";
    context.fill("evenodd");
    context.beginPath();
    trace();
    context.lineWidth = 1.5;
    context.strokeStyle = "rgb(255 255 255 / 85%)";
    context.stroke();
  }

  drawPoints(context, theme, state) {
    const points = this.onStage(this.points);
    context.lineWidth = 1;
    context.strokeStyle = "rgb(255 255 255 / 45%)";
    context.beginPath();
    for (const [a, b] of BONES) {
      context.moveTo(...points[a]);
      context.lineTo(...points[b]);
    }
    context.stroke();
    const focused = this.element.shadowRoot.activeElement === this.stage;
    points.forEach(([x, y], i) => {
      const chosen = i === this.held || (focused && i === this.chosen);
      context.beginPath();
      context.arc(x, y, chosen ? 7 : 5, 0, 2 * Math.PI);
      context.fillStyle = state === "guessed" ? "rgb(255 255 255 / 35%)" : theme.accent;
      context.fill();
      context.lineWidth = chosen ? 2.5 : 1.5;
      context.strokeStyle = "#fff";
      context.stroke();
    });
  }

  attach() {
    const on = (name, handler) => this.stage.addEventListener(name, handler);
    on("pointerdown", (event) => this.grab(event));
    on("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) on(end, () => this.release());
    on("pointerenter", () => this.look());
    on("focus", () => this.refresh());
    on("blur", () => this.refresh());
    on("keydown", (event) => this.key(event));
  }

  grab(event) {
    if (event.button !== 0) return;
    event.stopPropagation(); // or the node moves with it
    this.stage.focus({ preventScroll: true });
    if (!this.box) return;
    const index = hit(this.onStage(this.points), localPoint(event, this.stage), REACH);
    if (index < 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.stage.classList.add("held");
    this.held = this.chosen = index;
    this.refresh();
  }

  move(event) {
    if (!this.box) return;
    const point = localPoint(event, this.stage);
    if (this.held < 0) {
      this.stage.classList.toggle("over-handle", hit(this.onStage(this.points), point, REACH) >= 0);
      return;
    }
    event.stopPropagation();
    const { x, y, width, height } = this.box;
    this.place(this.held, [(point[0] - x) / width, (point[1] - y) / height]);
  }

  place(index, point) {
    this.write(format(moved(this.points, index, point)));
    this.note.textContent = this.words.points[index];
  }

  release() {
    this.held = -1;
    this.stage.classList.remove("held");
    this.refresh();
  }

  key(event) {
    const step = STEPS[event.key];
    const leaving = event.shiftKey ? this.chosen === 0 : this.chosen === 4;
    if (step && this.size) {
      const pixels = event.shiftKey ? 1 : 5;
      const [x, y] = this.points[this.chosen];
      this.place(this.chosen, [x + (step[0] * pixels) / this.size[0], y + (step[1] * pixels) / this.size[1]]);
    } else if (event.key === "Escape" && this.placed) {
      this.write("");
    } else if (event.key === "Tab" && !leaving) {
      this.chosen += event.shiftKey ? -1 : 1;
      this.note.textContent = this.words.points[this.chosen];
      this.refresh();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
