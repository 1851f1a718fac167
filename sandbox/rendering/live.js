// The page of a flight that goes on: it asks the server that it came from for rounds, and steers the flight. Only
// the page of `experiments fly` has this; what a static page and a notebook show fetches nothing.

const PACES = [0.5, 1, 2, 5, 10, 20, 50];
const FREE = ""; // in the menu of decisions: the policy decides
const LONG_S = 2; // a decision that takes longer is spoken of

class Control {
  constructor(root) {
    this.root = root;
    this.token = new URLSearchParams(location.search).get("token") || "";
    this.told = { version: -1, runs: [], playing: false, pace: 2, error: "", closed: false };
    this.ids = []; // the runs that are shown, by their number on the server
    this.boxes = new Map(); // of the satellites that were looked at, by run and number
    this.note = "";
  }

  address(path, more = {}) { return `${path}?${new URLSearchParams({ token: this.token, ...more })}`; }

  async rounds(run, from) {
    const answer = await fetch(this.address("/rounds", { run, from }));
    if (!answer.ok) throw Object.assign(new Error((await answer.json()).error), { refused: true });
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Ask for something to be done; what is answered, or null where it was refused, which is shown. */
  async send(command) {
    try {
      const answer = await fetch(this.address("/command"), {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(command),
      });
      const said = await answer.json();
      this.note = answer.ok ? "" : said.error;
      this.write();
      return answer.ok ? said : null;
    } catch {
      this.leave();
      return null;
    }
  }

  /** Follow the flight until it ends. */
  async follow() {
    try {
      while (!this.told.closed) {
        const answer = await fetch(this.address("/state", { since: this.told.version })), told = await answer.json();
        if (!answer.ok) throw new Error(told.error);
        this.told = told;
        try {
          await this.show();
        } catch (error) {
          if (!error.refused || !this.view) throw error; // a run that was let go meanwhile: the next news say so
        }
      }
      this.leave();
    } catch (error) {
      this.leave(error);
    }
  }

  leave(error = null) {
    this.told.closed = true;
    const known = error && !(error instanceof TypeError); // which is what a fetch throws that reaches nobody
    this.note = known ? error.message : "The flight has ended: its server answers no more.";
    if (this.view) this.write(); else this.root.textContent = this.note;
    if (known) throw error;
  }

  /** Show what is new: rounds, or another set of runs. */
  async show() {
    const ids = this.told.runs.map(({ run }) => run);
    if (`${ids}` !== `${this.ids}`) await this.begin(ids);
    else {
      for (const [r, { run, rounds }] of this.told.runs.entries()) {
        const have = this.have(r);
        if (rounds > have && !(await this.view.append(await this.rounds(run, have), have === 0, r))) {
          await this.view.append(await this.rounds(run, 0), true, r);
        }
      }
    }
    this.write();
  }

  /** How many rounds of run `r` the view has; what stands there before the first is none. */
  have(r) { return this.view.runs[r].action ? this.view.runs[r].rounds : 0; }

  async begin(ids) {
    const packs = await Promise.all(ids.map((run) => this.rounds(run, 0))), old = this.view;
    const options = { ...old?.options, live: true, control: this };
    const at = old && old.t < old.end - 1e-6 ? old.t : null, selected = old?.selected ?? -1;
    const kept = old ? Object.fromEntries(["yaw", "pitch", "distance", "centre", "zoom"].map((name) => [name, old[name]])) : {};
    old?.close();
    this.ids = ids;
    this.boxes.clear();
    this.view = window.view = Object.assign(await mount(this.root, packs, options), kept);
    if (selected >= 0) this.view.select(selected, 0);
    if (at !== null) this.view.seek(at);
  }

  // ---- the strip below the timelines

  strip(view, bar) {
    bar.setAttribute("aria-label", "the flight");
    element("b", "", bar, "flight");
    const flies = () => this.told.playing;
    this.flyButton = view.button(bar, "fly", () => this.send({ do: flies() ? "pause" : "play" }), flies);
    view.button(bar, "step", () => this.send({ do: "step" }), () => false).title = "one round";
    const paces = [...new Set([...PACES, this.told.pace])].sort((a, b) => a - b);
    this.paceMenu = view.menu(bar, "pace of the flight", paces.map((pace) => [pace, `${pace} rounds/s`]), this.told.pace,
      (value) => this.send({ do: "pace", value: Number(value) }));
    if (this.ids.length > 1) {
      this.ids.forEach((run, r) => view.button(bar, `keep ${r ? "right" : "left"}`, () => this.send({ do: "keep", run }), () => false));
    } else view.button(bar, "branch", () => this.branch(), () => false).title = "a second future from the moment that is shown";
    view.button(bar, "save", () => this.save(), () => false).title = "leave recording and page in the folder of results";
    this.status = element("span", "oas-status", bar);
    this.status.setAttribute("role", "status");
  }

  /** From the moment that is shown: the present, or before the round that is looked at. */
  branch() {
    const { view } = this, past = view.t < view.end - 1e-6;
    return this.send({ do: "branch", ...(past ? { at: view.when(view.runs[0]).k } : {}) });
  }

  async save() {
    const answer = await this.send({ do: "save" });
    if (answer) { this.note = `saved: ${answer.saved.join(", ")}`; this.write(); }
  }

  /** Say how things stand. */
  write() {
    const { playing, runs, error, pace, closed, deciding_s: deciding } = this.told;
    this.flyButton.textContent = playing ? "pause" : "fly";
    if (document.activeElement !== this.paceMenu) this.paceMenu.value = pace;
    const over = runs.every((run) => run.over), count = runs[0]?.rounds ?? 0;
    const doing = closed ? "ended" : over ? "the episode is over" : playing ? "flying" : "paused";
    const since = deciding >= LONG_S && !closed ? `its policy has been deciding for ${Math.round(deciding)} s` : "";
    this.status.textContent = [`${doing}, ${count} round${count === 1 ? "" : "s"} flown`, since, error, this.note].filter(Boolean).join(" · ");
    for (const box of this.boxes.values()) box.refresh();
    this.view.redraw();
  }

  // ---- the wheel of a satellite, in the inspector

  wheel(view, r, n, panel) {
    const run = this.ids[r], key = `${run} ${n}`;
    if (!this.boxes.has(key)) {
      if (this.boxes.size > 64) this.boxes.clear();
      this.boxes.set(key, new Wheel(this, run, n, view.runs[r].meta.action_names || []));
    }
    panel.append(this.boxes.get(key).box);
    this.boxes.get(key).refresh();
  }
}

/** Who decides for one satellite of one run from now on, and what its policy or mind would do. */
class Wheel {
  constructor(control, run, n, names) {
    Object.assign(this, { control, run, n, names, version: -1 });
    this.box = element("div", "oas-wheel");
    this.heading = element("h4", "", this.box);
    this.menu = element("select", "", this.box);
    this.menu.setAttribute("aria-label", "who decides");
    this.menu.addEventListener("change", () => this.decide());
    const button = element("button", "", this.box, "ask now");
    button.type = "button";
    button.addEventListener("click", () => this.ask());
    this.answer = element("div", "", this.box);
    this.fill(names);
  }

