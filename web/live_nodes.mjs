// Live heads of ComfyUI's nodes: Live Head, whose widgets hold what is shown, and the previews of Multi-View Render
// and of the nodes that train, which hold it themselves and come when there is something to show.
import { showLate } from "./late_widgets.mjs";
import { whoDraws } from "./live_head/gl.mjs";
import { Follower } from "./live_head/follower.mjs";
import { LIVE_WIDGETS, LiveHeadView } from "./live_head/head_view.mjs";
import { ownStore } from "./live_head/state.mjs";
import { takeAway } from "./node_notes.mjs";
import { nodeByExecutionId, pictureUrls, pictures, viewUrl } from "./run_outputs.mjs";
import { WidgetBridge } from "./widget_bridge.mjs";

export const HEIGHT = 400;
const KEEP = "/itportrait/keep_moment"; // nodes/live_training.py
export const EVENT = "itportrait.live"; // nodes/live_training.py
export const FILE = /\.itplive$/;
const MOST_MOMENTS = 40;

/** Moments `[{step, total, url}]` of a list as the server sends it; what is none is left out. */
export const momentsOf = (list, api) =>
  (Array.isArray(list) ? list : [])
    .filter(({ step, file } = {}) => Number.isInteger(step) && FILE.test(file?.filename ?? ""))
    .slice(-MOST_MOMENTS)
    .map(({ step, total, file }) => ({ step, total, url: viewUrl(api, file) }));

export class LiveNodes {
  /** `page` is `{app, api, words(), options(), tell(severity, text), addView(...)}`. */
  constructor(page) {
    Object.assign(this, { page, views: new Map() });
  }

  /** The widget of Live Head. */
  widget(node, name) {
    let view;
    const bridge = new WidgetBridge(node, LIVE_WIDGETS, () => view.refresh());
    view = new LiveHeadView(bridge, this.page.words(), this.page.options);
    queueMicrotask(() => {
      bridge.watch();
      view.refresh();
    });
    const seen = (from, output) => (from === node ? this.show(view, output) : {});
    return this.page.addView(node, name, "ITP_LIVE_VIEW", view, { node, view, seen }, HEIGHT);
  }

  /** The view of a node that has none in its definition; it is made when it is first asked for. */
  preview(node) {
    if (this.views.has(node)) return this.views.get(node).view;
    const state = { run: "", moments: [], follower: new Follower((url) => view.load(url)) };
    const keep = (moment) => moment && this.keep(state.run, moment.step);
    const view = new LiveHeadView(ownStore(), this.page.words(), this.page.options, { keep });
    const seen = (from, output) => (from === node ? this.showRun(view, state, output) : {});
    const { widget } = this.page.addView(node, "live head", "ITP_LIVE_PREVIEW", view, { node, view, seen }, HEIGHT);
    const { onRemove: before, options } = widget;
    const draw = options.onDraw;
    options.onDraw = (...args) => {
      draw?.(...args);
      this.grow(node);
    };
    widget.onRemove = (...args) => {
      this.views.delete(node);
      return before?.apply(widget, args);
    };
    this.views.set(node, { view, state, widget, seen });
    this.fit(node);
    showLate(node, view.element, HEIGHT);
    return view;
  }

  /** Take the view away again. */
  removePreview(node) {
    const known = this.views.get(node);
    if (!known) return;
    takeAway(node, known.widget);
    this.fit(node);
  }

  /** Give the node the height that its widgets need. */
  fit(node) {
    const [width, height] = node.computeSize?.() ?? [0, 0];
    node.setSize?.([Math.max(width, node.size[0]), height]);
    node.graph?.setDirtyCanvas?.(true, true);
  }

  /** Beside a DOM widget, ComfyUI's own picture of a run does not ask for room: give it some. */
  grow(node) {
    if ((node.computeSize?.()[1] ?? 0) > node.size[1] + 1) this.fit(node);
  }

