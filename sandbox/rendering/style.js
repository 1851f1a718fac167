// How the view looks: the colours of its two themes, and its style sheet, which takes its colours from them.

const rgb = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16) / 255);
const css = (c, alpha = 1) => `rgba(${c.map((v) => Math.round(255 * v)).join(",")},${alpha})`;

/** Every colour of a theme: `page` for the style sheet, `earth` for the globe's shader, the rest for what is drawn. */
const THEMES = {
  dark: {
    page: { scheme: "dark", ground: "#04070d", text: "#dfe7ef", bar: "#0a111c", control: "#111b29", ink: "#c8d4e0", edge: "#24344a",
      hover: "#4b6b91", on: "#1d3a5c", accent: "#56b4e9", "on-accent": "#04101c", strong: "#ffffff", halo: "#000000", label: "#c9d5e2",
      faint: "#aab8c7", card: "rgba(7,13,22,.84)", rule: "#1d2b3d", muted: "#9fb0c1", side: "#070d16", chip: "#39506c", say: "#0c1624",
      orange: "#e69f00", chosen: "#7fc4f0", held: "#5c3a1d" },
    earth: { space: [0.016, 0.027, 0.05], seaDay: [0.075, 0.235, 0.4], landDay: [0.27, 0.4, 0.31], coastDay: [0.5, 0.64, 0.52],
      seaNight: [0.022, 0.052, 0.105], landNight: [0.055, 0.088, 0.115], coastNight: [0.19, 0.29, 0.36], glow: [0.35, 0.62, 0.95], grid: 0.045 },
    ink: [0.91, 0.94, 0.97], strong: [1, 1, 1], outline: [0.02, 0.04, 0.08], capture: [0.34, 0.71, 0.91], contact: [0.18, 0.78, 0.58],
    link: [0.45, 0.62, 0.85], encounter: [0.9, 0.42, 0.05], score: "#ffb347", curve: "#7fc4f0",
    targets: { unknown: [0.72, 0.78, 0.84], open: [0.94, 0.89, 0.26], captured: [0.34, 0.71, 0.91], delivered: [0.18, 0.78, 0.58], expired: [0.55, 0.6, 0.66] },
    lanes: { images: [0.34, 0.71, 0.91], delivered: [0.18, 0.78, 0.58], jobs: [0.8, 0.47, 0.65], conjunctions: [0.9, 0.45, 0.1], orders: [0.86, 0.58, 0.98],
      health: [1, 0.42, 0.29], minds: [0.94, 0.89, 0.26], other: [0.53, 0.6, 0.67] },
    cargo: { images: [0.34, 0.71, 0.91], questions: [0.85, 0.5, 0.7], answers: [0.18, 0.78, 0.58], messages: [0.94, 0.89, 0.26] },
    // Cividis-like, from blue to yellow: told apart with any colour vision
    ramp: [[0.2, 0.36, 0.72], [0.42, 0.5, 0.68], [0.62, 0.63, 0.6], [0.82, 0.76, 0.45], [0.99, 0.91, 0.25]],
    spare: [[0.8, 0.47, 0.65], [0.34, 0.71, 0.91], [0.94, 0.89, 0.26], [0.9, 0.62, 0], [0.18, 0.78, 0.58], [0.84, 0.37, 0], [0.6, 0.66, 0.95], [0.75, 0.78, 0.82]],
    colours: "colours",
  },
  light: {
    page: { scheme: "light", ground: "#e9eff5", text: "#1b2733", bar: "#ffffff", control: "#f4f7fa", ink: "#2b3a4a", edge: "#b4c2cf",
      hover: "#5f7f9f", on: "#d3e6f7", accent: "#0072b2", "on-accent": "#ffffff", strong: "#0b1620", halo: "#ffffff", label: "#1d2935",
      faint: "#43525f", card: "rgba(255,255,255,.9)", rule: "#cfd9e2", muted: "#4f5f6d", side: "#f8fafc", chip: "#94a8bb", say: "#eaf0f6",
      orange: "#b86e00", chosen: "#005a8f", held: "#ffe3bd" },
    earth: { space: [0.914, 0.937, 0.961], seaDay: [0.7, 0.83, 0.93], landDay: [0.93, 0.92, 0.84], coastDay: [0.45, 0.53, 0.56],
      seaNight: [0.44, 0.53, 0.64], landNight: [0.56, 0.6, 0.63], coastNight: [0.3, 0.36, 0.43], glow: [0.6, 0.76, 0.93], grid: -0.05 },
    ink: [0.13, 0.18, 0.24], strong: [0.04, 0.08, 0.12], outline: [0.16, 0.21, 0.27], capture: [0, 0.4, 0.66], contact: [0, 0.45, 0.32],
    link: [0.24, 0.38, 0.6], encounter: [0.78, 0.28, 0], score: "#b35c00", curve: "#0072b2",
    targets: { unknown: [0.35, 0.42, 0.5], open: [0.55, 0.4, 0], captured: [0, 0.4, 0.66], delivered: [0, 0.45, 0.32], expired: [0.4, 0.45, 0.5] },
    lanes: { images: [0, 0.4, 0.66], delivered: [0, 0.45, 0.32], jobs: [0.6, 0.25, 0.45], conjunctions: [0.75, 0.3, 0], orders: [0.47, 0.2, 0.65],
      health: [0.75, 0.13, 0.07], minds: [0.45, 0.38, 0], other: [0.38, 0.45, 0.51] },
    cargo: { images: [0, 0.4, 0.66], questions: [0.6, 0.25, 0.45], answers: [0, 0.45, 0.32], messages: [0.5, 0.42, 0] },
    ramp: [[0.05, 0.2, 0.55], [0.27, 0.36, 0.55], [0.45, 0.46, 0.47], [0.62, 0.55, 0.3], [0.78, 0.6, 0]],
    spare: [[0.6, 0.25, 0.45], [0, 0.45, 0.7], [0.55, 0.48, 0], [0.75, 0.45, 0], [0, 0.5, 0.36], [0.75, 0.25, 0], [0.35, 0.4, 0.75], [0.35, 0.4, 0.45]],
    colours: "colours_light",
  },
};

