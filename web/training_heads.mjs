// A training inside a sub-graph, from outside: the live head after the sub-graph, or the one that stands on its node,
// follows the training, so that a head in the new style can be turned long before the run is over.
import { Follower } from "./live_head/follower.mjs";
import { whoDraws } from "./live_head/gl.mjs";
import { EVENT, FILE } from "./live_nodes.mjs";
import { viewUrl } from "./run_outputs.mjs";

const ENDS = ["executed", "execution_success", "execution_error", "execution_interrupted"];

export class TrainingHeads {
  /** `page` is `{api, viewOf(executionId)}`; `drawer()` says who draws a head: "card", "processor" or "nobody". */
  constructor(page, drawer = whoDraws) {
    Object.assign(this, { page, drawer, followers: new Map() });
  }

  /** Listen to trainings. Attach it before what shows results, or an old head could come after a finished one. */
  attach() {
    const { api } = this.page;
    api.addEventListener(EVENT, ({ detail }) => this.hear(detail));
    for (const end of ENDS) api.addEventListener(end, () => this.end());
  }

  hear({ node, file } = {}) {
    const by = this.drawer();
    const view = by !== "nobody" && FILE.test(file?.filename ?? "") ? this.page.viewOf(node) : undefined;
    if (!view) return;
    if (!this.followers.has(view)) this.followers.set(view, new Follower((url) => view.load(url)));
    view.finishedAt = null; // the picture of an earlier run would lie over this one
    view.painter.spare(by === "processor"); // the training needs the processor too
    this.followers.get(view).offer(viewUrl(this.page.api, file));
  }

  /** A node is done: what the training has shown is old now. */
  end() {
    for (const [view, follower] of this.followers) {
      follower.end();
      view.painter.spare(false);
    }
    this.followers.clear();
  }
}
