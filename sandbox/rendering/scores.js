// What runs have earned by a moment, and how two of them compare.

const PROBE = ["env", "scenario", "seed", "round_s"]; // of the metadata: what two runs that are to be compared have in common
const PROBED = { env: "problem", round_s: "length of a round" };

/** How runs differ that should be alike, in words; none where they compare. */
function unlike(runs) {
  const [{ meta: first }] = runs;
  return PROBE.filter((key) => runs.some(({ meta }) => meta[key] !== undefined && first[key] !== undefined && meta[key] !== first[key]))
    .map((key) => PROBED[key] || key);
}

/** One measure for all runs shown: the value delivered or, where nobody delivers, the reward; for unlike runs each its own. */
function measure(runs) {
  const delivers = (run) => run.fleet_value?.some(Boolean), apart = unlike(runs).length > 0, any = runs.some(delivers);
  for (const run of runs) {
    const valued = apart ? delivers(run) : any;
    const each = (valued ? run.fleet_value : run.fleet_reward) || new Float64Array(run.rounds);
    let sum = 0;
    run.value = Float64Array.from(each, (worth) => sum += worth);
    run.score = valued ? "value so far" : "reward so far";
  }
}

/** What was earned by time `t` of a run: in the rounds that were over then, and what had arrived since. */
function scoreAt(run, t) {
  const { k } = locate(run, t), over = k > 0 ? run.value[k - 1] : 0;
  if (t >= run.over - 1e-3) return run.value[run.rounds - 1];
  if (run.score !== "value so far") return over;
  let arrived = 0;
  for (let i = eventsBefore(run, run.time[k] + 0.05); i < run.events.length && run.events[i][0] <= t + 0.05; i++) { // times are rounded
    if (ARRIVALS.has(run.events[i][2])) arrived += run.events[i][4] || 0;
  }
  return Math.min(over + arrived, run.value[k]);
}

/** The first moment at which runs decide otherwise, who does, and what each decided; or null. */
function divergence(runs) {
  if (runs.some((run) => !run.action)) return null; // one has yet to begin
  const rounds = Math.min(...runs.map((run) => run.rounds)), size = Math.min(...runs.map((run) => run.size));
  const called = (run, i) => run.meta.action_names?.[run.action[i]] ?? `action ${run.action[i]}`;
  for (let k = 0; k < rounds; k++)
    for (let n = 0; n < size; n++) {
      const chosen = runs.map((run) => called(run, k * run.size + n));
      if (chosen.some((name) => name !== chosen[0])) return { time: runs[0].time[k], satellite: n, chosen };
    }
  return null;
}
