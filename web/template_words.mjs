// Titles and notes of the templates in the page's language: a workflow file holds English alone.

export const LANGUAGES = ["zh", "ja"]; // each a file in template_words/, English text -> text

/** The words for a locale such as `zh-TW`; none for English and for what is not known. */
export async function templateWords(locale, fetchJson) {
  const [language] = String(locale ?? "").split(/[-_]/);
  if (!LANGUAGES.includes(language)) return {};
  return fetchJson(new URL(`./template_words/${language}.json`, import.meta.url)).catch(() => ({}));
}

/** Put what is word for word a template's into the other language; everything else is the user's and stays. */
export function translate(graphs, words) {
  const say = (owner, key) => {
    if (typeof owner[key] === "string" && Object.hasOwn(words, owner[key])) owner[key] = words[owner[key]];
  };
  for (const graph of graphs) {
    for (const group of graph.groups ?? graph._groups ?? []) say(group, "title");
    for (const node of graph.nodes ?? []) {
      say(node, "title");
      if (/Note$/.test(node.type)) for (const widget of node.widgets ?? []) say(widget, "value");
    }
  }
}
