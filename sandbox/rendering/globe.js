// The interactive view of one or two recordings: a globe and a flat map, a timeline to seek in, and an inspector of
// decisions. No dependency and no global state. What it shows comes from `packing.py` alone.

const BESIDE = 12; // pixels from a point to its name
const HELP = [["space", "play or pause"], ["← →", "one round; with shift ten"], ["home end", "first and last round"],
  ["+ −", "faster, slower"], ["[ ]", "previous, next satellite"], ["g m b", "globe, map, both"],
  ["l, s", "light or dark; the list of satellites"], ["n p", "next, previous event"], ["d", "where two runs part"],
  ["f", "Earth-fixed or inertial"], ["c", "follow the satellite"], ["esc", "close, let go"],
  ["drag, wheel", "turn and zoom (in a notebook: ctrl+wheel)"], ["click", "a satellite, a request, a link, an event, the timeline"]];

function element(tag, name, parent, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

function rows(parent, pairs) {
  for (const [name, value] of pairs) {
    const row = element("div", "oas-row", parent);
    element("span", "", row, name);
    element("span", "", row, value);
  }
}

class View {
  constructor(root, runs, options) {
    this.runs = runs;
    this.options = {
      targets: true, links: true, trails: true, contacts: true, footprints: false, names: runs[0].size <= 26,
      inertial: false, follow: false, show: "globe", colour: "activity", trail_s: 5700, page: false, events: "all", places: true,
      theme: "auto", film_s: 10,
      ...options,
    };
    this.events = new EventTarget();
    setClock(runs);
    this.unlike = unlike(runs);
    measure(runs);
    this.begin = Math.min(...runs.map((run) => run.shift + run.time[0]));
    this.t = this.options.live ? this.end : this.begin; // a run that goes on is followed
    this.playing = false;
    this.selected = -1;
    this.thing = null; // what is told of in place of a satellite: { r, about, target, satellite }
    this.chosenRun = 0;
    this.hover = { run: 0, n: -1 };
    this.yaw = 0.35; this.pitch = 0.35; this.distance = 4.1;
    this.centre = [0, 0]; this.zoom = 1;
    this.lines = new Lines();
    this.points = new Points();
    this.dirty = true;
    this.paints = 0;
    this.speed = this.fittingSpeed();
    this.look = THEMES[themeOf(this.options.theme)];
    this.schemes = runs.map((run) => schemes(run, this.look));
    this.build(root);
    this.dress();
    this.watch();
    if (this.options.page) this.open(); else this.present();
    if (runs.some((run) => run.apart)) this.said = "not of the same time: both are shown from their beginnings";
    else if (this.unlike.length) this.said = `not flown alike: another ${this.unlike.join(", ")}`;
  }

  get end() { return Math.max(...this.runs.map((run) => run.shift + run.over)); }

  fittingSpeed() {
    const wanted = Math.min(...this.runs.map((run) => pace(run, this.end - this.begin)));
    return SPEEDS.findLast((speed) => speed <= Math.max(1, wanted));
  }

  /** Begin at the moment, and turned to where, the first recording tells most: `opening.py` chose both. */
  present() {
    const [run] = this.runs, { opening } = run;
    if (this.options.live || !opening) { this.facing(); return; }
    const [time, n, latitude, longitude] = opening;
    this.t = clamp(run.shift + time, this.begin, this.end);
    this.centreAt({ latitude, longitude }, earthAngle(run, this.when(run)));
    if (n >= 0 && run.size <= 60 && this.root.clientWidth > 900) this.select(n, 0);
  }

  /** A page begins where its address says, or else where any view does. */
  open() {
    const asked = new URLSearchParams(location.hash.slice(1)), t = parseFloat(asked.get("t")), sat = parseInt(asked.get("sat"), 10);
    if (["globe", "map", "both"].includes(asked.get("view"))) this.set("show", asked.get("view"));
    if (asked.get("theme") in THEMES) this.set("theme", asked.get("theme"));
    if (asked.has("t") || asked.has("sat")) {
      if (Number.isFinite(t)) this.t = clamp(this.begin + t, this.begin, this.end);
      this.facing();
      const r = clamp(parseInt(asked.get("run"), 10) || 0, 0, this.runs.length - 1);
      if (sat >= 0 && sat < this.runs[r].size) this.select(sat, r);
    } else this.present();
    if (this.noted) return;
    this.noted = () => this.open(); // another address was pasted in; what the page writes itself is no such change
    window.addEventListener("hashchange", this.noted);
    this.events.addEventListener("change", () => { this.noting ||= setTimeout(() => this.note(), 400); });
  }

  /** Write moment, satellite and view into the page's address, to be passed on. */
  note() {
    this.noting = null;
    const parts = [`t=${Math.round(this.t - this.begin)}`];
    if (this.selected >= 0) parts.push(`sat=${this.selected}`);
    if (this.selected >= 0 && this.chosenRun > 0) parts.push(`run=${this.chosenRun}`);
    if (this.options.show !== "globe") parts.push(`view=${this.options.show}`);
    if (this.options.theme !== "auto") parts.push(`theme=${this.options.theme}`);
    try { history.replaceState(null, "", `#${parts.join("&")}`); } catch { /* a frame without an address */ }
  }

  /** Turn to the day side, as far as the fleet can be seen from there. */
  facing() {
    const run = this.runs[0], at = this.when(run), angle = earthAngle(run, at), p = [0, 0, 0];
    const [sx, sy] = vector(run.sun, at.k), noon = Math.atan2(sy, sx) - angle;
    let most = -Infinity;
    for (let i = 0; i < 24; i++) {
      const yaw = noon + i * TAU / 24;
      let seen = 0;
      for (let n = 0; n < run.size; n++) {
        place(run, n, at, angle, p, 0);
        seen += Math.max(0, Math.cos(Math.atan2(p[1], p[0]) - yaw));
      }
      const worth = seen / run.size + Math.cos(yaw - noon);
      if (worth > most) { most = worth; this.yaw = yaw; }
    }
  }

  // ---- building

  build(root) {
    this.root = element("div", "oas", root);
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "application");
    this.root.setAttribute("aria-label", "Interactive view of a recorded constellation");
    element("style", "", this.root, STYLE);
    const bar = element("div", "oas-bar", this.root);
    element("b", "", bar, this.title());
    this.button(bar, "Globe", () => this.set("show", "globe"), () => this.options.show === "globe");
    this.button(bar, "Map", () => this.set("show", "map"), () => this.options.show === "map");
    this.button(bar, "Both", () => this.set("show", "both"), () => this.options.show === "both");
    const names = Object.keys(this.schemes[0]);
    this.colourMenu = this.menu(bar, "colour by", names.map((name) => [name, name]), this.options.colour,
      (name) => this.set("colour", name));
    const has = (name) => this.runs.some((run) => name in run);
    const toggles = [["trails", true], ["targets", has("target_latitude")], ["links", has("link_peer")],
      ["contacts", true], ["footprints", true], ["names", true], ["places", has("cities")]];
    for (const [name, there] of toggles) if (there) this.toggle(bar, name);
    this.toggle(bar, "inertial");
    element("div", "oas-grow", bar);
    if (this.runs[0].size > 26) this.finder(bar);
    this.button(bar, "list", () => this.list.toggle(), () => !this.list.box.hidden).title = "the satellites, to be sorted and searched";
    this.button(bar, "PNG", () => this.save(), () => false).title = "save this picture";
    this.filmButton = this.button(bar, "video", () => this.record(), () => !!this.film);
    this.filmButton.title = filmTrouble() || `record ${this.options.film_s} s of play from this moment, as WebM`;
    this.themeButton = this.button(bar, "light", () => this.set("theme", this.look === THEMES.light ? "dark" : "light"), () => false);
    this.button(bar, "?", () => this.help(), () => !!this.card);
    const middle = this.middle = element("div", "oas-middle", this.root);
    this.root.classList.toggle("two", this.runs.length > 1);
    this.list = new FleetList(this, middle);
    this.stage = element("div", "oas-stage", middle);
    this.stage.setAttribute("role", "img");
    this.caption = element("div", "oas-card oas-caption", this.stage); // on a phone above it
    this.caption.setAttribute("aria-live", "polite");
    this.side = element("div", "oas-side", middle);
    this.side.hidden = true;
    this.panels = this.runs.map((run, r) => ({ run, r, box: element("div", "oas-panel", this.side), shown: null }));
    this.tip = element("div", "oas-card oas-tip", this.stage);
    this.tip.hidden = true;
    this.panes = [];
    this.timelines = this.runs.map(() => element("canvas", "", element("div", "oas-time", this.root)));
    this.controls(element("div", "oas-bar oas-foot", this.root));
    this.options.control?.strip(this, element("div", "oas-bar oas-control", this.root)); // of a flight that goes on
    this.runs.forEach((_, r) => this.fitTimeline(r));
    this.arrange();
    this.listen();
  }

  title() {
    const each = (read) => [...new Set(this.runs.map(read))].join(" and "), { policy } = this.runs[0].meta;
    return [each((run) => run.meta.scenario || "Run"), this.runs.length > 1 ? "" : policy,
      `${each((run) => run.size.toLocaleString("en"))} satellites`].filter(Boolean).join(" · ");
  }

  /** What a run is called beside another: by what tells them apart. */
  called(r) {
    const { policy, scenario } = this.runs[r].meta;
    return [policy || scenario, this.runs.some((run) => run.meta.scenario !== scenario) && policy ? scenario : ""].filter(Boolean).join(" · ");
  }

  /** On a phone the caption has a place of its own: over two small pictures it would hide them. */
  fold(narrow) {
    this.root.classList.toggle("narrow", narrow);
    if (narrow) this.root.insertBefore(this.caption, this.middle);
    else if (this.caption.parentNode !== this.stage) this.stage.append(this.caption);
  }

  button(parent, text, act, lit) {
    const made = element("button", "", parent, text);
    made.type = "button";
    made.addEventListener("click", () => { act(); this.root.focus({ preventScroll: true }); });
    let was = null;
    (this.lamps ||= []).push(() => {
      const now = !!lit();
      if (now === was) return;
      was = now;
      made.classList.toggle("on", now);
      made.setAttribute("aria-pressed", now);
    });
    return made;
  }

  toggle(parent, name) {
    this.button(parent, name, () => this.set(name, !this.options[name]), () => this.options[name]);
  }

  menu(parent, label, choices, value, act) {
    const made = element("select", "", parent);
    made.title = label;
    made.setAttribute("aria-label", label);
    for (const [name, text] of choices) element("option", "", made, text).value = name;
    made.value = value;
    made.addEventListener("change", () => { act(made.value); this.root.focus({ preventScroll: true }); });
    return made;
  }

  /** A field to find a satellite of a large fleet by part of its name; again and again for the next. */
  finder(bar) {
    const field = element("input", "oas-find", bar);
    Object.assign(field, { type: "search", placeholder: "find a satellite" });
    field.setAttribute("aria-label", "find a satellite");
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.root.focus({ preventScroll: true });
      if (event.key !== "Enter" || !field.value) return;
      const { names, size } = this.runs[0], wanted = field.value.toLowerCase();
      for (let i = 1; i <= size; i++) {
        const n = (Math.max(-1, this.selected) + i + size) % size;
        if (!names[n].toLowerCase().includes(wanted)) continue;
        this.select(n);
        this.centreOn(this.runs[0], n);
        return;
      }
      field.select();
    });
  }

  controls(bar) {
    this.playButton = this.button(bar, "▶", () => this.play(!this.playing), () => this.playing);
    this.playButton.setAttribute("aria-label", "play or pause");
    this.speedMenu = this.menu(bar, "speed", SPEEDS.map((s) => [s, `${s.toLocaleString("en")} ×`]), this.speed,
      (value) => { this.speed = Number(value); this.paced = true; });
    const lanes = [...new Set(this.runs.flatMap((run) => run.lanes))];
    this.menu(bar, "events", ["all", ...lanes].map((lane) => [lane, lane === "all" ? "events: all" : lane]), "all",
      (lane) => this.set("events", lane));
    this.button(bar, "◂", () => this.jump(false), () => false).title = "previous event";
    this.button(bar, "▸", () => this.jump(true), () => false).title = "next event";
    if (this.runs.length > 1) this.button(bar, "parting", () => this.part(), () => false).title = "where the runs first decide otherwise";
    this.slider = element("input", "", bar);
    Object.assign(this.slider, { type: "range", min: 0, max: 1, step: "any", value: 0 });
    this.slider.setAttribute("aria-label", "time");
    this.slider.addEventListener("input", () => this.seek(this.begin + this.slider.value * (this.end - this.begin)));
    this.clock = element("span", "oas-clock", bar);
  }

  /** A pane for every run and, where both are shown, for globe and map. */
  arrange() {
    for (const pane of this.panes) pane.box.remove();
    this.panes = [];
    const kinds = this.options.show === "both" ? ["globe", "map"] : [this.options.show];
    const stacked = this.runs.length > 1, columns = stacked ? this.runs.length : kinds.length;
    const lines = stacked ? kinds.length : 1;
    this.runs.forEach((run, r) => kinds.forEach((kind, i) => {
      const box = element("div", "oas-pane", this.stage), [column, line] = stacked ? [r, i] : [i, 0];
      const share = { left: column / columns, top: line / lines, width: 1 / columns, height: 1 / lines };
      for (const [side, value] of Object.entries(share)) box.style[side] = `${100 * value}%`;
      const pane = { run, r, kind, share, box, labels: element("div", "", box) };
      if (this.runs.length > 1 && !i) element("div", "oas-title", box, this.called(r));
      if (i === 0) pane.legend = this.legend(box);
      this.panes.push(pane);
    }));
    this.stale = true;
    this.redraw();
  }

  /** What the colours mean; where it would lie on the Earth it is folded until it is asked for. */
  legend(box) {
    const card = element("div", "oas-card oas-legend", box), fold = element("button", "", card, "key");
    fold.type = "button";
    fold.setAttribute("aria-expanded", "false");
    fold.addEventListener("pointerdown", (event) => event.stopPropagation()); // the stage would take it for a turn
    fold.addEventListener("click", () => {
      fold.setAttribute("aria-expanded", card.classList.toggle("open"));
      this.captionBox = null;
      this.root.focus({ preventScroll: true });
      this.redraw();
    });
    return element("div", "", card);
  }

  set(name, value) {
    this.options[name] = value;
    if (name === "show") this.arrange();
    if (name === "theme") this.dress();
    if (name === "colour") { this.colourMenu.value = value; this.stale = true; }
    this.tell();
    this.redraw();
  }

  /** Put on the theme that is asked for: whatever was drawn in the other is drawn anew. */
  dress() {
    const name = themeOf(this.options.theme);
    this.look = THEMES[name];
    this.root.dataset.theme = name;
    this.themeButton.textContent = name === "light" ? "dark" : "light";
    this.themeButton.title = `the ${this.themeButton.textContent} theme`;
    this.schemes = this.runs.map((run) => schemes(run, this.look));
    for (const run of this.runs) run.stills = null;
    for (const canvas of this.timelines) canvas.key = null;
    this.stale = true;
    this.redraw();
  }

  /** Record a short video from the moment shown, and offer it as a file; pressed again, end it now. */
  async record() {
    const trouble = filmTrouble() || (this.painter ? "" : "there is no picture to record");
    if (trouble) { this.said = trouble; this.redraw(); return null; }
    if (this.film) { this.film.stop(); return null; }
    if (this.t >= this.end - 1e-6) this.t = this.begin;
    this.update();
    this.film = new Film(this, this.options.film_s);
    const blob = await this.film.done;
    this.film = null;
    this.filmButton.textContent = "video";
    this.redraw();
    if (!blob.size) { this.said = "that was too short for a video"; this.redraw(); return null; }
    const address = URL.createObjectURL(blob);
    offer(address, `${this.runs[0].meta.scenario || "run"}.webm`);
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    return blob;
  }

  help() {
    if (this.card) { this.card.remove(); this.card = null; return; }
    this.card = element("div", "oas-card oas-help", this.root);
    for (const [key, text] of HELP) {
      const row = element("div", "oas-row", this.card);
      element("kbd", "", element("span", "", row), key);
      element("span", "", row, text);
    }
    this.card.addEventListener("click", () => this.help());
  }

  // ---- life: draw only when something changed, and hold a context only while on screen

  watch() {
    this.sizes = new ResizeObserver(() => {
      this.fold(this.root.clientWidth < 640);
      this.root.classList.toggle("slim", this.root.clientWidth < 900);
      const { clientWidth: width, clientHeight: height } = this.stage, panes = this.runs.length * (this.options.show === "both" ? 2 : 1);
      this.root.classList.toggle("tight", width / panes - 0.8 * height < 320); // room beside the Earth for what the colours mean
      this.stale = true;
      this.redraw();
    });
    this.sizes.observe(this.stage);
    this.sizes.observe(this.root);
    this.preference = window.matchMedia("(prefers-color-scheme: light)");
    this.redress = () => { if (this.options.theme === "auto") this.dress(); };
    this.preference.addEventListener("change", this.redress);
    this.lab = new MutationObserver(this.redress); // the theme of a notebook around
    this.lab.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.sight = new IntersectionObserver((seen) => {
      if (seen[seen.length - 1].isIntersecting) this.wake(); else this.sleep();
    });
    this.sight.observe(this.stage);
  }

  wake() {
    if (this.painter) return;
    this.canvas = element("canvas");
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.stage.prepend(this.canvas);
    try {
      this.coast ||= coastOf(this.runs[0].coast, this.runs[0].coast_lengths);
      this.picture ||= landPicture(this.coast);
      this.near ||= { globe: new NearLand(this.coast), map: new NearLand(this.coast) };
      this.painter = new Painter(this.canvas, this.picture);
    } catch (error) {
      this.canvas.remove();
      this.complaint ||= element("div", "oas-card", this.stage, `No picture: ${error.message}.`);
      console.error(error);
      return;
    }
    const info = this.painter.gl.getExtension("WEBGL_debug_renderer_info");
    const renderer = info ? this.painter.gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
    this.density = /swiftshader|llvmpipe|software/i.test(renderer) ? 1 : Math.min(2, window.devicePixelRatio || 1);
    this.stale = true;
    this.redraw();
  }

  /** Off the screen the context is given back, for a page has few; a picture of it stays. */
  sleep() {
    if (!this.painter) return;
    this.paint();
    this.stage.style.backgroundImage = `url(${this.canvas.toDataURL("image/jpeg", 0.8)})`;
    this.painter.close();
    this.canvas.remove();
    this.painter = null;
  }

  redraw() {
    this.dirty = true;
    if (this.frame || this.closed) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = null;
      if (this.playing) this.advance(now);
      if (this.dirty) { this.dirty = false; this.update(); }
      if (this.playing) this.redraw();
    });
  }

  advance(now) {
    const passed = Math.min(0.25, (now - (this.last ?? now)) / 1000);
    this.last = now;
    this.t += passed * this.speed;
    if (this.t >= this.end) { this.t = this.end; this.play(false); } else this.tell();
  }

  play(on) {
    if (on && this.t >= this.end - 1e-6) this.t = this.begin;
    this.playing = on;
    this.caption.setAttribute("aria-live", on ? "off" : "polite"); // nobody can listen to all that happens
    this.said = null;
    this.tip.hidden = true;
    this.last = null;
    this.playButton.textContent = on ? "❚❚" : "▶";
    this.tell();
    this.redraw();
  }

  seek(t) { this.said = null; this.t = clamp(t, this.begin, this.end); this.tell(); this.redraw(); }

  /** Go `count` rounds of the first run on. */
  jump(forward) {
    const run = this.runs[this.chosenRun], event = neighbour(run, this.t - run.shift, this.options.events, forward, this.selected);
    if (!event) return;
    this.play(false);
    this.seek(run.shift + event[0]);
    this.turnTo(run, event);
    if (event[1] < 0) this.point(null);
  }

  /** Turn to where an event happened, if that cannot be seen now. */
  turnTo(run, event) {
    const when = this.when(run), angle = earthAngle(run, when), { latitude_deg, longitude_deg } = words(event), p = [0, 0, 0];
    if (event[1] >= 0) place(run, event[1], when, angle, p, 0);
    else if (Number.isFinite(latitude_deg)) p.splice(0, 3, ...groundPoint(latitude_deg / DEGREE, longitude_deg / DEGREE));
    else return;
    const yaw = this.yaw - (this.options.inertial ? angle : 0), c = Math.cos(this.pitch);
    const facing = [c * Math.cos(yaw), c * Math.sin(yaw), Math.sin(this.pitch)];
    if (dot(unit(p), facing) < 0.6) this.centreAt(geodetic(p), angle);
  }

  /** Go to where two runs first decide otherwise. */
  part() {
    if (this.runs.length < 2) return;
    const [run, ...others] = this.runs, strange = others.some((other) => run.meta.env !== other.meta.env);
    const found = strange ? null : divergence(this.runs);
    if (!found) {
      this.said = strange ? "these decide on different problems" : "all decide the same throughout";
      this.redraw();
      return;
    }
    this.play(false);
    this.select(found.satellite, 0);
    this.seek(run.shift + found.time);
    this.turnTo(run, [found.time, found.satellite]);
    this.said = `${run.names[found.satellite]}: ${this.runs.map((_, r) => `${this.called(r)} decides ${found.chosen[r]}`).join(", ")}`;
  }

  /** Offer the picture as a file. */
  save() {
    if (!this.painter) return;
    this.paint();
    const still = drawStill(this, document.createElement("canvas"));
    offer(still.toDataURL("image/png"), `${this.runs[0].meta.scenario || "run"}.png`);
  }

  hop(count) {
    const run = this.runs[0], { k, f } = this.when(run);
    const at = clamp(k + count + (count < 0 && f > 1e-6 ? 1 : 0), 0, run.rounds - 1);
    this.play(false);
    this.seek(run.shift + run.time[at]);
  }

  select(n, r = this.chosenRun) {
    this.selected = n;
    this.thing = null;
    this.chosenRun = r;
    this.side.hidden = n < 0;
    this.tip.hidden = true; // the stage gets narrower
    this.stale = true;
    this.tell();
    this.redraw();
  }

  /** Tell of a request, a job, a station, a disaster or what passes a satellite. */
  tellOf(about, target, satellite, r) {
    this.thing = { about, target, satellite, r };
    this.chosenRun = r;
    if (about === "encounter") this.selected = satellite; // whose ring is drawn
    this.side.hidden = false;
    this.stale = true;
    this.tip.hidden = true;
    this.redraw();
  }

  tell() { this.events.dispatchEvent(new Event("change")); }

  when(run) { return locate(run, this.t - run.shift); }

  state() {
    const { k } = this.when(this.runs[0]);
    return { t: this.t - this.begin, round: k, rounds: this.runs[0].rounds, selected: this.selected,
      playing: this.playing, paints: this.paints, speed: this.speed, ...this.options };
  }

  /** Add packed rounds to run `r`, or begin it anew where they are all of it; whether they fitted. */
  async append(bytes, anew, r = 0) {
    const more = await unpack(bytes), follow = this.t >= this.end - 1e-6, run = this.runs[r];
    if (!anew && !more.arrays.every(({ name }) => name in run || name === "position")) return false;
    prepare(more);
    more.shift = run.shift;
    if (anew) {
      for (const shown of [...this.panes, ...this.panels]) if (shown.run === run) shown.run = more;
      this.runs[r] = more;
    } else extend(run, more);
    measure(this.runs);
    this.schemes[r] = schemes(this.runs[r], this.look);
    this.fitTimeline(r);
    if (follow) this.t = this.end;
    if (!this.paced) this.accelerate(SPEEDS.indexOf(this.fittingSpeed()));
    this.stale = true;
    this.redraw();
    this.tell();
    return true;
  }

  /** As high as the lanes of its events want it. */
  fitTimeline(r) {
    this.timelines[r].parentElement.style.height = `${46 + LANE_HEIGHT * this.runs[r].lanes.length}px`;
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    this.sight.disconnect();
    this.preference.removeEventListener("change", this.redress);
    this.lab.disconnect();
    this.film?.stop();
    this.painter?.close();
    if (this.noted) window.removeEventListener("hashchange", this.noted);
    this.root.remove();
  }

  // ---- a frame

  update() {
    if (this.options.follow && this.selected >= 0) this.centreOn(this.runs[this.chosenRun], this.selected);
    for (const lamp of this.lamps) lamp();
    if (this.painter) this.paint();
    const { film } = this;
    this.writeCaption();
    for (const pane of this.panes) {
      if (pane.legend) this.writeLegend(pane);
      this.writeLabels(pane);
    }
    for (const panel of this.panels) this.writePanel(panel);
    this.list.write();
    this.runs.forEach((run, r) => drawTimeline(this, run, this.timelines[r]));
    this.stale = false;
    const share = (this.t - this.begin) / (this.end - this.begin || 1);
    if (document.activeElement !== this.slider || this.playing) this.slider.value = share;
    const { k } = this.when(this.runs[0]);
    this.clock.textContent = `${clockText(this.runs[0].start + this.t + 1e-3)} · ${k + 1}/${this.runs[0].rounds}`;
    film?.frame();
  }

  /** The score so far and the last thing that happened; in words for those who cannot see the picture. */
  writeCaption() {
    const scores = this.runs.map((run) => scoreAt(run, this.t - run.shift)), run = this.runs[0];
    const names = this.names(), leads = this.runs.map((_, r) => this.lead(r)), before = (n) => neighbour(run, this.t - run.shift + 0.1, this.options.events, false, n);
    const latest = before(-1), own = this.selected >= 0 && this.selected < run.size && before(this.selected);
    const last = own && latest && latest[0] - own[0] < 1e-3 ? own : latest; // of what happens at once that of whom is looked at
    const fresh = last && this.t - run.shift - last[0] < Math.max(600, 4 * this.speed);
    const news = this.said || (fresh ? `${clockText(run.start + last[0]).slice(11, 19)} ${last[2].replaceAll("_", " ")}: ${phrase(run, last)}` : "");
    const key = `${scores.map((score) => Math.round(10 * score))} ${names} ${leads} ${news}`;
    if (key === this.captioned) return;
    this.captioned = key;
    this.captionBox = null;
    this.caption.replaceChildren();
    const row = element("div", "", this.caption);
    scores.forEach((score, r) => {
      element("span", "", row, (r ? " · " : "") + names[r]);
      element("b", "", row, quantity(score));
      row.append(leads[r]);
    });
    if (news) element("div", "", this.caption, news);
    this.stage.setAttribute("aria-label", `${this.title()}, ${this.caption.textContent}`);
  }

  /** What stands before each score: what it counts or, of two runs, whose it is, and when that ended. */
  names() {
    if (this.runs.length < 2) return [`${this.runs[0].score}: `];
    const odd = new Set(this.runs.map((run) => run.score)).size > 1;
    return this.runs.map((run, r) => {
      const over = this.t > run.shift + run.over + 1e-3 ? ` (ended at ${clockOf(run, run.over)})` : "";
      return `${this.called(r)}${odd ? `, ${run.score}` : ""}${over}: `;
    });
  }

  /** The lead of run `r` over the first at the last moment that all know, where they were flown alike. */
  lead(r) {
    const [run] = this.runs, other = this.runs[r];
    if (!r || this.unlike.some((what) => what !== "seed")) return "";
    const t = Math.min(this.t, ...this.runs.map((one) => one.shift + one.over));
    const ahead = scoreAt(other, t - other.shift) - scoreAt(run, t - run.shift);
    return ` (${ahead >= 0 ? "+" : ""}${quantity(ahead)}${t < this.t - 1e-3 ? ` at ${clockOf(run, t - run.shift)}` : ""})`;
  }

  /** Turn the globe and move the map to a satellite. */
  centreOn(run, n) {
    const when = this.when(run), angle = earthAngle(run, when), p = [0, 0, 0];
    place(run, n, when, angle, p, 0);
    this.centreAt(geodetic(p), angle);
  }

  centreAt({ latitude, longitude }, angle) {
    this.yaw = longitude + (this.options.inertial ? angle : 0);
    this.pitch = clamp(latitude, -1.55, 1.55);
    if (this.zoom > 1) this.centre = [longitude, clamp(latitude, -1.4, 1.4)];
  }

  paint() {
    if (this.stale || !this.box) this.box = this.stage.getBoundingClientRect(); // to ask each time lays the page out
    const { box, density: d } = this;
    const width = Math.round(box.width * d), height = Math.round(box.height * d);
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    for (const pane of this.panes) {
      const { run, share } = pane, when = this.when(run), angle = earthAngle(run, when);
      const area = { x: Math.round(share.left * width), width: Math.round(share.width * width),
        height: Math.round(share.height * height), y: Math.round((1 - share.top - share.height) * height) };
      const aspect = area.width / area.height;
      const yaw = this.options.inertial ? this.yaw - angle : this.yaw;
      pane.width = share.width * box.width;
      pane.height = share.height * box.height;
      pane.view = pane.kind === "map" ? mapView(this.centre, this.zoom, aspect)
        : globeView(yaw, this.pitch, this.distance, aspect);
      const options = { ...this.options, inertial: this.options.inertial && pane.kind === "globe",
        scheme: this.schemeOf(pane.r), t: this.t - run.shift, speed: this.playing ? this.speed : 0, selected: this.selected < run.size ? this.selected : -1,
        hover: this.hover.run === pane.r ? this.hover.n : -1, look: this.look, link: this.linkShown(pane.r),
        warned: this.thing?.about === "encounter" && this.thing.r === pane.r ? this.thing.satellite : -1,
        cities: this.options.places ? citiesShown(run.cities || [], pane, this) : 0 };
      compose(run, when, options, this.lines, this.points, d);
      const s = vector(run.sun, when.k), c = Math.cos(angle), e = Math.sin(angle);
      const sun = unit([c * s[0] + e * s[1], c * s[1] - e * s[0], s[2] * STRETCH]);
      this.painter.draw(area, pane.view, sun, this.lines, this.points, this.look, this.nearLand(pane, yaw));
    }
    this.paints++;
  }

  /** What is near the centre of a pane, where it is close enough for that to be seen. */
  nearLand({ kind, view }, yaw) {
    const [longitude, latitude] = kind === "map" ? this.centre : [yaw, Math.atan(Math.tan(this.pitch) * STRETCH)];
    const reach = nearReach(view, this.distance, latitude);
    if (!reach) return { kind, land: null, changed: false };
    const land = this.near[kind];
    return { kind, land, changed: land.cover(longitude, latitude, ...reach) };
  }

  /** The link that is pointed at, or told of, in run `r`. */
  linkShown(r) {
    if (this.thing?.about === "link" && this.thing.r === r) return [this.thing.satellite, this.thing.target];
    return this.hover.run === r ? this.hover.link : null;
  }

  schemeOf(r) { return this.schemes[r][this.options.colour] || this.schemes[r].activity; }

  /** Where a point is in a pane, in pixels of the pane, or null. */
  spot(pane, p) {
    const at = pane.view && project(pane.view, p);
    return at && [at[0] * pane.width, at[1] * pane.height];
  }

  /** Where satellite `n` of run `r` is in the window, for tests and tours, or null where it is hidden. */
  pixel(n, r = 0) {
    const pane = this.panes.find((one) => one.r === r), at = this.spot(pane, vector(this.runs[r].live, n));
    const box = pane.box.getBoundingClientRect();
    return at && [box.left + at[0], box.top + at[1]];
  }

  /** Geodetic latitude, longitude (degrees) and height (km) of satellite `n` as drawn. */
  below(n, r = 0) {
    const { latitude, longitude, height } = geodetic(vector(this.runs[r].live, n));
    return [latitude * DEGREE, longitude * DEGREE, height];
  }

  /** What may be written on a pane, the weightiest first: text, place, class. */
  labelsOf({ run, kind }) {
    const wanted = [], chosen = this.selected < run.size ? this.selected : -1, t = this.t - run.shift;
    if (chosen >= 0) wanted.push([run.names[chosen], vector(run.live, chosen), ""]);
    if (this.options.names) {
      for (let n = 0; n < Math.min(run.size, 60); n++) {
        if (n !== chosen) wanted.push([run.names[n], vector(run.live, n), ""]);
      }
    }
    for (const one of run.disasters) {
      if (t >= one.time && one.name && Number.isFinite(one.latitude_deg)) wanted.push([one.name, groundPoint(one.latitude_deg / DEGREE, one.longitude_deg / DEGREE), " it"]);
    }
    if (this.options.names || this.options.places) {
      (run.meta.station_names || []).forEach((name, g) => wanted.push([name, vector(run.stations, g), " it"]));
    }
    const cities = this.options.places ? citiesShown(run.cities || [], { kind }, this) : 0;
    for (let j = 0; j < cities; j++) wanted.push([run.cities[j][0], vector(run.places, j), " town"]);
    return wanted;
  }

  /** What lies over a pane: left, top, width and height in its pixels. A name below it could not be read. */
  covered({ share, legend }) {
    if (this.stale || !this.captionBox) {
      const { offsetLeft, offsetTop, offsetWidth, offsetHeight, parentNode } = this.caption;
      this.captionBox = parentNode === this.stage ? [offsetLeft, offsetTop, offsetWidth, offsetHeight] : [0, 0, 0, 0];
      this.stageBox = [this.stage.clientWidth, this.stage.clientHeight];
      for (const { legend: one } of this.panes) {
        const card = one?.parentNode;
        if (card) one.box = [card.offsetLeft, card.offsetTop, card.offsetWidth, card.offsetHeight];
      }
    }
    const [left, top, wide, tall] = this.captionBox, [width, height] = this.stageBox;
    return [[left - share.left * width, top - share.top * height, wide, tall], ...(legend ? [legend.box] : [])];
  }

  writeLabels(pane) {
    const wanted = this.labelsOf(pane), { children } = pane.labels, taken = this.covered(pane);
    while (children.length < wanted.length) element("div", "", pane.labels);
    for (let i = 0; i < children.length; i++) { // the first written keeps its place, what would lie on it is left out
      const label = children[i], [text, place, kind] = wanted[i] || [], at = wanted[i] && this.spot(pane, place);
      const shown = at && at[0] > -20 && at[0] < pane.width && at[1] > -9 && at[1] < pane.height + 9
        && free(taken, at[0] + BESIDE, at[1] - 8, 6 * text.length, 12);
      if (label.hidden !== !shown) label.hidden = !shown;
      if (!shown) continue;
      if (label.kind !== kind) { label.kind = kind; label.className = `oas-label${kind}`; }
      if (label.said !== text) { label.said = text; label.textContent = text; }
      label.at = [at[0] + BESIDE, at[1] - 8];
      label.style.transform = `translate(${label.at[0].toFixed(1)}px,${label.at[1].toFixed(1)}px)`;
    }
  }

  writeLegend(pane) {
    const { k } = this.when(pane.run), key = `${this.options.colour} ${k}`, scheme = this.schemeOf(pane.r);
    if (pane.written === key && !this.stale) return;
    pane.written = key;
    pane.legend.replaceChildren();
    if (!scheme.key) {
      element("div", "", pane.legend, this.options.colour);
      element("div", "oas-ramp", pane.legend).style.background = `linear-gradient(90deg,${this.look.ramp.map((c) => css(c))})`;
      rows(pane.legend, [[scheme.low, scheme.high]]);
      if (this.options.links) writeCargo(pane.run, k, this.look, pane.legend);
      return;
    }
    const small = this.root.classList.contains("narrow");
    for (const [name, colour, count] of scheme.key(k)) {
      if (small && !count) continue;
      const row = element("div", "oas-row", pane.legend), label = element("span", "", row);
      element("span", "oas-dot", label).style.background = css(colour);
      label.append(name);
      element("span", "", row, count.toLocaleString("en"));
    }
    if (this.options.targets && pane.run.target_state && pane.run.targets.length) this.writeTargets(pane, k);
    if (this.options.links) writeCargo(pane.run, k, this.look, pane.legend);
  }

  writeTargets({ run, legend }, k) {
    const count = run.targets.length / 3, sums = run.target_states.map(() => 0);
    for (let j = 0; j < count; j++) sums[run.target_state[k * count + j]]++;
    element("hr", "oas-rule", legend);
    run.target_states.forEach((name, state) => {
      const shape = SHAPES[name];
      if (shape === undefined) return;
      const row = element("div", "oas-row", legend), label = element("span", "", row), colour = this.look.targets[name];
      element("span", "oas-sign", label, shape === DIAMOND ? "◇" : shape === CROSS ? "×" : "◆").style.color = css(colour);
      label.append(name);
      element("span", "", row, sums[state].toLocaleString("en"));
    });
  }

  writePanel(panel) {
    const { run, box } = panel, n = this.selected, { k } = this.when(run), { thing } = this;
    const about = thing?.r === panel.r ? `${thing.about} ${thing.target} ${thing.satellite}` : n >= 0 && n < run.size ? `${n}` : "";
    const same = panel.about === about && panel.run_ === run && !this.stale, key = `${about} ${k}`;
    // in playing nobody reads more than a few of them a second
    if (same && this.playing && panel.key !== key && performance.now() - panel.written < 250) { if (about === `${n}`) drawCharts(this, run, n, panel.charts); return; }
    if (!same) { box.replaceChildren(); panel.parts = new Map(); panel.charts = null; }
    if (!same || panel.key !== key) {
      panel.written = performance.now();
      Object.assign(panel, { about, key, run_: run });
      if (thing?.r === panel.r) story(this, run, thing, panel);
      else if (about) inspect(this, run, n, k, panel);
    }
    if (thing?.r === panel.r) { if (thing.about === "encounter") drawEncounterPart(this, run, thing, panel); }
    else if (about) drawCharts(this, run, n, panel.charts);
  }

  // ---- input

  listen() {
    const held = new Map();
    let travelled = 0, gap = 0;
    this.stage.addEventListener("pointerdown", (event) => {
      this.root.focus({ preventScroll: true });
      this.stage.setPointerCapture(event.pointerId);
      held.set(event.pointerId, [event.clientX, event.clientY]);
      travelled = gap = 0;
    });
    this.stage.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) { this.point(event); return; }
      const move = [event.clientX - before[0], event.clientY - before[1]];
      held.set(event.pointerId, [event.clientX, event.clientY]);
      travelled += Math.hypot(...move);
      if (held.size > 1) {
        const [a, b] = [...held.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (gap) this.magnify(gap / now, this.paneAt(event));
        gap = now;
      } else this.turn(move, this.paneAt(event));
    });
    const release = (event) => {
      const there = held.delete(event.pointerId);
      if (there && event.type === "pointerup" && travelled < 5) this.click(event);
    };
    this.stage.addEventListener("pointerup", release);
    this.stage.addEventListener("pointercancel", release);
    this.stage.addEventListener("pointerleave", () => this.point(null));
    this.stage.addEventListener("wheel", (event) => {
      const focused = this.root.contains(this.root.getRootNode().activeElement);
      if (!(event.ctrlKey || this.options.page || focused)) return; // the notebook scrolls
      event.preventDefault();
      this.magnify(Math.exp(clamp(event.deltaY, -100, 100) * 0.0022), this.paneAt(event));
    }, { passive: false });
    const heard = this.options.page ? this.root.ownerDocument : this.root; // a page listens before it is clicked
    heard.addEventListener("keydown", (event) => this.key(event));
    this.timelines.forEach((canvas) => scrub(canvas.parentElement, (share) => {
      this.seek(this.begin + share * (this.end - this.begin));
    }));
  }

  paneAt(event) {
    return this.panes.find((pane) => {
      const box = pane.box.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right && event.clientY >= box.top && event.clientY < box.bottom;
    });
  }

  turn([dx, dy], pane) {
    if (!pane) return;
    if (pane.kind === "globe") {
      const rate = 0.0022 * (this.distance - 0.98);
      this.yaw -= dx * rate;
      this.pitch = clamp(this.pitch + dy * rate, -1.55, 1.55);
    } else {
      const [, , wide, tall] = pane.view.chart;
      this.centre[0] = wrapped(this.centre[0] - 2 * dx / pane.box.clientWidth / wide);
      this.centre[1] = clamp(this.centre[1] + 2 * dy / pane.box.clientHeight / tall, -1.4, 1.4);
    }
    this.redraw();
  }

  magnify(factor, pane) {
    if (!pane) return;
    if (pane.kind === "globe") this.distance = clamp(1 + (this.distance - 1) * factor, NEAREST, FARTHEST);
    else {
      this.zoom = clamp(this.zoom / factor, 1, 40);
      if (this.zoom === 1) this.centre[1] = 0;
    }
    this.redraw();
  }

  /** The nearest satellite, or else station or target, within 12 pixels of an event. */
  find(event) {
    const pane = this.paneAt(event);
    if (!pane?.view) return null;
    const box = pane.box.getBoundingClientRect(), { run } = pane;
    const at = [event.clientX - box.left, event.clientY - box.top];
    for (const [kind, places, reach] of [["satellite", run.live, 12], ["station", run.stations, 10], ["target", run.targets, 7]]) {
      if (kind === "target" && !this.options.targets) continue;
      let best = reach, found = -1;
      for (let i = 0; i < places.length / 3; i++) {
        const p = this.spot(pane, vector(places, i));
        const far = p ? Math.hypot(p[0] - at[0], p[1] - at[1]) : Infinity;
        if (far < best) { best = far; found = i; }
      }
      if (found >= 0) return { kind, i: found, pane };
    }
    const link = linkAt(this, pane, at, 5);
    return link && { kind: "link", link, pane };
  }

  point(event) {
    const found = event ? this.find(event) : null;
    const n = found?.kind === "satellite" ? found.i : -1, link = found?.link || null;
    this.tip.hidden = !found;
    this.stage.style.cursor = found ? "pointer" : "";
    if (found) {
      const box = this.stage.getBoundingClientRect();
      const { run } = found.pane, { k } = this.when(run);
      this.tip.textContent = link ? describeLink(run, k, ...link) : describe(run, found.kind, found.i, k);
      this.tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 180)}px`;
      this.tip.style.top = `${event.clientY - box.top + 12}px`;
    }
    if (n !== this.hover.n || `${link}` !== `${this.hover.link ?? null}`) { this.hover = { run: found?.pane.r ?? 0, n, link }; this.redraw(); }
  }

  click(event) {
    const found = this.find(event);
    if (found && !this.list.box.hidden && this.root.classList.contains("narrow")) this.list.toggle(false);
    if (found?.kind === "satellite") this.select(found.i, found.pane.r);
    else if (found?.link) this.tellOf("link", found.link[1], found.link[0], found.pane.r);
    else if (found) this.tellOf(found.kind === "target" ? "request" : "station", found.i, -1, found.pane.r);
    else this.select(-1);
  }

  key(event) {
    if (event.metaKey || event.altKey || event.ctrlKey || event.target.tagName === "SELECT") return;
    if (event.target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return; // it is pressed
    const size = this.runs[0].size, faster = SPEEDS.indexOf(this.speed);
    const many = event.shiftKey ? 10 : 1;
    const acts = {
      " ": () => this.play(!this.playing), ArrowRight: () => this.hop(many), ArrowLeft: () => this.hop(-many),
      Home: () => this.seek(this.begin), End: () => this.seek(this.end), Escape: () => { if (this.card) this.help(); else if (!this.list.box.hidden && this.selected < 0 && !this.thing) this.list.toggle(false); else this.select(-1); },
      "+": () => this.accelerate(faster + 1, true), "=": () => this.accelerate(faster + 1, true),
      "-": () => this.accelerate(faster - 1, true),
      "]": () => this.select((this.selected + 1) % size), "[": () => this.select((Math.max(0, this.selected) + size - 1) % size),
      g: () => this.set("show", "globe"), m: () => this.set("show", "map"), b: () => this.set("show", "both"),
      f: () => this.set("inertial", !this.options.inertial), c: () => this.set("follow", !this.options.follow), "?": () => this.help(),
      l: () => this.set("theme", this.look === THEMES.light ? "dark" : "light"), s: () => this.list.toggle(),
      n: () => this.jump(true), p: () => this.jump(false), d: () => this.part(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook would take it for a command
    act();
  }

  accelerate(i, asked = false) {
    this.paced ||= asked;
    this.speed = SPEEDS[clamp(i, 0, SPEEDS.length - 1)];
    this.speedMenu.value = this.speed;
  }
}

/** Take a place among those `taken`, unless it is not free. */
function free(taken, x, y, wide, tall) {
  if (taken.some(([a, b, w, h]) => x < a + w && a < x + wide && y < b + h && b < y + tall)) return false;
  taken.push([x, y, wide, tall]);
  return true;
}

/** Call `act` with the share of the width at which `box` is pressed or dragged. */
function scrub(box, act) {
  const go = (event) => {
    const area = box.getBoundingClientRect();
    act(clamp((event.clientX - area.left) / area.width, 0, 1));
  };
  box.addEventListener("pointerdown", (event) => { box.setPointerCapture(event.pointerId); go(event); });
  box.addEventListener("pointermove", (event) => { if (event.buttons) go(event); });
}

function clockText(t) { return `${new Date(t * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`; }

function describe(run, kind, i, k) {
  if (kind === "satellite") {
    const at = k * run.size + i;
    return `${run.names[i]}\n${run.modes[run.mode[at]]}, battery ${quantity(run.battery[at], "share")}`;
  }
  if (kind === "station") return run.meta.station_names?.[i] ?? `station ${i}`;
  const count = run.targets.length / 3;
  const state = run.target_state ? `, ${run.target_states[run.target_state[k * count + i]]}` : "";
  return `request ${i}${state}\nvalue ${quantity(run.target_value[i])}`;
}

// ---------------------------------------------------------------------------------------------- front doors

/** Show the packed recordings `packs` (one, or two side by side) in `root`; resolves to the view. */
export async function mount(root, packs, options = {}) {
  const runs = await Promise.all(packs.map(unpack));
  runs.forEach(prepare);
  const view = new View(root, runs, options);
  root.dataset.ready = "yes";
  return view;
}

/** anywidget's front door: `packs` come in, `round`, `selected` and `playing` go both ways, rounds are added. */
async function render({ model, el }) {
  const box = element("div", "", el);
  box.style.height = `${model.get("height")}px`;
  const packs = model.get("packs").map((pack) => new Uint8Array(pack.buffer, pack.byteOffset, pack.byteLength));
  const mounting = mount(box, packs, model.get("options"));
  let queue = mounting, sent = 0, waiting = null;
  const append = async (message, more) => {
    const view = await mounting, have = view.runs[0].rounds, anew = message.from === 0;
    if (!anew && message.from < have) return;
    const bytes = new Uint8Array(more.buffer ?? more, more.byteOffset ?? 0, more.byteLength);
    if (!anew && message.from > have) ask(have);
    else if (!(await view.append(bytes, anew))) ask(0);
  };
  const ask = (rounds) => model.send({ kind: "have", rounds });
  const hear = (message, buffers) => {
    if (message.kind === "append") queue = queue.then(() => append(message, buffers[0]));
  };
  model.on("msg:custom", hear);
  const view = await mounting;
  const send = () => {
    waiting = null;
    sent = Date.now();
    const { round, selected, playing } = view.state();
    model.set({ round, selected, playing });
    model.save_changes();
  };
  view.events.addEventListener("change", () => { waiting ||= setTimeout(send, Math.max(0, 150 - (Date.now() - sent))); });
  const follow = {
    "change:round": () => {
      const round = model.get("round");
      const run = view.runs[0];
      if (round !== view.state().round) view.seek(run.shift + run.time[clamp(round, 0, run.rounds - 1)]);
    },
    "change:selected": () => { if (model.get("selected") !== view.selected) view.select(model.get("selected")); },
    "change:playing": () => { if (model.get("playing") !== view.playing) view.play(model.get("playing")); },
  };
  for (const [name, act] of Object.entries(follow)) model.on(name, act);
  if (model.get("round") > 0) follow["change:round"]();
  if (model.get("selected") >= 0) follow["change:selected"]();
  send(); // where it began
  ask(view.runs[0].rounds);
  return () => {
    clearTimeout(waiting);
    model.off("msg:custom", hear);
    for (const [name, act] of Object.entries(follow)) model.off(name, act);
    view.close();
    box.remove();
  };
}

export default { render };