  /** Multi-View Render: a switch brings the view and takes it away. */
  watchSwitch(node) {
    const widget = node.widgets?.find(({ name }) => name === "live");
    if (!widget) return;
    const look = () => (widget.value ? this.preview(node) : this.removePreview(node));
    for (const [owner, key] of [[widget, "callback"], [node, "onConfigure"]]) {
      const before = owner[key];
      owner[key] = function chained(...args) {
        const result = before?.apply(this, args);
        look();
        return result;
      };
    }
  }

  /** Listen to trainings. */
  attach() {
    const { app, api } = this.page;
    for (const end of ["execution_success", "execution_error", "execution_interrupted"])
      api.addEventListener(end, () => this.views.forEach(({ view }) => view.painter.spare(false)));
    api.addEventListener(EVENT, ({ detail }) => {
      const node = nodeByExecutionId(app.rootGraph ?? app.graph, detail?.node);
      if (whoDraws() === "nobody") return; // ComfyUI's own pictures of the training are there anyhow
      if (node && FILE.test(detail.file?.filename ?? "")) this.train(node, detail);
    });
  }

  /** A training shows its generators: follow it, unless an earlier moment is being looked at. */
  train(node, { run, step, total, file, moment }) {
    const view = this.preview(node);
    view.painter.spare(whoDraws() === "processor"); // the training needs the processor too
    const { state } = this.views.get(node);
    if (state.run !== run) Object.assign(state, { run, moments: [] });
    const following = view.controls.atLast;
    if (moment) state.moments = [...state.moments, { step, total, file }].slice(-MOST_MOMENTS);
    if (following) state.follower.offer(viewUrl(this.page.api, file));
    view.controls.offerMoments(momentsOf(state.moments, this.page.api), true, following);
  }

  /** Bring what a run gave to a live head; returns what of it is worth remembering. */
  show(view, output) {
    const { api } = this.page;
    const [file] = output?.itp_live ?? [];
    if (!FILE.test(file?.filename ?? "")) return {};
    [view.start] = output.itp_live_state ?? []; // for a view that holds its own values
    view.load(viewUrl(api, file));
    const [url] = pictureUrls(api, output, ["itp_render"]);
    if (url) view.showFinished(url, output.itp_live_state?.[0]);
    const sides = output.itp_strip_views ?? [];
    const strip = pictureUrls(api, output, ["itp_strip"]);
    view.strip.show(strip.map((address, i) => ({ url: address, yaw: Number(sides[i]?.[0]), pitch: Number(sides[i]?.[1]) })));
    const { itp_live, itp_live_state, itp_strip_views } = output;
    const used = { itp_live, itp_live_state, itp_strip_views };
    for (const key of ["itp_render", "itp_strip"]) used[key] = pictures(output, [key]);
    return Object.fromEntries(Object.entries(used).filter(([, value]) => value !== undefined));
  }

  /** The same for a node that trains: its moments too. */
  showRun(view, state, output) {
    const [found] = output?.itp_moments ?? [];
    state.follower.end();
    const moments = momentsOf(found?.moments, this.page.api);
    if (moments.length === 0) return this.show(view, output);
    Object.assign(state, { run: String(found.run), moments: found.moments });
    view.controls.offerMoments(moments, true, true);
    view.load(moments.at(-1).url);
    return { itp_moments: output.itp_moments };
  }

  /** Whether an output belongs into a live head, so that its node gets one. */
  wants = (output) => Boolean(output?.itp_moments?.length || output?.itp_live?.length);

  /** Ask the server for a moment's generators as files. */
  async keep(run, step) {
    const { api, tell } = this.page;
    const words = this.page.words();
    try {
      const body = JSON.stringify({ run, step });
      const answer = await api.fetchApi(KEEP, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      const { files, error } = await answer.json();
      if (!answer.ok) throw new Error(error ?? answer.statusText);
      tell("success", `${words.momentKept}: ${files.join(", ")}`);
    } catch (error) {
      tell("error", `${words.keepMoment}: ${error.message}`);
    }
  }
}
