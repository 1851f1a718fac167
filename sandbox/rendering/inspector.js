// The inspector: what is known of a satellite or of a thing. A part of it is written anew only when it says otherwise.

/** A part of a panel, in its place; `write` fills it where `key` is another than last time. */
function part(panel, name, key, write) {
  let one = panel.parts.get(name);
  if (!one) panel.parts.set(name, one = { box: element("div", "", panel.box), key: null });
  if (one.key === key) return one;
  one.key = key;
  one.box.replaceChildren();
  write(one.box);
  return one;
}

/** Names and values, of which only those that changed are written. */
function factsPart(panel, name, facts) {
  const key = facts.map(([what]) => what).join("|"), { box } = part(panel, name, key, (fresh) => rows(fresh, facts));
  facts.forEach(([, value], i) => {
    const cell = box.children[i].lastChild, text = String(value);
    if (cell.textContent !== text) cell.textContent = text;
  });
}

/** Write what is known of satellite `n` in round `k`. */
function inspect(view, run, n, k, panel) {
  const i = k * run.size + n, policy = view.runs.length > 1 ? ` · ${run.meta.policy ?? ""}` : "";
  part(panel, "heading", `${n}`, (box) => headed(view, box, run.names[n] + policy, () => view.select(-1)));
  const { latitude, longitude, height } = geodetic(vector(run.live, n));
  const station = run.station[i], target = run.target[i], facts = [["activity", run.modes[run.mode[i]]]];
  if (station >= 0) facts.push(["station", run.meta.station_names?.[station] ?? station]);
  if (target >= 0) facts.push(["request", `${target}, value ${quantity(run.target_value[target])}`]);
  facts.push(["lat, lon", `${(latitude * DEGREE).toFixed(2)}°, ${(longitude * DEGREE).toFixed(2)}°`]);
  facts.push(["altitude", `${height.toFixed(0)} km`]);
  for (const [name, { unit, plain }] of Object.entries(run.about)) {
    if (plain) facts.push([name.replaceAll("_", " "), quantity(run[name][i], unit)]);
  }
  factsPart(panel, "facts", facts);
  const { control } = view.options;
  if (control) control.wheel(view, view.runs.indexOf(run), n, part(panel, "wheel", "", () => {}).box);
  decision(run, n, i, k, panel);
  thought(run, n, k, panel);
  linksPart(view, run, n, k, panel);
  panel.charts ||= [["battery", [0, 1]], ["temperature"], ["store", [0, 1]], ["reward"]]
    .filter(([name]) => run[name]).map(([name, range]) => chart(view, run, element("div", "", panel.box), name, range));
  happened(run, n, k, panel, view);
}

function headed(view, box, text, leave) {
  const heading = element("h3", "", box, text), shut = element("button", "", heading, "✕");
  shut.type = "button";
  shut.setAttribute("aria-label", "close");
  shut.addEventListener("click", () => { leave(); view.root.focus({ preventScroll: true }); });
}

const isOpen = (run, i, a, bytes) => !run.mask || (run.mask[i * bytes + (a >> 3)] >> (a & 7)) & 1;

/** Every decision there is: which were open, which was taken and how likely its policy held it. */
function decision(run, n, i, k, panel) {
  const taken = run.action?.[i], there = taken >= 0; // before the first round none was taken
  const names = run.meta.action_names || [], chosen = names[taken], share = run.probability?.[i];
  const { odds, from } = there ? oddsOf(run, n, k, chosen) : {};
  const probability = Number.isFinite(share) ? ` ${quantity(share, "share")}` : ""; // not every policy holds one
  part(panel, "odds", odds ? `${from} ${JSON.stringify(odds)} ${taken}` : `${there}`, (box) => {
    if (there) element("h4", "", box, from === undefined ? "decision" : `decision, as held at ${clockText(run.start + from).slice(11, 19)}`);
    if (odds) oddsGrid(odds, chosen, box);
  });
  const listed = !there ? [] : names.length ? names : [`action ${taken}`], bytes = (names.length + 7) >> 3;
  const { box } = part(panel, "acts", `${!!odds} ${listed.length} ${names.length || taken}`, (fresh) => {
    const all = odds ? element("details", "", fresh) : fresh; // the odds tell what matters
    if (odds) element("summary", "", all, "all decisions");
    const acts = element("div", "oas-acts", all);
    for (const name of listed) element("span", "oas-act", acts, name);
  });
  const chips = box.querySelector(".oas-acts").children;
  listed.forEach((name, a) => {
    const mine = !names.length || a === taken, look = `oas-act${isOpen(run, i, a, bytes) ? "" : " no"}${mine ? " chosen" : ""}`;
    const text = name + (mine ? probability : "");
    if (chips[a].className !== look) chips[a].className = look;
    if (chips[a].textContent !== text) chips[a].textContent = text;
  });
  factsPart(panel, "reward", there ? [["reward", quantity(run.reward[i])]] : []);
  because(run, n, k, chosen, panel);
  const until = k + 1 < run.rounds ? run.time[k + 1] - 1e-3 : Infinity, asked = lastOf(run, n, ["thought"], until);
  const other = lastOf(run, n, ["replaced", "late"], until), said = other && other[0] > Math.min(run.time[k], asked ? asked[0] : Infinity) - 1e-3 ? words(other) : {};
  const deed = said.instead_of ? `${said.why}: carried out ${said.decision} instead of ${said.instead_of}` : "";
  part(panel, "deed", deed, (box) => { if (deed) element("div", "oas-say", box, deed); });
}

