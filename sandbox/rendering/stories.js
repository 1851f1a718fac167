// What happened in a run: events by lane and by what they are about, and stories.

const LANES = ["images", "delivered", "jobs", "conjunctions", "orders", "health", "minds", "other"]; // in the order of the timeline
/** How much an event of a kind tells of a run: nothing where it is 0. */
const weightOf = (run, kind) => run.kinds?.[kind]?.[3] ?? 1;

const laneOf = (run, kind) => {
  const lane = run.kinds?.[kind]?.[1];
  return LANES.includes(lane) ? lane : "other";
};
const aboutOf = (run, kind) => run.kinds?.[kind]?.[0] ?? "";

/** Sort the events by time, and forget what was derived from them. */
function indexEvents(run) {
  run.events.sort((a, b) => a[0] - b[0]);
  run.bySatellite = run.byThing = run.byStation = run.byKind = run.cargoSeen = run.earned = null;
  run.lanes = LANES.filter((lane) => run.events.some((event) => laneOf(run, event[2]) === lane));
  run.disasters = run.events.filter((event) => event[2] === "disaster").map((event) => ({ time: event[0], ...words(event) }));
  run.wordy = run.events.some((event) => event[2] === "thought"); // a heuristic that is charged for thought has no words
  const last = run.events.length ? run.events.at(-1)[0] : 0; // what a round brought stands up to its end
  run.over = Math.max(run.time[run.rounds - 1] + (run.meta.round_s || 0), last);
}

/** What an event's text says, as far as it is JSON. */
function words(event) {
  try {
    const said = JSON.parse(event[5] || "{}");
    return said && typeof said === "object" ? said : {};
  } catch { return {}; }
}

/** The number of events before time `t`. */
function eventsBefore(run, t) {
  let low = 0, high = run.events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (run.events[middle][0] < t) low = middle + 1; else high = middle;
  }
  return low;
}

/** Whether an event is of the chosen lane; of all, those of minds only where nothing else happens. */
function isShown(run, event, lane) {
  const own = laneOf(run, event[2]);
  return lane === "all" ? own !== "minds" || run.lanes.length === 1 : own === lane;
}

/** The next event of a lane after time `t`, or the last before it. */
function neighbour(run, t, lane, forward, satellite) {
  const from = eventsBefore(run, forward ? t + 0.05 : t - 0.05), step = forward ? 1 : -1;
  for (let i = forward ? from : from - 1; i >= 0 && i < run.events.length; i += step) {
    const event = run.events[i];
    if (isShown(run, event, lane) && (satellite < 0 || event[1] === satellite)) return event;
  }
  return null;
}

/** All events about one thing: a request, a job, a station, a disaster, or what passes a satellite. */
function storyOf(run, about, target, satellite) {
  if (about === "station") return stationStory(run, target);
  if (!run.byThing) {
    run.byThing = new Map();
    for (const event of run.events) {
      const kind = aboutOf(run, event[2]);
      if (!kind) continue;
      const key = thingKey(kind, event[3], event[1]);
      if (!run.byThing.has(key)) run.byThing.set(key, []);
      run.byThing.get(key).push(event);
    }
  }
  return run.byThing.get(thingKey(about, target, satellite)) || [];
}

/** What a station received, and when it was silent: what arrives comes through the station that serves the satellite. */
function stationStory(run, station) {
  run.byStation ||= new Map();
  if (!run.byStation.has(station)) {
    run.byStation.set(station, run.events.filter(([time, n, kind, target]) => {
      if (aboutOf(run, kind) === "station") return target === station;
      return ARRIVALS.has(kind) && n >= 0 && run.station?.[locate(run, time - 0.01).k * run.size + n] === station;
    }));
  }
  return run.byStation.get(station);
}

const ARRIVALS = new Set(["delivery", "answer"]);

const thingKey = (about, target, satellite) => about === "encounter" ? `${about} ${satellite} ${target}` : `${about} ${target}`;

