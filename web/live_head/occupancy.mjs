// Where a head is: a grid of cells that lets the renderer pass over empty space. Pure numbers, no DOM.

export const CELLS = 32;
export const TILES = 8; // slices in a row of the picture of densities
const FAINT = -6; // raw density below which a cell is empty: an interval there stops less than 1e-4 of the light
const OFFSET = 32;
const SCALE = 255 / 64; // of a byte per unit of raw density

/** Cells `[z, y, x]`, 255 where a cell or one beside it holds anything, and the mean raw density of the others. */
export function occupancyOf(densities) {
  const cells = new Uint8Array(CELLS ** 3);
  let [sum, count] = [0, 0];
  const row = CELLS * TILES;
  for (let z = 0, i = 0; z < CELLS; z += 1)
    for (let y = 0; y < CELLS; y += 1)
      for (let x = 0; x < CELLS; x += 1, i += 1) {
        const value = densities[((Math.floor(z / TILES) * CELLS + y) * row + (z % TILES) * CELLS + x) * 4];
        const sigma = value / SCALE - OFFSET;
        if (sigma > FAINT) cells[i] = 255;
        else {
          sum += sigma;
          count += 1;
        }
      }
  return { cells: widened(cells), emptyDensity: count > 0 ? sum / count : FAINT, box: boxOf(cells) };
}

/** Lowest and highest corner of the taken cells, in shares of the cube's side from its middle; all of it if none. */
export function boxOf(cells) {
  const [low, high] = [[CELLS, CELLS, CELLS], [-1, -1, -1]];
  for (let i = 0; i < cells.length; i += 1) {
    if (!cells[i]) continue;
    [1, CELLS, CELLS ** 2].forEach((step, axis) => {
      const at = Math.floor(i / step) % CELLS;
      low[axis] = Math.min(low[axis], at);
      high[axis] = Math.max(high[axis], at + 1);
    });
  }
  if (high[0] < 0) return [[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]];
  return [low, high].map((corner) => corner.map((at) => at / CELLS - 0.5));
}

/** Cells with all their neighbours, diagonal ones too: one axis after the other. */
export function widened(cells) {
  let from = cells;
  for (const step of [1, CELLS, CELLS ** 2]) {
    const to = Uint8Array.from(from);
    for (let i = 0; i < from.length; i += 1) {
      if (!from[i]) continue;
      const at = Math.floor(i / step) % CELLS;
      if (at > 0) to[i - step] = 255;
      if (at < CELLS - 1) to[i + step] = 255;
    }
    from = to;
  }
  return from;
}
