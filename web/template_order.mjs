// The order of our templates in the browser of templates: the server lists files as the disk happens to.

export const ORDER = [
  "Start here", // the coupled portrait as one node, then every step of it
  "Every step, explained",
  "Style from one picture",
  "Style and edits, no training",
  "Style from a text",
  "Two styles, mixed",
  "A photo, changed by a text",
  "A head to turn by hand",
  "3D model and splats",
  "Video of a turning head",
  "Depth for ControlNet",
  "Enlarge and place on a background",
];

/** The pack's folder, as the server knows it: whoever installed the pack may have renamed it. */
export const packOf = (address) => decodeURIComponent(new URL(address).pathname.split("/").at(-2));

/** Names in our order; what is not in it comes last, by name. */
export function inOrder(names) {
  const place = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return [...names].sort((one, other) => place(one) - place(other) || one.localeCompare(other));
}

/** Let the editor's list of templates `{pack: [name]}` have ours in order; all other packs' stay. */
export function orderTemplates(api, pack = packOf(import.meta.url)) {
  const listed = api.getWorkflowTemplates;
  if (typeof listed !== "function") return;
  api.getWorkflowTemplates = async function getWorkflowTemplates(...args) {
    const found = await listed.apply(this, args);
    return Array.isArray(found?.[pack]) ? { ...found, [pack]: inOrder(found[pack]) } : found;
  };
}