  fill(legal) {
    const held = this.held();
    this.menu.replaceChildren();
    element("option", "", this.menu, "its policy decides").value = FREE;
    for (const name of new Set(held ? [held, ...legal] : legal)) element("option", "", this.menu, name).value = name;
    this.menu.value = held ?? FREE;
  }

  told() { return this.control.told.runs.find(({ run }) => run === this.run); }

  held() { return this.told()?.overrides[this.n]; }

  /** Bring it up to date, if it is seen: what is legal is asked for while the flight stands still. */
  async refresh() {
    const { version, playing, closed } = this.control.told, told = this.told();
    if (!this.box.isConnected || version === this.version || !told) return;
    this.version = version;
    this.heading.textContent = `hand on the wheel, round ${told.rounds + 1}`;
    this.menu.classList.toggle("on", !!this.held());
    if (playing || closed) { this.fill(this.names); return; }
    const answer = await this.control.send({ do: "legal", run: this.run, satellite: this.n });
    if (answer && version === this.version) this.fill(answer.legal);
  }

  async decide() {
    const { run, n: satellite } = this, decision = this.menu.value;
    const done = await this.control.send(decision === FREE ? { do: "release", run, satellite } : { do: "override", run, satellite, decision });
    if (!done) this.menu.value = this.held() ?? FREE;
  }

  async ask() {
    const round = this.told().rounds + 1, said = await this.control.send({ do: "ask", run: this.run, satellite: this.n });
    if (!said) return;
    this.answer.replaceChildren();
    element("h4", "", this.answer, `asked in round ${round}`);
    rows(this.answer, [["would", said.why ? `${said.decision} (${said.why})` : said.decision]]);
    if (said.thought) rows(this.answer, [["thought", said.thought], ...(said.without_thought ? [["without it", said.without_thought]] : [])]);
    if (said.thinking) element("div", "oas-say", this.answer, "It is still at an earlier thought; this is what it says all the same.");
    if (said.odds) oddsGrid(said.odds, said.decision, this.answer);
    rows(this.answer, Object.entries(said.because || {}).map(([name, value]) => [name, quantity(value)]));
    for (const name of ["report", "reasoning", "answer"]) {
      if (said[name]) element("div", `oas-say${name === "answer" ? " answer" : ""}`, this.answer, said[name]);
    }
    const costs = [["seconds", "would take", "s"], ["joules", "energy", "J"]].filter(([name]) => said[name] !== undefined);
    rows(this.answer, costs.map(([name, text, unit]) => [text, quantity(said[name], unit)]));
  }
}

/** Show the flight of the server that this page came from in `root`, until it ends. */
async function fly(root) { await new Control(root).follow(); }