/** The theme that is asked for, or else that of the notebook around, or else that of the system. */
function themeOf(asked) {
  if (asked === "light" || asked === "dark") return asked;
  const lab = document.body.dataset.jpThemeLight;
  if (lab) return lab === "true" ? "light" : "dark";
  return window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

const themeRules = () => Object.entries(THEMES).map(([name, { page }]) =>
  `.oas[data-theme=${name}]{${Object.entries(page).map(([key, value]) => `--${key}:${value}`).join(";")}}`).join("\n");

const STYLE = themeRules() + `
.oas{position:relative;display:flex;flex-direction:column;height:100%;min-height:360px;background:var(--ground);color:var(--text);
 font:12px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;outline:none;overflow:hidden;border-radius:8px;user-select:none;
 color-scheme:var(--scheme)}
.oas *{box-sizing:border-box}
.oas-bar{display:flex;align-items:center;gap:5px;padding:6px 9px;flex-wrap:wrap;background:var(--bar);z-index:3}
.oas-bar b{font-size:13px;margin-right:6px;white-space:nowrap;max-width:40%;overflow:hidden;text-overflow:ellipsis}.oas-grow{flex:1}
.oas button,.oas select{background:var(--control);color:var(--ink);border:1px solid var(--edge);border-radius:6px;padding:3px 8px;font:inherit;
 height:26px;cursor:pointer}.oas-bar>select{max-width:112px}
.oas button:hover,.oas select:hover{border-color:var(--hover)}.oas button.on{background:var(--on);border-color:var(--accent);color:var(--strong)}
.oas button:focus-visible,.oas select:focus-visible,.oas input:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.oas-find{width:108px;height:26px;background:var(--control);color:var(--ink);border:1px solid var(--edge);border-radius:6px;padding:3px 9px;font:inherit}
.oas-stage{position:relative;flex:1;min-height:0;cursor:grab;touch-action:none;background:var(--ground) center/100% 100% no-repeat}
.oas-middle{display:flex;flex:1;min-height:0}
.oas-stage>canvas{position:absolute;inset:0;width:100%;height:100%;display:block}
.oas-pane{position:absolute;pointer-events:none;overflow:hidden;box-shadow:inset 1px 0 var(--rule)}
.oas-title{position:absolute;left:10px;top:8px;font-weight:600;text-shadow:0 0 4px var(--halo)}
.oas-label{position:absolute;font-size:10.5px;color:var(--label);text-shadow:0 0 3px var(--halo),0 0 3px var(--halo);white-space:nowrap}
.oas-label.it{font-style:italic;color:var(--faint)}.oas-label.town{font-size:9.5px;color:var(--faint);opacity:.9}
.oas-card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:7px 10px}
.oas-legend{position:absolute;left:10px;bottom:10px;min-width:112px;max-width:45%;max-height:calc(100% - 20px);overflow:auto;scrollbar-width:none}
.oas-legend>button{display:none;pointer-events:auto}.oas.tight .oas-legend>button{display:block}.oas-legend>button::after{content:" ▸"}
.oas-legend.open>button::after{content:" ▾"}.oas.tight .oas-legend:not(.open){padding:0;border:0;min-width:0;background:none}.oas.tight .oas-legend:not(.open)>div{display:none}
.oas-row{display:flex;justify-content:space-between;gap:12px}.oas-row span:last-child{color:var(--strong);font-variant-numeric:tabular-nums;text-align:right}
.oas-row span:first-child{color:var(--muted)}.oas-dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:6px}
.oas-rule{border:0;border-top:1px solid var(--edge);margin:4px 0}.oas-sign{display:inline-block;width:15px}
.oas-ramp{height:8px;border-radius:4px;margin:4px 0}
.oas-side{display:flex;flex-direction:column;width:262px;max-width:45%;background:var(--side);border-left:1px solid var(--rule)}
.oas-side[hidden]{display:none}
.oas-panel{flex:1;min-height:0;overflow:auto;padding:8px 12px;scrollbar-width:thin;user-select:text;border-bottom:1px solid var(--rule)}
.oas-panel h3{margin:0 0 4px;font-size:13px;display:flex;justify-content:space-between}
.oas-panel h4{margin:8px 0 3px;font-size:11px;color:var(--muted);font-weight:600;text-transform:uppercase;letter-spacing:.05em}
.oas-panel h3 button{height:20px;padding:0 6px}.oas-panel canvas{width:100%;display:block;cursor:pointer}
.oas-acts{display:flex;flex-wrap:wrap;gap:4px}.oas-act{border:1px solid var(--chip);border-radius:10px;padding:0 7px;font-size:11px}
.oas-act.no{opacity:.42;text-decoration:line-through}.oas-act.chosen{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
.oas-say{white-space:pre-wrap;background:var(--say);border-left:2px solid var(--accent);padding:4px 7px;margin:3px 0;max-height:120px;overflow:auto}
.oas-say.answer{border-color:var(--orange)}
.oas-tip{position:absolute;pointer-events:none;z-index:4;padding:3px 8px;white-space:pre}
.oas-help{position:absolute;inset:0;margin:auto;width:330px;height:max-content;z-index:5;background:var(--bar)}
.oas-help kbd{background:var(--rule);border-radius:4px;padding:0 5px;font:inherit}
.oas-time{position:relative;flex:none;height:54px;background:var(--side);cursor:pointer;touch-action:none}
.oas-time canvas{position:absolute;inset:0;width:100%;height:100%}
.oas input[type=range]{flex:1;min-width:80px;accent-color:var(--accent)}
.oas-caption{position:absolute;right:10px;top:10px;max-width:60%;pointer-events:none;z-index:2}
.oas-caption b{color:var(--strong);font-variant-numeric:tabular-nums}
.oas-odds{display:grid;grid-template-columns:auto 1fr 42px;gap:1px 8px;align-items:center}
.oas-odds i{display:block;height:8px;border-radius:2px;background:var(--chip);min-width:1px}.oas-odds .chosen{color:var(--chosen);font-weight:600}
.oas-odds .chosen+i{background:var(--accent)}.oas-odds span:nth-child(3n){text-align:right;font-variant-numeric:tabular-nums}
.oas-panel .oas-event{display:block;width:100%;height:auto;text-align:left;background:none;border:0;border-radius:3px;padding:1px 4px}
.oas-panel .oas-event:hover{background:var(--control)}.oas-panel summary{color:var(--muted);cursor:pointer}.oas-event time{color:var(--muted);margin-right:6px;font-variant-numeric:tabular-nums}
.oas.slim .oas-bar{gap:3px;padding:4px 7px}.oas.slim .oas-bar :is(button,select,input){font-size:11px;padding-left:5px;padding-right:5px;height:24px}
.oas.slim .oas-find{width:84px}.oas.slim .oas-bar>select{max-width:92px}
.oas.narrow .oas-bar{flex-wrap:nowrap;overflow-x:auto;scrollbar-width:none}.oas.narrow .oas-bar>*{flex:none}
.oas.narrow .oas-foot{flex-wrap:wrap}.oas.narrow .oas-foot input,.oas.narrow .oas-foot .oas-clock{order:-1}.oas.narrow .oas-foot input{flex:1 1 28%}.oas.narrow .oas-foot .oas-clock{font-size:11px}
.oas.narrow .oas-bar:first-of-type{mask-image:linear-gradient(90deg,#000 86%,transparent)}
.oas.two:not(.narrow) .oas-caption{top:auto;bottom:10px;max-width:max(200px,calc(50% - 215px))}
.oas.narrow.two .oas-side{flex-direction:row;max-height:46%}.oas.narrow.two .oas-panel{padding:6px 8px;font-size:11px}
.oas.narrow .oas-clock{min-width:0}.oas.narrow .oas-middle{flex-direction:column}
.oas.narrow .oas-caption{position:static;max-width:none;flex:none;height:40px;padding:2px 10px;border-radius:0;border-width:1px 0;overflow:hidden}
.oas.narrow .oas-caption>div{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.oas.narrow .oas-middle:has(.oas-side:not([hidden])) .oas-legend{display:none}
.oas.two .oas-bar b{max-width:24%}.oas.narrow.two .oas-legend{max-height:30%}.oas.narrow.two .oas-rule,.oas.narrow.two .oas-rule~*{display:none}
.oas.narrow .oas-side{width:100%;max-width:none;max-height:42%;border-left:0;border-top:1px solid var(--rule)}
.oas.narrow .oas-legend{font-size:10px;padding:3px 6px;min-width:0;max-height:45%;overflow:auto;pointer-events:auto;scrollbar-width:none}
.oas.narrow .oas-legend{max-width:min(95%,180px)}.oas.narrow .oas-legend span{white-space:nowrap}
.oas-control{border-top:1px solid var(--rule)}.oas-status{flex:1;color:var(--muted);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.oas-wheel{display:flex;flex-wrap:wrap;gap:4px}.oas-wheel h4,.oas-wheel>div{width:100%}.oas-wheel select{flex:1;min-width:0}
.oas-wheel select.on{background:var(--held);border-color:var(--orange);color:var(--strong)}
.oas-clock{font-variant-numeric:tabular-nums;white-space:nowrap;min-width:200px;text-align:right}
.oas-list{display:flex;flex-direction:column;width:400px;max-width:50%;background:var(--side);border-right:1px solid var(--rule);padding:6px 0 0}
.oas-list[hidden]{display:none}.oas-list>div:first-child{display:flex;gap:6px;padding:0 8px 6px}.oas-list .oas-find{flex:1;min-width:0}
.oas-heads,.oas-entry{display:grid;grid-template-columns:minmax(0,1fr) 68px 44px 54px 50px 46px;gap:6px;padding:0 8px;font-variant-numeric:tabular-nums}
.oas-list.fuel{width:430px}.oas-list.fuel .oas-heads,.oas-list.fuel .oas-entry{grid-template-columns:minmax(0,1fr) 76px 40px 52px 46px 42px 40px}
.oas-heads button{all:unset;white-space:nowrap;cursor:pointer;color:var(--muted);font-size:11px;text-align:right;overflow:hidden}
.oas-heads button:first-child,.oas-heads button:nth-child(2){text-align:left}.oas-heads button.on{color:var(--strong);background:none}
.oas-heads button:focus-visible{outline:2px solid var(--accent)}
.oas-rows{position:relative;flex:1;min-height:0;overflow:auto;outline-offset:-2px;scrollbar-width:thin}
.oas-rows:focus-visible{outline:2px solid var(--accent)}
.oas-entry{position:absolute;left:0;right:0;height:20px;line-height:20px;cursor:pointer;white-space:nowrap}
.oas-entry span{overflow:hidden;text-overflow:ellipsis;text-align:right}.oas-entry span:first-child,.oas-entry span:nth-child(2){text-align:left}
.oas-entry:hover{background:var(--control)}.oas-entry[aria-selected=true]{background:var(--on);color:var(--strong)}
.oas.narrow .oas-list,.oas.narrow .oas-list.fuel{width:100%;max-width:none;max-height:40%;border-right:0;border-bottom:1px solid var(--rule)}
.oas-note{color:var(--muted);font-size:10.5px}
.oas.narrow .oas-list:not([hidden])~.oas-side{display:none}
.oas.narrow .oas-heads>:nth-child(6),.oas.narrow .oas-entry>:nth-child(6){display:none}
.oas.narrow .oas-heads,.oas.narrow .oas-entry{grid-template-columns:minmax(0,1fr) 62px 44px 52px 46px}
.oas.narrow .fuel .oas-heads,.oas.narrow .fuel .oas-entry{grid-template-columns:minmax(0,1fr) 62px 44px 52px 46px 36px}
.oas-plane{width:100%;height:190px;display:block}
.oas-dash{display:inline-block;width:15px;height:0;margin-right:6px;vertical-align:middle;border-top:3px solid}.oas-dash.dashed{border-top-style:dashed}
@media (prefers-reduced-motion:reduce){.oas *{transition:none!important;animation:none!important}}
`;
