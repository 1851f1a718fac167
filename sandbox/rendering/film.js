// Pictures and short videos of what is seen, with the words on it.

const FILM_FORMATS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** Draw what the view shows, labels, caption and clock with it, onto a canvas of the same size. */
function drawStill(view, canvas) {
  const { canvas: globe, stage, density: d } = view;
  if (canvas.width !== globe.width || canvas.height !== globe.height) Object.assign(canvas, { width: globe.width, height: globe.height });
  const pen = canvas.getContext("2d"), style = getComputedStyle(view.root), ink = style.getPropertyValue("--text");
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(globe, 0, 0);
  pen.scale(d, d);
  pen.lineJoin = "round";
  const write = (text, x, y, colour, font) => {
    Object.assign(pen, { font, lineWidth: 3, strokeStyle: style.getPropertyValue("--halo"), fillStyle: colour });
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  };
  for (const pane of view.panes) {
    const left = pane.share.left * stage.clientWidth, top = pane.share.top * stage.clientHeight;
    for (const label of pane.labels.children) {
      if (label.hidden) continue;
      const town = label.classList.contains("town");
      write(label.textContent, left + label.at[0], top + label.at[1] + 10, style.getPropertyValue(town ? "--faint" : "--label"), `${town ? 9.5 : 10.5}px system-ui,sans-serif`);
    }
    if (view.runs.length > 1) write(pane.run.meta.policy || pane.run.meta.scenario || "", left + 10, top + 20, ink, "600 12px system-ui,sans-serif");
  }
  const card = (x, y, wide, tall) => {
    pen.fillStyle = style.getPropertyValue("--card");
    pen.fillRect(x, y, wide, tall);
  };
  const said = [`${view.title()} · ${view.clock.textContent}`, ...[...view.caption.children].map((line) => line.textContent)];
  pen.font = "12px system-ui,sans-serif";
  card(4, stage.clientHeight - 10 - 16 * said.length, Math.max(...said.map((text) => pen.measureText(text).width)) + 12, 16 * said.length + 6);
  said.forEach((text, i) => write(text, 10, stage.clientHeight - 10 - 16 * (said.length - 1 - i), ink, "12px system-ui,sans-serif"));
  return canvas;
}

function offer(href, name) {
  const link = document.createElement("a");
  link.download = name.replace(/[^\w.-]+/g, "_");
  link.setAttribute("href", href);
  link.click();
}

/** Why this browser cannot record, or "". */
function filmTrouble() {
  if (!window.MediaRecorder || !HTMLCanvasElement.prototype.captureStream) return "this browser cannot record a video";
  return FILM_FORMATS.some((type) => MediaRecorder.isTypeSupported(type)) ? "" : "this browser records no WebM";
}

/** Play for `seconds` from the moment shown and record that; resolves to the video, a WebM blob. */
class Film {
  constructor(view, seconds) {
    Object.assign(this, { view, canvas: drawStill(view, document.createElement("canvas")), parts: [] });
    this.until = performance.now() + 1000 * seconds;
    this.recorder = new MediaRecorder(this.canvas.captureStream(30), {
      mimeType: FILM_FORMATS.find((type) => MediaRecorder.isTypeSupported(type)), videoBitsPerSecond: 6e6,
    });
    this.recorder.addEventListener("dataavailable", (event) => { if (event.data.size) this.parts.push(event.data); });
    this.done = new Promise((resolve) => {
      this.recorder.addEventListener("stop", () => resolve(new Blob(this.parts, { type: "video/webm" })));
    });
    this.recorder.start(250);
    this.timer = setInterval(() => this.tick(), 200);
    view.play(true);
  }

  get left() { return Math.max(0, this.until - performance.now()) / 1000; }

  /** A frame was painted. */
  frame() { drawStill(this.view, this.canvas); }

  tick() {
    this.view.filmButton.textContent = `stop (${Math.ceil(this.left)} s)`;
    if (this.left <= 0 || this.view.closed) this.stop();
    else if (!this.view.playing && this.view.painter) { this.view.paint(); this.frame(); } // the run has ended: its last picture stays
  }

  stop() {
    clearInterval(this.timer);
    if (this.recorder.state !== "inactive") this.recorder.stop();
    this.view.play(false);
  }
}
