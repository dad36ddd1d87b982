// Widgets that come after their node.

const FRAMES = 4; // in which an editor that means to show a new widget has done so

/**
 * See to it that the element of a new widget is on the page. Nodes 2.0 of frontend 1.32.9 copies a node's list of
 * widgets when a cable is drawn, and looks at the copy from then on.
 */
export async function showLate(node, element, height, nextFrame = () => new Promise(requestAnimationFrame)) {
  for (let i = 0; i < FRAMES; i += 1) await nextFrame();
  const list = element.isConnected ? null : document.querySelector(`[data-node-id="${node.id}"] .lg-node-widgets`);
  if (!list) return;
  Object.assign(element.style, { minHeight: `${height}px`, width: "auto", marginLeft: "12px" }); // as the others are
  list.append(element);
}
