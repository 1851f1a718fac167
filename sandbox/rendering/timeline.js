// ---------------------------------------------------------------------------------------------- the timeline

/** Shares of activity, mean battery and events of a run on the common time axis, with the moment shown. */
function drawTimeline(view, run, canvas) {
  if (view.stale || !canvas.size?.[0]) canvas.size = [canvas.clientWidth, canvas.clientHeight];
  const [width, height] = canvas.size, d = window.devicePixelRatio || 1;
  if (!width) return;
  const key = `${width} ${height} ${run.rounds} ${run.events.length} ${view.begin} ${view.end}`;
  if (canvas.key !== key) { canvas.key = key; canvas.still = stillTimeline(view, run, width, height, d); }
  if (canvas.width !== canvas.still.width || canvas.height !== canvas.still.height) {
    Object.assign(canvas, { width: canvas.still.width, height: canvas.still.height });
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(canvas.still, 0, 0);
  pen.fillStyle = view.look.page.strong;
  pen.fillRect(d * width * (view.t - view.begin) / (view.end - view.begin || 1) - d, 0, 2 * d, d * height);
}

function stillTimeline(view, run, width, height, d) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.round(width * d), height: Math.round(height * d) });
  const pen = canvas.getContext("2d");
  pen.scale(d, d);
  const colours = run[view.look.colours].map((text) => css(rgb(text), 0.55)), foot = height - LANE_HEIGHT * run.lanes.length - 2;
  const battery = [];
  for (let x = 0; x < width; x++) {
    const t = view.begin + (x + 0.5) / width * (view.end - view.begin) - run.shift;
    if (t > run.time[run.rounds - 1] + (run.meta.round_s || 0)) break;
    const { k } = locate(run, t), counts = new Array(colours.length).fill(0);
    let sum = 0;
    for (let n = 0; n < run.size; n++) { counts[run.mode[k * run.size + n]]++; sum += run.battery[k * run.size + n]; }
    let y = foot;
    counts.forEach((count, m) => {
      if (!count || run.modes[m] === "idle") return;
      const tall = count / run.size * (foot - 2);
      pen.fillStyle = colours[m];
      pen.fillRect(x, y - tall, 1, tall);
      y -= tall;
    });
    battery.push(sum / run.size);
  }
  pen.strokeStyle = view.look.page.strong; pen.globalAlpha = 0.85; pen.beginPath();
  battery.forEach((value, x) => pen.lineTo(x, foot - value * (foot - 2)));
  pen.stroke();
  const least = Math.min(0, ...view.runs.map(({ value }) => Math.min(...value)));
  const most = Math.max(least + 1e-9, ...view.runs.map(({ value }) => Math.max(...value)));
  pen.strokeStyle = view.look.score; pen.lineWidth = 1.4; pen.beginPath();
  for (let x = 0; x < battery.length; x++) {
    const score = scoreAt(run, view.begin + (x + 0.5) / width * (view.end - view.begin) - run.shift);
    pen.lineTo(x, foot - (score - least) / (most - least) * (foot - 2));
  }
  pen.stroke();
  pen.font = "8px system-ui,sans-serif";
  drawLanes(view, run, pen, width, foot + 2);
  const text = `${view.runs.length > 1 ? `${run.meta.policy || ""}: ` : ""}share of activity, mean battery (${view.look === THEMES.light ? "black" : "white"}), ${run.score} (orange)`;
  pen.font = "10px system-ui,sans-serif";
  pen.globalAlpha = 0.75; pen.fillStyle = view.look.page.ground; pen.fillRect(4, 2, pen.measureText(text).width + 8, 14);
  pen.globalAlpha = 1; pen.fillStyle = view.look.page.text; pen.fillText(text, 8, 12);
  return canvas;
}

