// What a node inside a sub-graph shows while it works, on the node that stands for the sub-graph: frontend 1.58.1 keeps
// it inside.
import { isOurs, takeAway } from "./node_notes.mjs";
import { host, make } from "./view_style.mjs";

const [HEIGHT, MARGIN] = [220, 24]; // of the picture, and what the editor leaves about it
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

export class InnerPreviews {
  /** `page` is `{api, nodeOf(executionId)}`. */
  constructor(page) {
    Object.assign(this, { page, shown: new Map() });
  }

  attach() {
    this.page.api.addEventListener("b_preview_with_metadata", ({ detail }) => this.show(detail));
    for (const end of ENDS) this.page.api.addEventListener(end, () => [...this.shown.keys()].forEach((node) => this.clear(node)));
  }

  /** Bring a preview to the outermost node about the one that it is of; the last one stays until the run ends. */
  show({ blob, displayNodeId, nodeId } = {}) {
    const id = String(displayNodeId ?? nodeId ?? "");
    const outer = id.includes(":") && isOurs(this.page.nodeOf(id)?.comfyClass) && this.page.nodeOf(id.split(":")[0]);
    if (!outer || outer.imgs?.length) return; // older frontends show it themselves
    const { picture } = this.shown.get(outer) ?? this.add(outer);
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(blob);
  }

  add(node) {
    const picture = make("img", { alt: "", style: "flex: 1; min-height: 0; object-fit: contain; object-position: top" });
    const options = { serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT, getValue: () => "", setValue: () => {} };
    const widget = node.addDOMWidget("working", "ITP_WORKING", host("itportrait-working", picture), options);
    widget.serialize = false;
    const known = { widget, picture };
    this.shown.set(node, known);
    const [width, height] = node.computeSize?.() ?? node.size;
    node.setSize?.([Math.max(width, node.size[0]), Math.max(height + MARGIN, node.size[1])]);
    return known;
  }

  clear(node) {
    const { widget, picture } = this.shown.get(node);
    URL.revokeObjectURL(picture.src);
    takeAway(node, widget);
    this.shown.delete(node);
    node.graph?.setDirtyCanvas?.(true, true);
  }
}