/** How likely each of the likelier decisions was held. */
function oddsGrid(odds, chosen, panel) {
  const grid = element("div", "oas-odds", panel);
  for (const [name, share] of Object.entries(odds).sort((a, b) => b[1] - a[1]).slice(0, 6)) {
    element("span", name === chosen ? "chosen" : "", grid, name);
    element("i", "", grid).style.width = `${100 * share}%`;
    element("span", "", grid, `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
  }
}

/** The numbers that decided, where the policy said them when it last decided otherwise. */
function because(run, n, k, chosen, panel) {
  const until = k + 1 < run.rounds ? run.time[k + 1] : Infinity, last = lastOf(run, n, ["reason"], until - 1e-3);
  const said = last ? words(last) : {}, there = said.decision === chosen && said.because && Object.keys(said.because).length;
  part(panel, "because", there ? `${last[0]}` : "", (box) => {
    if (!there) return;
    element("h4", "", box, `because, at ${clockText(run.start + last[0]).slice(11, 19)}`);
    rows(box, Object.entries(said.because).map(([name, value]) => [name, Math.abs(value) >= 0.01 || !value ? quantity(value) : value.toExponential(1)]));
  });
}

/** How likely each decision was held in round `k`: { odds }, or { odds, from }, when the one that still stands was made. */
function oddsOf(run, n, k, chosen) {
  const from = run.time[k], until = k + 1 < run.rounds ? run.time[k + 1] : Infinity;
  let thought = null; // the first of the round
  for (const kind of ["thought", "reason"]) {
    const list = kindOf(run, n, kind), event = list[before(list, from - 1e-3)];
    if (event && event[0] < until - 1e-3 && (!thought || event[0] < thought[0])) thought = event;
  }
  const told = (event) => {
    const { odds } = event ? words(event) : {};
    return odds && Object.keys(odds).length ? odds : null;
  };
  if (thought) return { odds: told(thought) };
  const last = lastOf(run, n, ["reason"], from); // a policy says why when it decides otherwise than before
  const odds = last && words(last).decision === chosen ? told(last) : null;
  return odds ? { odds, from: last[0] } : {};
}

function chart(view, run, panel, name, range) {
  const heading = element("h4", "", panel), canvas = element("canvas", "", panel);
  canvas.style.height = "34px";
  scrub(canvas, (share) => view.seek(run.shift + run.time[0] + share * (run.time[run.rounds - 1] - run.time[0])));
  return { name, range, heading, canvas };
}

function drawCharts(view, run, n, charts) {
  const { k, f } = view.when(run);
  for (const { name, range, heading, canvas } of charts || []) {
    const text = `${name} ${quantity(run[name][k * run.size + n], run.about[name].unit)}`;
    if (heading.textContent !== text) heading.textContent = text;
    const d = window.devicePixelRatio || 1, height = 34;
    if (view.stale || !view.chartWidth) view.chartWidth = canvas.clientWidth; // to ask each time lays the page out
    const width = view.chartWidth;
    if (!width) continue;
    const key = `${n} ${name} ${width} ${run.rounds} ${d} ${view.look.colours}`;
    if (canvas.key !== key) {
      canvas.key = key;
      run.stills ||= new Map(); // the same curves are drawn again in every round
      if (run.stills.size > 64) run.stills.clear();
      if (!run.stills.has(key)) run.stills.set(key, stillChart(run, n, name, range, width, height, d, view.look));
      canvas.still = run.stills.get(key);
    }
    if (canvas.width !== canvas.still.width) Object.assign(canvas, { width: canvas.still.width, height: canvas.still.height });
    const pen = canvas.getContext("2d"), at = run.rounds > 1 ? (k + f) / (run.rounds - 1) * width : 0;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(canvas.still, 0, 0);
    pen.fillStyle = view.look.page.strong;
    pen.fillRect(d * (at - 0.75), 0, d * 1.5, d * height);
  }
}

/** A quantity of satellite `n` over the run, and below it what it did. */
function stillChart(run, n, name, range, width, height, d, look) {
  const canvas = document.createElement("canvas"), foot = height - 6;
  Object.assign(canvas, { width: Math.round(width * d), height: Math.round(height * d) });
  const pen = canvas.getContext("2d");
  pen.scale(d, d);
  let [low, high] = range || [Infinity, -Infinity];
  if (!range) {
    for (let j = 0; j < run.rounds; j++) {
      const v = run[name][j * run.size + n];
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  const across = (j) => run.rounds > 1 ? j / (run.rounds - 1) * width : 0;
  const stride = Math.max(1, Math.floor(run.rounds / width / 4));
  pen.strokeStyle = look.curve; pen.lineWidth = 1.1; pen.beginPath();
  for (let j = 0; j < run.rounds; j += stride) {
    pen.lineTo(across(j), 2 + (foot - 4) * (1 - (run[name][j * run.size + n] - low) / (high - low || 1)));
  }
  pen.stroke();
  for (let j = 0; j < run.rounds; j += stride) {
    pen.fillStyle = run[look.colours][run.mode[j * run.size + n]];
    pen.fillRect(across(j), foot + 1, width / run.rounds * stride + 0.6, 5);
  }
  return canvas;
}

function eventsOf(run, n) {
  if (!run.bySatellite) {
    run.bySatellite = new Map();
    for (const event of run.events) {
      if (!run.bySatellite.has(event[1])) run.bySatellite.set(event[1], []);
      run.bySatellite.get(event[1]).push(event);
    }
  }
  return run.bySatellite.get(n) || [];
}

/** The events of one kind of satellite `n`, by time. */
function kindOf(run, n, kind) {
  const all = eventsOf(run, n);
  run.byKind ||= new Map();
  const key = `${n} ${kind}`;
  if (!run.byKind.has(key)) run.byKind.set(key, all.filter((event) => event[2] === kind));
  return run.byKind.get(key);
}

/** The number of events of a list before time `t`. */
function before(list, t) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] < t) low = middle + 1; else high = middle;
  }
  return low;
}

/** The last event of satellite `n` of some kinds before time `t`. */
function lastOf(run, n, kinds, t) {
  let last = null;
  for (const kind of kinds) {
    const list = kindOf(run, n, kind), event = list[before(list, t) - 1];
    if (event && (!last || event[0] >= last[0])) last = event;
  }
  return last;
}

/** The last thought by round `k`: what was read, what was answered, and what it cost. */
function thought(run, n, k, panel) {
  const until = k + 1 < run.rounds ? run.time[k + 1] - 1e-3 : Infinity; // what is thought then is of the next round
  const last = lastOf(run, n, ["thought"], until), spent = run.thought_s || run.output_tokens;
  let j = k;
  while (spent && j > 0 && !(spent[j * run.size + n] > 0)) j--;
  const costs = [["thought_s", "took"], ["thought_j", "energy"], ["prompt_tokens", "tokens read"], ["output_tokens", "tokens written"]]
    .filter(([name]) => run[name] && run[name][j * run.size + n] > 0)
    .map(([name, text]) => [text, quantity(run[name][j * run.size + n], run.about[name].unit)]);
  const key = last || costs.length ? `${last ? last[0] : ""} ${costs}` : "";
  part(panel, "thought", key, (box) => { if (key) writeThought(last, costs, run.wordy, box); });
}

function writeThought(last, costs, wordy, panel) {
  element("h4", "", panel, "last thought");
  if (!last && wordy) element("div", "oas-say", panel, "Its words were not recorded; --minds-recorded says whose are.");
  if (last) {
    let said = { report: "", answer: last[5] };
    try { said = JSON.parse(last[5]); } catch { /* plain text */ }
    const kept = last[5] !== null;
    if (said?.report) element("div", "oas-say", panel, said.report);
    if (said?.reasoning) element("div", "oas-say", panel, said.reasoning);
    const words = kept ? said?.answer : "(its words are not in this page)";
    if (words) element("div", "oas-say answer", panel, words);
    if (said?.decision) costs.unshift(["decided", said.finish ? `${said.decision} (${said.why || said.finish})` : said.decision]);
    if (said?.thought) {
      const other = said.without_thought && said.without_thought !== said.decision ? `; without it ${said.without_thought}` : "";
      costs.unshift(["thought", `${said.thought}${other}`]);
    }
    if (typeof said?.mass === "number") costs.push(["on legal labels", `${(100 * said.mass).toPrecision(2)} %`]);
  }
  rows(panel, costs);
}

function happened(run, n, k, panel, view) {
  const until = k + 1 < run.rounds ? run.time[k + 1] : Infinity, all = plainEvents(run, n), count = before(all, until + 1e-9);
  part(panel, "events", `${count}`, (box) => {
    if (!count) return;
    element("h4", "", box, "events");
    for (const event of all.slice(Math.max(0, count - 8), count).reverse()) eventButton(view, run, event, box);
  });
}

/** What happened to satellite `n`, but for what went on in minds. */
function plainEvents(run, n) {
  const all = eventsOf(run, n);
  run.byKind ||= new Map();
  if (!run.byKind.has(n)) run.byKind.set(n, all.filter(([, , kind]) => kind !== "thought" && kind !== "reason"));
  return run.byKind.get(n);
}

/** An event as a line to be clicked: it leads to its moment, and to the story of what it is about. */
function eventButton(view, run, event, panel, here) {
  const line = element("button", "oas-event", panel), about = aboutOf(run, event[2]);
  line.type = "button";
  element("time", "", line, clockText(run.start + event[0]).slice(11, 19));
  const what = about && about !== here && event[3] >= 0 ? ` ${about} ${event[3]}` : "", detail = phrase(run, event);
  line.append(`${event[2].replaceAll("_", " ")}${what}${detail ? `: ${detail}` : ""}`);
  line.addEventListener("click", () => {
    view.play(false);
    view.seek(run.shift + event[0]);
    view.turnTo(run, event);
    if (about && about !== here && event[3] >= 0) view.tellOf(about, event[3], event[1], view.runs.indexOf(run));
    else if (event[1] >= 0) view.select(event[1], view.runs.indexOf(run));
  });
}

/** All that is known of one request, job, station, disaster, encounter or link, from the first event to the last. */
function story(view, run, thing, panel) {
  const { about, target, satellite } = thing, { k } = view.when(run);
  part(panel, "heading", "", (box) => headed(view, box, nameOf(run, thing), () => view.select(about === "link" ? -1 : satellite)));
  const facts = [], count = run.targets.length / 3, t = view.t - run.shift;
  if (about === "request" && target < count) {
    facts.push(["value when fresh", quantity(run.target_value[target])], ...requestFacts(run, target, k, t));
    facts.push(["lat, lon", placeText(geodetic(vector(run.targets, target)))]);
  }
  if (about === "station") facts.push(...stationFacts(run, target, k, t));
  if (about === "disaster") facts.push(...disasterFacts(run, target));
  if (about === "encounter") drawEncounterPart(view, run, thing, panel);
  if (about === "link") facts.push(...linkFacts(run, k, satellite, target));
  const told = about === "link" ? linkEvents(run, satellite, target) : storyOf(run, about, target, satellite);
  if (told.length > 1 && about !== "link" && about !== "station") facts.push(["from first to last", span(told.at(-1)[0] - told[0][0])]);
  factsPart(panel, "facts", facts);
  part(panel, "story", `${told.length}`, (box) => {
    element("h4", "", box, "its story");
    if (!told.length) element("div", "oas-say", box, about === "link" ? "No question was handed over this link." : "Nothing happened to it in this run.");
    for (const event of told.slice(0, MOST_TOLD)) eventButton(view, run, event, box, about);
    if (told.length > MOST_TOLD) element("div", "oas-say", box, `and ${told.length - MOST_TOLD} more`);
  });
}

const placeText = ({ latitude, longitude }) => `${(latitude * DEGREE).toFixed(2)}°, ${(longitude * DEGREE).toFixed(2)}°`;
const AFTER = { capture: "captured", delivery: "delivered", expired: "expired" }; // the state of a request after an event
const clockOf = (run, t) => clockText(run.start + t).slice(11, 19);

/** When a request opened, how it stands, and how long image and ground waited. */
function requestFacts(run, target, k, t) {
  const facts = [], count = run.targets.length / 3, told = storyOf(run, "request", target);
  if (run.target_state) {
    const past = told.filter((event) => event[0] <= t + 0.05 && AFTER[event[2]]).at(-1);
    facts.push(["now", past ? AFTER[past[2]] : run.target_states[run.target_state[k * count + target]]]);
    const unknown = run.target_states.indexOf("unknown");
    let j = 0;
    while (j < run.rounds && run.target_state[j * count + target] === unknown) j++;
    facts.push(["opened", j === 0 ? "before the run" : j < run.rounds ? `by ${clockOf(run, run.time[j])}` : "not in this run"]);
  }
  const [taken, came] = ["capture", "delivery"].map((kind) => told.find((event) => event[2] === kind && event[0] <= t + 0.05));
  if (taken) facts.push(["captured", clockOf(run, taken[0])]);
  if (came) facts.push(["delivered", clockOf(run, came[0])]);
  if (taken && came) facts.push(["waited on board", span(came[0] - taken[0])]);
  return facts;
}

/** Where a station is, whom it serves, and what it has received. */
function stationFacts(run, station, k, t) {
  const served = run.names.filter((_, n) => run.station?.[k * run.size + n] === station);
  const came = stationStory(run, station).filter((event) => ARRIVALS.has(event[2]) && event[0] <= t + 0.05);
  return [["lat, lon", placeText(geodetic(vector(run.stations, station)))], ["in contact with", served.join(", ") || "nobody"],
    ["arrived so far", `${came.length}, value ${quantity(came.reduce((sum, event) => sum + (event[4] || 0), 0))}`]];
}

function disasterFacts(run, target) {
  const said = words(storyOf(run, "disaster", target)[0] || []);
  const facts = [["lat, lon", `${quantity(said.latitude_deg)}°, ${quantity(said.longitude_deg)}°`], ["radius", `${quantity(said.radius_km)} km`]];
  return Number.isFinite(said.latitude_deg) ? facts : [];
}

const MOST_TOLD = 200;

function nameOf(run, { about, target, satellite }) {
  if (about === "station") return run.meta.station_names?.[target] ?? `station ${target}`;
  if (about === "disaster") return words(storyOf(run, about, target)[0] || []).name || `disaster ${target}`;
  if (about === "encounter") return `encounter ${target + 1} of ${run.names[satellite]}`;
  return about === "link" ? `${run.names[satellite]} – ${run.names[target]}` : `${about} ${target}`;
}

/** The links of satellite `n` that are up, each a way to its story. */
function linksPart(view, run, n, k, panel) {
  const peers = run.link_peer ? [...new Set(peersOf(run, n, k))] : [];
  const { box } = part(panel, "links", `${peers}`, (fresh) => {
    if (peers.length) element("h4", "", fresh, "laser links");
    for (const peer of peers) {
      const line = element("button", "oas-event", fresh);
      line.type = "button";
      line.addEventListener("click", () => view.tellOf("link", Math.max(n, peer), Math.min(n, peer), view.runs.indexOf(run)));
    }
  });
  const lines = box.querySelectorAll("button");
  peers.forEach((peer, i) => {
    const text = `${run.names[peer]}${hasCargo(run) ? `: sends it ${flowText(run, k, n, peer)}` : ""}`;
    if (lines[i].textContent !== text) lines[i].textContent = text;
  });
}

/** The encounter plane and its numbers, which go on with the clock. */
function drawEncounterPart(view, run, thing, panel) {
  const { box } = part(panel, "plane", "", (fresh) => {
    const canvas = element("canvas", "oas-plane", fresh);
    canvas.setAttribute("role", "img");
    canvas.style.cursor = "default";
  });
  const t = view.t - run.shift, { warning, passed } = encounterAt(run, thing, t);
  const key = `${warning?.[0]} ${passed?.[0]} ${view.look.colours} ${view.stale}`;
  if (panel.plane !== key || view.stale) { panel.plane = key; drawPlane(view, run, thing, box.firstChild); }
  factsPart(panel, "encounter", [["satellite", run.names[thing.satellite]], ...encounterFacts(run, thing, t)]);
}

function span(seconds) { return seconds < 120 ? `${seconds.toFixed(0)} s` : seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`; }

