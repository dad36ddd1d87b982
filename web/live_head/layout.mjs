// Planes and decoder in the order in which the graphics card holds them. Pure numbers, no DOM.

/** Planes `[3, C/4, S, S, 4]` with a border of zeros, as the texture holds them. */
export function bordered(planes, layers, side) {
  const wide = side + 2;
  const out = new Float32Array(layers * wide * wide * 4);
  for (let layer = 0; layer < layers; layer += 1)
    for (let y = 0; y < side; y += 1) {
      const from = (layer * side + y) * side * 4;
      out.set(planes.subarray(from, from + side * 4), ((layer * wide + y + 1) * wide + 1) * 4);
    }
  return out;
}

/** The uniform block of a decoder: `w0` as 4x4 blocks, `b0`, `w1` as 4x4 blocks, `b1`; columns are inputs. */
export function decoderBlock({ w0, b0, w1, b1 }, channels, hidden) {
  const out = [];
  for (let h = 0; h < hidden; h += 4)
    for (let c = 0; c < channels; c += 4)
      for (let column = 0; column < 4; column += 1)
        for (let row = 0; row < 4; row += 1) out.push(w0[(h + row) * channels + c + column]);
  out.push(...b0);
  for (let h = 0; h < hidden; h += 4)
    for (let column = 0; column < 4; column += 1)
      for (let row = 0; row < 4; row += 1) out.push(w1[row * hidden + h + column]);
  return new Float32Array([...out, ...b1]);
}
