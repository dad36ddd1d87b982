// Starts a live head in a page of its own, as Export Live Head writes it: everything is in the page, nothing is fetched.
import { wordsFor } from "../words.mjs";
import { parse } from "./format.mjs";
import { LiveHeadView } from "./head_view.mjs";
import { ownStore } from "./state.mjs";

/** Bytes of a base64 text. */
function bytesOf(text) {
  const raw = atob(text.trim());
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) bytes[i] = raw.charCodeAt(i);
  return bytes.buffer;
}

/** Put the head whose file stands as base64 in the element `data` into the element `place`. */
export function begin(place, data) {
  const view = new LiveHeadView(ownStore(), wordsFor(navigator.language), () => ({ speed: 1, inverted: false, finished: false }));
  place.append(view.element);
  try {
    view.show(parse(bytesOf(data.textContent)));
  } catch (error) {
    view.say(`${view.words.liveFailed}: ${error.message}`);
  }
  return view;
}
