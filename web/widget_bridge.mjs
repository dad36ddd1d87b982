// Between a node's number widgets, which hold the truth, and a view of them.

/** Read, write and watch the named widgets of a node. Widgets that the node lacks are passed over. */
export class WidgetBridge {
  /**
   * @param node the LiteGraph node.
   * @param names names of its widgets.
   * @param notify called after anything but this bridge changed one of them.
   */
  constructor(node, names, notify) {
    this.node = node;
    this.names = names;
    this.notify = notify;
    this.writing = false;
  }

  find(name) {
    return this.node.widgets?.find((widget) => widget.name === name);
  }

  has(name) {
    return this.find(name) !== undefined;
  }

  /** Whether a cable feeds this input, so that its widget does not count. */
  linked(name) {
    const slot = this.node.inputs?.findIndex((input) => input.widget?.name === name) ?? -1;
    return slot >= 0 && this.node.isInputConnected(slot);
  }

  /** `{name: value}` of the widgets that there are. */
  read() {
    return Object.fromEntries(this.names.filter((n) => this.has(n)).map((n) => [n, this.find(n).value]));
  }

  /** `[low, high]` of a number widget. */
  limits(name, otherwise) {
    const options = this.find(name)?.options ?? {};
    return [options.min ?? otherwise[0], options.max ?? otherwise[1]];
  }

  /** Set widgets, numbers to two digits and within their ranges; those fed by a cable are left alone. */
  write(values) {
    this.writing = true;
    for (const [name, value] of Object.entries(values)) {
      const widget = this.find(name);
      if (!widget || this.linked(name)) continue;
      const tidy = typeof value === "number" ? fit(widget, value) : value;
      if (widget.value === tidy) continue;
      widget.value = tidy;
      widget.callback?.(tidy);
      widget.value = tidy; // callbacks of number widgets round to what they display
    }
    this.writing = false;
    this.node.graph?.setDirtyCanvas?.(true, true);
  }

  /** Begin to watch: edits, loading, and cables. Call once the node has its widgets. */
  watch() {
    for (const name of this.names) {
      const widget = this.find(name);
      if (widget) this.chain(widget, "callback");
    }
    this.chain(this.node, "onConfigure");
    this.chain(this.node, "onConnectionsChange");
  }

  chain(owner, key) {
    const before = owner[key];
    const bridge = this;
    owner[key] = function chained(...args) {
      const result = before?.apply(this, args);
      if (!bridge.writing) bridge.notify();
      return result;
    };
  }
}

function fit(widget, value) {
  const { min = -Infinity, max = Infinity } = widget.options ?? {};
  return Math.min(max, Math.max(min, Math.round(value * 100) / 100));
}
