// Cross-fade, strength and person as weights, and the planes and decoder that they make. Pure numbers, no DOM.
//
// Planes are the sum of the last layers' outputs, so a mixture of planes is exact at its ends, where one weight is
// 1, and a preview between them: the server mixes weights of networks instead (Mix Styles).

const hold = (value, low, high) => Math.min(high, Math.max(low, Number.isFinite(value) ? value : low));

/** Weights of generators: `fade` 0..count-1 runs from one to the next, `strength` from the first one to that. */
export function styleWeights(count, fade, strength) {
  const at = hold(fade, 0, count - 1);
  const weights = Array.from({ length: count }, (_, i) => Math.max(0, 1 - Math.abs(at - i)) * strength);
  weights[0] += 1 - strength;
  return weights;
}

/** Weights of people: 0 the first, 1 the second. */
export const personWeights = (count, person) => (count < 2 ? [1] : [1 - hold(person, 0, 1), hold(person, 0, 1)]);

/** `[{weight, style, person}]` of a head for `{fade, strength, person}`; only what counts. */
export function parts(head, { fade = 0, strength = 1, person = 0 } = {}) {
  const people = personWeights(head.people.length, person);
  return styleWeights(head.styles.length, fade, strength).flatMap((weight, style) =>
    people.map((share, who) => ({ weight: weight * share, style, person: who })).filter((part) => part.weight !== 0));
}

/** Whether a mixture is one generator's picture of one person, and so exact. */
export const isExact = (mixture) => mixture.length === 1 && mixture[0].weight === 1;

/** The sum of weighted arrays; the array itself where there is one of weight 1. */
export function weighted(items) {
  if (items.length === 1 && items[0][0] === 1) return items[0][1];
  const out = new Float32Array(items[0][1].length);
  for (const [weight, values] of items) for (let i = 0; i < out.length; i += 1) out[i] += weight * values[i];
  return out;
}

/** Planes and decoder of a mixture. */
export function mixed(head, mixture) {
  const planes = weighted(mixture.map(({ weight, style, person }) => [weight, head.styles[style].planes[person]]));
  const decoder = {};
  for (const name of ["w0", "b0", "w1", "b1"])
    decoder[name] = weighted(merge(mixture).map(([weight, style]) => [weight, head.styles[style].decoder[name]]));
  return { planes, decoder };
}

/** Weights by style, people summed: a decoder knows no people. */
function merge(mixture) {
  const sums = new Map();
  for (const { weight, style } of mixture) sums.set(style, (sums.get(style) ?? 0) + weight);
  return [...sums].map(([style, weight]) => [Math.abs(weight - 1) < 1e-12 ? 1 : weight, style]);
}