/** An event in a few words. */
function phrase(run, event) {
  const [, satellite, kind, , value] = event, said = words(event), parts = [];
  if (satellite >= 0) parts.push(run.names[satellite]);
  if (said.to >= 0) parts.push(`to ${run.names[said.to]}`);
  if (said.name) parts.push(said.name);
  if (said.why) parts.push(said.why);
  if (said.text) parts.push(said.text);
  if (kind === "override") parts.push(said.instead_of ? `${said.decision} instead of ${said.instead_of}` : said.decision);
  if (kind === "consulted") parts.push(`${said.search} search of ${quantity(said.seconds)} s, ${said.images} images of ${quantity(said.worth)} expected`);
  if (!Number.isFinite(value)) return parts.join(", ");
  if (kind === "warning") parts.push(`probability ${chanceText(value)}, miss ${said.miss_m} m, sigma ${said.sigma_m} m`);
  else if (kind === "closest_approach") parts.push(`missed by ${quantity(value)} m`);
  else if (kind === "burn") parts.push(`${value.toPrecision(3)} m/s`);
  else if (kind === "safe_mode") parts.push(`battery ${quantity(value, "share")}`);
  else if (kind === "consulted") parts.push(`${quantity(value)} J`);
  else if (value && kind !== "thought") parts.push(`value ${quantity(value)}`);
  if (said.latency_s !== undefined) parts.push(`after ${quantity(said.latency_s)} s`);
  return parts.join(", ");
}

/** Seconds of the run in a second of playing: something happens every second or two, and it ends within minutes. */
function pace(run, span) {
  const count = run.events.filter((event) => weightOf(run, event[2]) > 0).length;
  return clamp(count > 3 ? 1.5 * span / count : Infinity, span / 180, span / 45);
}

/** Rings around those to whom something has just happened, lines for what was handed over, disasters. */
function drawEvents(run, when, t, options, lines, points, pixel) {
  const fade = Math.max(run.meta.round_s || 30, 0.8 * options.speed);
  const last = eventsBefore(run, t + 1e-3);
  for (let i = last - 1, drawn = 0; i >= 0 && drawn < 300; i--) {
    const event = run.events[i], age = (t - event[0]) / fade;
    if (age > 1) break;
    const lane = laneOf(run, event[2]);
    if (lane === "minds" || event[1] < 0 || !(options.events === "all" || options.events === lane)) continue;
    drawn++;
    points.add(run.live, event[1], options.look.lanes[lane], 0.9 * (1 - age), (16 + 22 * age) * pixel, RING);
    const { to } = words(event);
    if (to >= 0) lines.add(run.live, event[1], run.live, to, options.look.lanes[lane], 0.9 * (1 - age), 2.4 * pixel);
  }
  for (const one of run.disasters) if (t >= one.time && one.radius_km > 0) drawRegion(one, options.look, lines, pixel);
}

function drawRegion({ latitude_deg, longitude_deg, radius_km }, look, lines, pixel) {
  const up = unit(groundPoint(latitude_deg / DEGREE, longitude_deg / DEGREE)), angle = radius_km / RADIUS_KM;
  const east = unit(cross([0, 0, 1], up)), north = cross(up, east);
  const rim = (i) => {
    const c = Math.sin(angle) * Math.cos(i * TAU / 48), s = Math.sin(angle) * Math.sin(i * TAU / 48);
    return up.map((v, a) => 1.002 * (Math.cos(angle) * v + c * east[a] + s * north[a]));
  };
  for (let i = 0; i < 48; i++) lines.add(rim(i), 0, rim(i + 1), 0, look.lanes.health, 0.95, 2 * pixel);
}

/** The rows of events below the activity, one for each lane that there is. */
function drawLanes(view, run, pen, width, top) {
  run.lanes.forEach((lane, row) => {
    const y = top + row * LANE_HEIGHT, { look } = view;
    pen.fillStyle = css(look.lanes[lane]);
    pen.globalAlpha = 0.55;
    for (const event of run.events) {
      if (laneOf(run, event[2]) !== lane) continue;
      const x = (run.shift + event[0] - view.begin) / (view.end - view.begin || 1) * width;
      const heavy = weightOf(run, event[2]) > 4;
      pen.globalAlpha = heavy ? 1 : 0.5;
      pen.fillRect(x - heavy * 0.5, y, 1 + heavy, LANE_HEIGHT - 2);
    }
    pen.globalAlpha = 0.75; pen.fillStyle = look.page.ground; pen.fillRect(2, y - 1, pen.measureText(lane).width + 6, LANE_HEIGHT);
    pen.globalAlpha = 1; pen.fillStyle = css(look.lanes[lane]); pen.fillText(lane, 5, y + LANE_HEIGHT - 3);
  });
}

const LANE_HEIGHT = 9;
