// What a run showed, brought to the views: which node an `executed` message speaks of, and its pictures.

/** The node behind an execution id such as `7` or, inside sub-graphs, `12:7`; undefined where there is none. */
export function nodeByExecutionId(root, id) {
  const parts = String(id).split(":");
  let graph = root;
  for (const part of parts.slice(0, -1)) graph = graph?.getNodeById?.(Number(part))?.subgraph;
  return graph?.getNodeById?.(Number(parts.at(-1)));
}

/** Nodes that take what `node` gives, nearest first, at most `depth` cables away, in the same graph. */
export function downstream(node, depth = 3) {
  const found = [];
  let edge = [node];
  for (let i = 0; i < depth; i += 1) {
    const next = edge.flatMap((from) => (from.outputs ?? []).flatMap((_, slot) => from.getOutputNodes(slot) ?? []));
    edge = [...new Set(next)].filter((to) => !found.includes(to));
    found.push(...edge);
  }
  return found;
}

/** The node that feeds an input; undefined for a free one. */
export function upstream(node, inputName) {
  const slot = node.inputs?.findIndex((input) => input.name === inputName) ?? -1;
  return slot < 0 ? undefined : (node.getInputNode(slot) ?? undefined);
}

/** Address of a picture that a run or an upload left on the server. */
export function viewUrl(api, { filename, subfolder = "", type = "output" }, fresh = "") {
  const query = new URLSearchParams({ filename, subfolder, type, ...(fresh && { rand: fresh }) });
  return api.apiURL(`/view?${query}`);
}

/** Pictures of an output entry under one of the keys; files that are no still pictures stay out. */
export function pictures(output, keys = ["itp_render", "images"]) {
  const files = keys.map((key) => output?.[key]).find((list) => Array.isArray(list) && list.length > 0) ?? [];
  return files.filter((file) => /\.(png|jpe?g|webp|gif)$/i.test(file?.filename ?? ""));
}

/** The same as addresses. */
export const pictureUrls = (api, output, keys) =>
  pictures(output, keys).map((file) => viewUrl(api, file, String(Date.now())));

/** The picture that a loader node holds, as an address, before any run; undefined for other nodes. */
export function loadedPicture(api, node) {
  const name = node?.widgets?.find((widget) => widget.name === "image")?.value;
  if (typeof name !== "string" || !/\.\w{3,5}( \[\w+\])?$/.test(name)) return undefined;
  const [, path, type = "input"] = name.match(/^(.*?)(?: \[(\w+)\])?$/);
  const cut = path.lastIndexOf("/");
  return viewUrl(api, { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(cut, 0)), type });
}
