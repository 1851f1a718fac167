// The list of the fleet: to be sorted and searched. Only the lines in sight exist.

const LINE = 20; // CSS pixels

/** The columns: name, what a satellite has there in round k, as text; `up` where the least comes first. */
function columnsOf(run) {
  const number = (name, unit) => ({ of: (n, k) => run[name][k * run.size + n], text: (v) => quantity(v, unit ?? run.about[name]?.unit) });
  const columns = {
    name: { of: (n) => run.names[n], text: String, up: true },
    activity: { of: (n, k) => run.modes[run.mode[k * run.size + n]], text: String, up: true },
    battery: { ...number("battery", "share"), up: true },
    temperature: { ...number("temperature"), head: "temp." },
    value: { of: (n, k) => earned(run, k)[n], text: (v) => quantity(v), head: run.score === "value so far" ? "value" : "reward" },
    reward: { ...number("reward"), head: "round" },
  };
  if (run.fuel) columns.fuel = { ...number("fuel", ""), up: true, note: ", m/s" };
  return columns;
}

/** What each satellite has delivered (or been rewarded with) up to round k, summed from where it was last asked. */
function earned(run, k) {
  const each = run.score === "value so far" ? run.delivered_value : run.reward;
  if (!run.earned || run.earned.k > k || run.earned.each !== each) run.earned = { k: -1, each, sums: new Float64Array(run.size) };
  const { sums } = run.earned;
  for (let j = run.earned.k + 1; j <= k; j++) for (let n = 0; n < run.size; n++) sums[n] += each?.[j * run.size + n] || 0;
  run.earned.k = k;
  return sums;
}

/** The place of each satellite in the order of names, in which 2 comes before 10. */
function ranks(run) {
  if (!run.ranks) {
    const { compare } = new Intl.Collator("en", { numeric: true });
    run.ranks = new Int32Array(run.size);
    [...run.names.keys()].sort((a, b) => compare(run.names[a], run.names[b])).forEach((n, i) => { run.ranks[n] = i; });
  }
  return run.ranks;
}

class FleetList {
  constructor(view, parent) {
    Object.assign(this, { view, by: "name", down: false, text: "", order: [], at: 0, key: "", drawn: 0, top: 0, tall: 0 });
    this.box = element("div", "oas-list", parent);
    this.box.hidden = true;
    this.box.setAttribute("role", "region");
    this.box.setAttribute("aria-label", "satellites");
    const top = element("div", "", this.box);
    this.field = element("input", "oas-find", top);
    Object.assign(this.field, { type: "search", placeholder: "name or activity" });
    this.field.setAttribute("aria-label", "filter the satellites");
    this.field.addEventListener("input", () => { this.text = this.field.value.toLowerCase(); this.at = 0; this.rows.scrollTop = this.top = 0; this.write(true); });
    this.field.addEventListener("keydown", (event) => this.pressed(event));
    const shut = element("button", "", top, "✕");
    shut.type = "button";
    shut.setAttribute("aria-label", "close the list");
    shut.addEventListener("click", () => this.toggle(false));
    this.heads = element("div", "oas-heads", this.box);
    this.rows = element("div", "oas-rows", this.box);
    this.rows.tabIndex = 0;
    this.rows.setAttribute("role", "listbox");
    this.rows.setAttribute("aria-label", "satellites, by the chosen column");
    this.space = element("div", "", this.rows);
    this.space.setAttribute("role", "presentation");
    this.rows.addEventListener("scroll", () => { this.top = this.rows.scrollTop; this.fill(); });
    this.rows.addEventListener("keydown", (event) => this.pressed(event));
    this.rows.addEventListener("click", (event) => {
      const line = event.target.closest(".oas-entry");
      if (!line) return;
      this.choose(Number(line.dataset.i));
      if (this.view.root.classList.contains("narrow")) this.toggle(false); // there is room for one of them
    });
    this.lines = [];
  }

  get run() { return this.view.runs[Math.min(this.view.chosenRun, this.view.runs.length - 1)]; }

  toggle(on = this.box.hidden) {
    this.box.hidden = !on;
    this.view.stale = true;
    if (on) { this.head(); this.write(true); this.field.focus(); } else this.view.root.focus({ preventScroll: true });
    this.view.redraw();
  }

  head() {
    this.heads.replaceChildren();
    this.box.classList.toggle("fuel", !!this.run.fuel);
    for (const [name, column] of Object.entries(columnsOf(this.run))) {
      const made = element("button", name === this.by ? "on" : "", this.heads, (column.head || name) + (name === this.by ? (this.down ? " ▾" : " ▴") : ""));
      made.type = "button";
      made.setAttribute("aria-label", `sort by ${name}${column.note || ""}${name === this.by ? this.down ? ", falling" : ", rising" : ""}`);
      made.addEventListener("click", () => {
        this.down = this.by === name ? !this.down : !column.up;
        this.by = name;
        this.head();
        this.write(true);
        this.heads.querySelector(".on").focus();
      });
    }
  }

