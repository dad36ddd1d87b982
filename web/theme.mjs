// Colours of the views, taken from the page's own theme.

/** Relative brightness in [0, 1] of a CSS colour as `getComputedStyle` gives it. */
export function brightness(colour) {
  const [r, g, b] = (colour.match(/[\d.]+/g) ?? ["0", "0", "0"]).map(Number);
  const scale = colour.startsWith("color(") ? 1 : 255;
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / scale;
}

const DARK = {
  ground: ["#3b4250", "#1b1e25"],
  line: "rgb(255 255 255 / 14%)",
  dial: "rgb(255 255 255 / 22%)",
  track: "rgb(255 255 255 / 16%)",
  well: "rgb(0 0 0 / 22%)",
  dot: "rgb(255 255 255 / 55%)",
  knobEdge: "#ffffff",
  accent: "#5aa9ff",
  rim: [150, 185, 235],
  clay: {
    skin: [[92, 70, 70], [196, 152, 130], [255, 228, 206]],
    hair: [[34, 24, 26], [92, 62, 50], [176, 128, 98]],
    bust: [[38, 44, 60], [82, 98, 128], [146, 168, 204]],
  },
  features: {
    eye: [252, 250, 246],
    iris: [74, 110, 150],
    pupil: [22, 24, 34],
    glint: [255, 255, 255],
    brow: [70, 48, 42],
    mouth: [172, 88, 84],
  },
};

const LIGHT = {
  ...DARK,
  ground: ["#fdfdfe", "#d5dae4"],
  line: "rgb(0 0 0 / 16%)",
  dial: "rgb(0 0 0 / 20%)",
  track: "rgb(0 0 0 / 14%)",
  well: "rgb(0 0 0 / 5%)",
  dot: "rgb(0 0 0 / 45%)",
  accent: "#2277dd",
  rim: [255, 255, 255],
  clay: {
    skin: [[150, 112, 104], [222, 180, 156], [255, 236, 218]],
    hair: [[60, 44, 44], [122, 86, 68], [198, 152, 118]],
    bust: [[84, 98, 128], [132, 152, 188], [190, 206, 232]],
  },
};

/** The palette for an element: dark or light by the colour of its text. */
export function themeOf(element) {
  const style = getComputedStyle(element);
  const dark = brightness(style.color) > 0.5;
  return {
    ...(dark ? DARK : LIGHT),
    dark,
    text: style.color,
    dim: dark ? "rgb(255 255 255 / 60%)" : "rgb(0 0 0 / 58%)",
    font: style.fontFamily || "sans-serif",
  };
}
