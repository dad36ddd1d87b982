// What the last run gave to each view, kept in this tab of the browser, so that it is there again after a reload.
// Only names of the server's own files are kept, as it told them; nothing of this goes into workflows or pictures.

export const KEY = "ITportrait.LastRuns";
const MOST = 80; // views that are remembered; the oldest are forgotten

/** Where a node is: its graph, or the definition of its sub-graph, its number in it, and its kind. */
export const placeOf = (node) => `${node?.graph?.id ?? ""}/${node?.id}/${node?.type}`;

/** Keep what a run gave to the view at a place: an output entry such as `{itp_render: [...], itp_pose: [...]}`. */
export function remember(storage, place, output) {
  const others = read(storage).filter(([known]) => known !== place);
  const kept = { ...recall(storage, place), ...output };
  try {
    storage.setItem(KEY, JSON.stringify([...others, [place, kept]].slice(-MOST)));
  } catch {
    // a full or forbidden storage only means that a reload forgets
  }
}

/** What was kept for a place; undefined where nothing was. */
export const recall = (storage, place) => read(storage).find(([known]) => known === place)?.[1];

function read(storage) {
  try {
    const pairs = JSON.parse(storage.getItem(KEY) ?? "[]");
    return pairs.filter(([place, output]) => typeof place === "string" && typeof output === "object");
  } catch {
    return [];
  }
}