  /** Sort anew where the round is another, in playing a few times a second, and write what is in sight. */
  write(now = false) {
    if (this.box.hidden) return;
    const { run, view } = this, { k } = view.when(run), key = `${k} ${view.selected} ${view.runs.indexOf(run)} ${run.rounds}`;
    if (!now && (key === this.key || (view.playing && performance.now() - this.drawn < 300))) return;
    this.key = key;
    this.drawn = performance.now();
    if (this.sorted !== run) this.head();
    this.columns = columnsOf(run);
    if (this.by !== "name" || this.text || this.sorted !== run || now) this.order = this.sort(run, k);
    this.sorted = run;
    const found = this.order;
    this.k = k;
    this.rows.setAttribute("aria-label", `${found.length} satellites, by ${this.by}`);
    const tall = `${LINE * found.length}px`;
    if (this.space.style.height !== tall) { this.space.style.height = tall; this.tall = 0; }
    this.at = clamp(this.at, 0, Math.max(0, found.length - 1));
    this.fill();
  }

  /** The satellites that the filter leaves, by the chosen column; those alike by their numbers. */
  sort(run, k) {
    const { of } = this.columns[this.by] || this.columns.name, sign = this.down ? -1 : 1, activity = this.columns.activity.of;
    const found = [...run.names.keys()].filter((n) => !this.text || run.names[n].toLowerCase().includes(this.text) || activity(n, k).includes(this.text));
    const values = this.by === "name" ? ranks(run) : found.length ? run.names.map((_, n) => of(n, k)) : [];
    for (const n of found) if (Number.isNaN(values[n])) values[n] = -Infinity;
    return found.sort((a, b) => (values[a] === values[b] ? a - b : values[a] < values[b] ? -sign : sign));
  }

  fill() {
    if (this.view.stale || !this.tall) { this.tall = this.rows.clientHeight; this.top = this.rows.scrollTop; }
    const { run, rows, order, k } = this, first = Math.floor(this.top / LINE), count = Math.ceil(this.tall / LINE) + 1;
    const shown = Math.max(0, Math.min(order.length - first, count)), names = Object.keys(this.columns || {});
    while (this.lines.length < shown) {
      const line = element("div", "oas-entry", rows);
      line.setAttribute("role", "option");
      line.id = `oas-entry-${this.lines.length}-${Math.random().toString(36).slice(2, 8)}`;
      this.lines.push(line);
    }
    this.lines.forEach((line, i) => {
      const there = i < shown, n = order[first + i];
      if (line.there !== there) { line.there = there; line.style.display = there ? "" : "none"; }
      if (!there) return;
      if (line.at !== first + i) { line.at = first + i; line.style.top = `${line.at * LINE}px`; }
      line.dataset.i = first + i;
      while (line.children.length < names.length) element("span", "", line);
      names.forEach((name, c) => {
        const text = this.columns[name].text(this.columns[name].of(n, k)), cell = line.children[c];
        if (cell.textContent !== text) cell.textContent = text;
      });
      line.style.boxShadow = `inset 4px 0 ${css(this.view.schemes[this.view.runs.indexOf(run)].activity.of(n, k))}`;
      line.setAttribute("aria-selected", n === this.view.selected);
      line.setAttribute("aria-setsize", order.length);
      line.setAttribute("aria-posinset", first + i + 1);
      if (first + i === this.at) rows.setAttribute("aria-activedescendant", line.id);
    });
  }

  choose(i) {
    const n = this.order[i];
    if (n === undefined) return;
    this.at = i;
    this.view.select(n, this.view.runs.indexOf(this.run));
    this.view.centreOn(this.run, n);
    this.write(true);
  }

  pressed(event) {
    event.stopPropagation();
    if (event.key === "Escape") { this.toggle(false); return; }
    const page = Math.max(1, Math.floor(this.rows.clientHeight / LINE) - 1), end = this.order.length - 1;
    const inRows = event.currentTarget === this.rows;
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page,
      ...(inRows ? { Home: 0, End: end } : {}), Enter: this.at }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (!inRows && event.key === "ArrowDown") { this.rows.focus(); this.go(this.at); return; }
    if (event.key === "Enter" && !inRows) this.rows.focus();
    this.go(to);
  }

  /** Choose the `i`-th line and bring it into sight. */
  go(i) {
    const at = clamp(i, 0, Math.max(0, this.order.length - 1)), top = at * LINE, { rows } = this;
    if (top < rows.scrollTop) rows.scrollTop = top;
    if (top + LINE > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + LINE - rows.clientHeight;
    this.top = rows.scrollTop;
    this.choose(at);
  }
}
