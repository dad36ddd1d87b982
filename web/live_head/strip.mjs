// Where there is no WebGL2: a strip of pictures that the server rendered, of which the nearest is shown.
import { wrap } from "../camera_math.mjs";

/** Index of the view `{yaw, pitch}` that is nearest to a state; -1 for none. */
export function nearest(views, { yaw, pitch }) {
  const distance = (view) => Math.hypot(wrap(view.yaw - yaw), view.pitch - pitch);
  return views.reduce((best, view, i) => (best < 0 || distance(view) < distance(views[best]) ? i : best), -1);
}

export class Strip {
  constructor(view) {
    Object.assign(this, { view, views: [], why: "" });
  }

  /** There is no WebGL2: say why, and ask the node for a strip with the next run. */
  begin(why) {
    this.why = why;
    this.view.store.write({ strip: true });
    this.explain();
  }

  explain() {
    const { words, store } = this.view;
    const more = this.views.length ? words.liveStrip : store.has("strip") ? words.liveRunAgain : "";
    this.view.say(`${words.liveNoGl} (${this.why}). ${more}`);
  }

  /** Pictures `[{url, yaw, pitch}]` of the strip. */
  show(views) {
    this.views = views.map((entry) => Object.assign(new Image(), { src: entry.url, itp: entry }));
    for (const picture of this.views) picture.onload = () => this.update(this.view.state);
    if (this.why) this.begin(this.why);
  }

  update(state) {
    if (!this.why) return;
    const picture = this.views[nearest(this.views.map(({ itp }) => itp), state)];
    const { canvas } = this.view;
    if (!picture?.complete || !picture.naturalWidth || !canvas.width) return;
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
}
