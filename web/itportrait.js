// The pack's extension: two views on top of number and text widgets, a button, and its settings. Everything else is
// in the modules beside it; ComfyUI loads this file by itself because it ends in .js.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { CAMERA_WIDGETS, CameraView } from "./camera_view.mjs";
import { parse } from "./five_points_math.mjs";
import { FivePointsView, POINT_WIDGETS } from "./five_points_view.mjs";
import { InnerPreviews } from "./inner_previews.mjs";
import { LiveNodes } from "./live_nodes.mjs";
import { NodeNotes, isOurs } from "./node_notes.mjs";
import { placeOf, recall, remember } from "./last_runs.mjs";
import { downstream, loadedPicture, nodeByExecutionId, pictures, pictureUrls, upstream } from "./run_outputs.mjs";
import { SETTINGS, setting } from "./settings.mjs";
import { addStopButton, canStop } from "./stop_button.mjs";
import { orderTemplates } from "./template_order.mjs";
import { templateWords, translate } from "./template_words.mjs";
import { TrainingHeads } from "./training_heads.mjs";
import { WidgetBridge } from "./widget_bridge.mjs";
import { wordsFor } from "./words.mjs";

const [WIDTH, HEIGHT] = [340, 320]; // of a view in a fresh node, with the margin that ComfyUI leaves about it

const LIVE_HEAD = "ITportrait_LiveHead";

/** Every live view, to be told of runs and settings: `{node, view, seen(from, output)}`; `seen` gives what it used. */
const live = new Set();

const words = () => wordsFor(setting(app, "Comfy.Locale"));

const cameraOptions = () => ({
  backdrop: setting(app, "ITportrait.Camera.ShowLastRender"),
  speed: setting(app, "ITportrait.Camera.DragSpeed"),
  inverted: setting(app, "ITportrait.Camera.DragMovesCamera"),
});

const liveOptions = () => ({ ...cameraOptions(), finished: setting(app, "ITportrait.Live.ShowFinished") });

/** Say something for a moment, in the corner where ComfyUI says things. */
const tell = (severity, summary, detail) =>
  app.extensionManager?.toast?.add({ severity, summary, detail, life: detail ? 15000 : 4000 });

const nodeOf = (id) => nodeByExecutionId(app.rootGraph ?? app.graph, id);

/** Put a view into a node: shown, never stored, gone with its node. */
function addView(node, name, type, view, entry, height = HEIGHT) {
  const widget = node.addDOMWidget(name, type, view.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => height,
    getValue: () => "",
    setValue: () => {},
    onDraw: () => view.look(),
  });
  widget.serialize = false;
  // the side panel of frontend 1.58.1 borrows the view, and writes its own width for good
  Object.defineProperty(widget, "width", { get: () => undefined, set: () => {} });
  live.add(entry);
  const before = widget.onRemove;
  widget.onRemove = function onRemove(...args) {
    live.delete(entry);
    view.dispose();
    return before?.apply(this, args);
  };
  return { widget, minWidth: WIDTH, minHeight: height };
}

function cameraView(node, name) {
  let view;
  const bridge = new WidgetBridge(node, CAMERA_WIDGETS, () => view.refresh());
  view = new CameraView(bridge, words(), cameraOptions);
  queueMicrotask(() => {
    bridge.watch();
    view.begin();
  });
  const seen = (from, output) => {
    if (from !== node && !downstream(node).includes(from)) return {};
    const [urls, used] = [pictureUrls(api, output), {}];
    if (urls.length > 0) {
      view.showPictures(urls);
      used.itp_render = pictures(output);
    }
    if (from === node && output?.itp_pose) {
      view.showPose(output.itp_pose[0]);
      used.itp_pose = output.itp_pose;
    }
    return used;
  };
  return addView(node, name, "ITP_CAMERA_VIEW", view, { node, view, seen });
}

