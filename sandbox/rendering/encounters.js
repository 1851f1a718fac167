// The encounter plane: what passes a satellite, seen along the relative velocity, as the last warning told it.

const PLANE_HEIGHT = 190; // CSS pixels

/** The last warning of an encounter that had come by time `t`, when the first comes, and how near it came once that is known. */
function encounterAt(run, { target, satellite }, t) {
  const told = storyOf(run, "encounter", target, satellite);
  const warning = told.findLast((event) => event[2] === "warning" && event[0] <= t + 1e-3);
  const first = told.find((event) => event[2] === "warning")?.[0];
  const passed = told.find((event) => event[2] === "closest_approach");
  return { warning, first, said: warning ? words(warning) : {}, passed: passed && passed[0] <= t + 1e-3 ? passed : null, passing: passed?.[0] };
}

const metres = (m) => m >= 10000 ? `${(m / 1000).toFixed(1)} km` : m >= 100 ? `${m.toFixed(0)} m` : `${m.toPrecision(2)} m`;

function encounterFacts(run, thing, t) {
  const { warning, first, said, passed, passing } = encounterAt(run, thing, t), facts = [], until = (said.tca_s ?? passing) - t;
  if (!warning && first > t) facts.push(["first warning in", span(first - t)]);
  if (Number.isFinite(until)) facts.push([until >= 0 ? "closest approach in" : "closest approach was", until >= 0 ? span(until) : `${span(-until)} ago`]);
  if (warning) {
    facts.push(["probability", Number.isFinite(warning[4]) ? chanceText(warning[4]) : "–"], ["miss, estimated", metres(said.miss_m)], ["sigma along the miss", metres(said.sigma_m)]);
    if (said.ellipse_m) facts.push(["sigma ellipse", `${metres(said.ellipse_m[0])} × ${metres(said.ellipse_m[1])}`]);
    if (said.radius_m) facts.push(["hard-body radius", metres(said.radius_m)]);
  }
  if (passed) facts.push(["missed by, in truth", metres(passed[4])]);
  return facts;
}

/** Draw the plane: the satellite in the middle, the other object off by the miss vector, its uncertainty around it. */
function drawPlane(view, run, thing, canvas) {
  const { warning, first, said, passed } = encounterAt(run, thing, view.t - run.shift);
  const width = canvas.clientWidth || 236, d = window.devicePixelRatio || 1, { look } = view;
  Object.assign(canvas, { width: Math.round(width * d), height: Math.round(PLANE_HEIGHT * d) });
  const pen = canvas.getContext("2d");
  pen.scale(d, d);
  pen.font = "10px system-ui,sans-serif";
  if (!warning || !Number.isFinite(said.miss_m)) { pen.fillStyle = css(look.ink); pen.fillText(first === undefined ? "No warning of it was recorded." : "Nobody has been warned of it yet.", 6, 20); return; }
  const { miss_m: miss, sigma_m: sigma, radius_m: radius } = said;
  const [major, minor] = said.ellipse_m || [sigma, 0], tilt = (said.tilt_deg || 0) / DEGREE;
  const along = 3 * Math.hypot(major * Math.cos(tilt), minor * Math.sin(tilt)), across = 3 * Math.hypot(major * Math.sin(tilt), minor * Math.cos(tilt));
  const ring = Math.max(radius || 0, passed ? passed[4] : 0); // all that is drawn is inside
  const low = Math.min(-ring, miss - along), high = Math.max(miss + along, ring), tall = Math.max(across, ring, 0.12 * (high - low));
  const scale = Math.min((width - 24) / (high - low || 1), (PLANE_HEIGHT - 46) / (2 * tall));
  const middle = (PLANE_HEIGHT - 16) / 2, x = (v) => width / 2 + (v - (low + high) / 2) * scale;
  ruler(pen, look, scale, width);
  const ellipse = (times) => {
    pen.beginPath();
    pen.ellipse(x(miss), middle, times * major * scale, Math.max(1, times * minor * scale), -tilt, 0, TAU);
    pen.stroke();
  };
  pen.strokeStyle = css(look.encounter);
  for (const [times, alpha] of [[1, 0.95], [3, 0.45]]) { pen.globalAlpha = alpha; pen.setLineDash(times > 1 ? [4, 3] : []); ellipse(times); }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  pen.strokeStyle = css(look.ink); pen.lineWidth = 1.4;
  pen.beginPath(); pen.moveTo(x(0), middle); pen.lineTo(x(miss), middle); pen.stroke();
  pen.strokeStyle = pen.fillStyle = css(look.lanes.health);
  pen.beginPath(); pen.arc(x(0), middle, Math.max(2.5, (radius || 0) * scale), 0, TAU); pen.stroke();
  if (!radius || radius * scale < 2.5) pen.fill();
  pen.fillStyle = css(look.encounter);
  pen.beginPath(); pen.arc(x(miss), middle, 3, 0, TAU); pen.fill();
  if (passed) { pen.strokeStyle = css(look.strong); pen.setLineDash([2, 3]); pen.beginPath(); pen.arc(x(0), middle, passed[4] * scale, 0, TAU); pen.stroke(); pen.setLineDash([]); }
  pen.fillStyle = css(look.ink);
  pen.fillText(`miss ${metres(miss)}`, clamp(x(miss / 2) - 26, 4, width - 80), middle - 6);
  const small = 3 * major * scale < 3 ? ", too small to be seen" : "";
  pen.fillText(`1σ and 3σ${said.ellipse_m ? "" : " along the miss only"}${small}`, 6, 12);
  if (passed) pen.fillText("dotted: its distance in truth", 6, 25);
  canvas.setAttribute("aria-label", `Encounter plane: ${encounterFacts(run, thing, view.t - run.shift).map((fact) => fact.join(" ")).join(", ")}`);
}

/** How long a line of a round number of metres is. */
function ruler(pen, look, scale, width) {
  const wanted = width / 4 / scale, size = 10 ** Math.floor(Math.log10(wanted)), round = [5, 2, 1].find((f) => f * size <= wanted) * size;
  const y = PLANE_HEIGHT - 8;
  pen.strokeStyle = pen.fillStyle = css(look.ink);
  pen.globalAlpha = 0.8;
  pen.beginPath(); pen.moveTo(8, y); pen.lineTo(8 + round * scale, y); pen.moveTo(8, y - 3); pen.lineTo(8, y + 3);
  pen.moveTo(8 + round * scale, y - 3); pen.lineTo(8 + round * scale, y + 3); pen.stroke();
  pen.fillText(metres(round), 14 + round * scale, y + 3);
  pen.globalAlpha = 1;
}
