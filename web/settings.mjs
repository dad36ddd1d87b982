// The pack's settings, all under one name, and how the views read them.

export const SETTINGS = [
  {
    id: "ITportrait.Camera.ShowLastRender",
    name: "Show the last render behind the head",
    type: "boolean",
    defaultValue: true,
    category: ["ITportrait", "Camera", "ShowLastRender"],
    tooltip: "The camera view shows what the node, or the render after it, made last.",
  },
  {
    id: "ITportrait.Camera.DragSpeed",
    name: "Drag speed",
    type: "slider",
    attrs: { min: 0.25, max: 2, step: 0.05 },
    defaultValue: 1,
    category: ["ITportrait", "Camera", "DragSpeed"],
    tooltip: "At 1 the front of the head follows the pointer.",
  },
  {
    id: "ITportrait.Camera.DragMovesCamera",
    name: "Dragging moves the camera, not the head",
    type: "boolean",
    defaultValue: false,
    category: ["ITportrait", "Camera", "DragMovesCamera"],
    tooltip: "Turns the direction of a drag round.",
  },
  {
    id: "ITportrait.Live.ShowFinished",
    name: "Fade the finished picture in over a live head at rest",
    type: "boolean",
    defaultValue: true,
    category: ["ITportrait", "Live", "ShowFinished"],
    tooltip: "Where the last run drew the same view, its picture takes the place of the live one.",
  },
  {
    id: "ITportrait.Points.ShowCrop",
    name: "Show the crop around the five points",
    type: "boolean",
    defaultValue: true,
    category: ["ITportrait", "Points", "ShowCrop"],
    tooltip: "Outlines the square that Align Portrait cuts.",
  },
  {
    id: "ITportrait.Recipes.Private",
    name: "New nodes leave names and paths out of files",
    type: "boolean",
    defaultValue: false,
    category: ["ITportrait", "Recipes", "Private"],
    tooltip: "Sets the private switch of nodes that save, when they are placed. Nodes that are there stay as they are.",
  },
];

/** A setting's value, or its default where the page knows no settings. */
export function setting(app, id) {
  const value = app.extensionManager?.setting?.get(id);
  return value ?? SETTINGS.find((entry) => entry.id === id)?.defaultValue;
}