function fivePointsView(node, name) {
  let view;
  const loaded = () => loadedPicture(api, upstream(node, "image"));
  const bridge = new WidgetBridge(node, POINT_WIDGETS, () => view.look());
  view = new FivePointsView(bridge, words(), () => ({ crop: setting(app, "ITportrait.Points.ShowCrop") }), loaded);
  queueMicrotask(() => {
    bridge.watch();
    view.look();
  });
  const seen = (from, output) => {
    const points = output?.itp_points;
    const before = output?.itp_before; // of a run that is remembered: the picture that it took
    if (from !== node || (before !== undefined && before !== (loaded() ?? ""))) return {};
    view.look(); // so that it does not take the same picture for a new one later
    const [url] = pictureUrls(api, output, ["itp_source"]);
    view.show((before && loaded()) || url || loaded(), parse(points?.flat(3).join(" ")));
    return points ? { itp_points: points, itp_before: loaded() ?? "", itp_source: pictures(output, ["itp_source"]) } : {};
  };
  return addView(node, name, "ITP_FIVE_POINTS_VIEW", view, { node, view, seen });
}

/** The live head that comes after a node; undefined where there is none. */
const headAfter = (node) => downstream(node).find(({ comfyClass }) => comfyClass === LIVE_HEAD);

/** The node that stands for a sub-graph with a live head inside, unless a live head comes after it anyway. */
function standsFor(from, id) {
  const outer = from.comfyClass === LIVE_HEAD ? nodeOf(String(id).split(":")[0]) : undefined;
  return outer?.subgraph && !headAfter(outer) ? outer : undefined;
}

/** The head outside that shows what is trained inside a sub-graph; undefined for a node in no sub-graph. */
function viewOutside(id) {
  const outer = String(id).includes(":") ? nodeOf(String(id).split(":")[0]) : undefined;
  if (!outer?.subgraph) return undefined;
  const after = headAfter(outer);
  return after ? [...live].find(({ node }) => node === after)?.view : liveNodes.preview(outer);
}

const notes = new NodeNotes({ app, api, words, tell, nodeOf });
const liveNodes = new LiveNodes({ app, api, words, tell, addView, options: liveOptions });

app.registerExtension({
  name: "ITportrait.Views",
  settings: SETTINGS.map((entry) => ({ ...entry, onChange: () => live.forEach(({ view }) => view.refresh()) })),
  getCustomWidgets: () => ({ ITP_CAMERA_VIEW: cameraView, ITP_FIVE_POINTS_VIEW: fivePointsView, ITP_LIVE_VIEW: (node, name) => liveNodes.widget(node, name) }),
  init: () => orderTemplates(api),
  nodeCreated(node) {
    if (canStop(node)) addStopButton(node, api, words(), tell);
    liveNodes.watchSwitch(node);
    // ComfyUI draws a new seed after each run, so that a graph built by hand would train every time
    for (const { name, linkedWidgets } of node.widgets ?? [])
      if (name === "seed" && isOurs(node.comfyClass)) for (const control of linkedWidgets ?? []) control.value = "fixed";
    // a workflow that is being opened sets its own values after this
    const widget = node.widgets?.find(({ name }) => name === "private");
    if (widget && isOurs(node.comfyClass)) widget.value = setting(app, "ITportrait.Recipes.Private");
  },
  afterConfigureGraph() {
    const root = app.rootGraph ?? app.graph;
    const graphs = [root, ...(root.subgraphs?.values() ?? [])];
    const fetched = templateWords(setting(app, "Comfy.Locale"), async (url) => (await fetch(url)).json());
    fetched.then((texts) => translate(graphs, texts));
    for (const graph of graphs)
      for (const node of graph.nodes ?? [])
        if (node.comfyClass !== LIVE_HEAD && liveNodes.wants(recall(sessionStorage, placeOf(node)))) liveNodes.preview(node);
    for (const { node, seen } of live) {
      const last = recall(sessionStorage, placeOf(node));
      if (last) seen(node, last);
    }
  },
  setup() {
    new TrainingHeads({ api, viewOf: viewOutside }).attach();
    liveNodes.attach();
    notes.attach();
    new InnerPreviews({ api, nodeOf }).attach();
    api.addEventListener("executed", ({ detail }) => {
      const id = detail.display_node ?? detail.node;
      const from = nodeOf(id);
      if (!from) return;
      notes.heard(from, detail.output);
      if (from.comfyClass !== LIVE_HEAD && liveNodes.wants(detail.output)) liveNodes.preview(from);
      const outer = standsFor(from, id);
      if (outer) liveNodes.preview(outer);
      for (const { node, seen } of live) {
        const used = seen(node === outer ? outer : from, detail.output);
        if (Object.keys(used).length > 0) remember(sessionStorage, placeOf(node), used);
      }
    });
  },
});
