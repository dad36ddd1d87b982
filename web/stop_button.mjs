// 'Stop now and keep': a button on the nodes that train. It asks the server; nothing of it is stored or queued.

const ROUTE = "/itportrait/stop_and_keep"; // nodes/stopping.py
const TRAINING = ["Stylize", "Fuse", "PivotalTuning", "Inversion"].map((name) => `ITportrait_${name}`);

/** Whether a node trains, so that there is something to stop. */
export const canStop = (node) => TRAINING.includes(node.comfyClass);

/** Ask for the result so far, and `tell(severity, text)` what came of it. */
export async function stopAndKeep(api, words, tell) {
  try {
    const answer = await api.fetchApi(ROUTE, { method: "POST" });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    const { running } = await answer.json();
    tell(running ? "success" : "info", running ? words.stopping : words.nothingToStop);
  } catch (error) {
    tell("error", `${words.stopAndKeep}: ${error.message}`);
  }
}

/** Put the button below everything else in a node; there it shifts no stored value. */
export function addStopButton(node, api, words, tell) {
  const press = () => stopAndKeep(api, words, tell);
  // the option keeps it out of the prompt, the attribute out of the workflow
  // its name is what it says, because Nodes 2.0 of frontend 1.32.9 shows no label
  const button = node.addWidget("button", words.stopAndKeep, null, press, { serialize: false });
  button.serialize = false;
  button.tooltip = words.stopHelp;
  return button;
}
