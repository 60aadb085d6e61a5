// Two charts. Numbers beside the bars and a pattern for what is rotten, so that nothing hangs on colour alone.

import { svg } from "./dom.js";
import { day, percent, t } from "./words.js";

const WIDEST = 640;
const ROW = 30;
const LABELS = 130;
const NUMBERS = 90;
const LINE = { height: 220, left: 46, right: 12, top: 12, bottom: 28 };

const width = () => Math.min(WIDEST, document.getElementById("main").clientWidth - 24);
const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

const chart = (height, label, ...children) =>
  svg("svg", { viewBox: `0 0 ${width()} ${height}`, role: "img", "aria-label": label, class: "chart" }, ...children);

/** Healthy and rotten photos as one bar for each [label, healthy, rotten]. */
export function bars(rows, label) {
  const most = Math.max(...rows.map(([, healthy, rotten]) => healthy + rotten));
  const unit = (width() - LABELS - NUMBERS) / most;
  return chart(
    rows.length * ROW,
    label,
    hatching(),
    rows.map(([name, healthy, rotten], index) => {
      const y = index * ROW;
      const bar = (x, number, paint) =>
        svg("rect", { ...paint, x: LABELS + x * unit, y: y + 5, width: number * unit, height: ROW - 10 });
      return svg(
        "g",
        {},
        text(LABELS - 8, y + 20, name, { "text-anchor": "end" }),
        bar(0, healthy, { class: "bar healthy" }),
        bar(healthy, rotten, { class: "bar rotten" }),
        bar(healthy, rotten, { fill: "url(#hatching)" }),
        text(LABELS + (healthy + rotten) * unit + 6, y + 20, `${rotten} / ${healthy + rotten}`),
      );
    }),
  );
}

/** The rotten share by day, from [day, share] pairs. */
export function line(points, label) {
  const { height, left, right, top, bottom } = LINE;
  const end = width() - right;
  const times = points.map(([date]) => new Date(date).getTime());
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const x = (time) => (last === first ? (left + end) / 2 : left + ((time - first) / (last - first)) * (end - left));
  const y = (share) => top + (1 - share) * (height - top - bottom);
  const places = points.map(([, share], index) => [x(times[index]), y(share)]);
  const dates = last === first ? [points[0]] : [points[0], points.at(-1)];
  return chart(
    height,
    label,
    [0, 0.5, 1].map((share) =>
      svg(
        "g",
        {},
        svg("line", { class: "grid", x1: left, x2: end, y1: y(share), y2: y(share) }),
        text(left - 6, y(share) + 4, percent(share), { "text-anchor": "end" }),
      ),
    ),
    svg("polyline", { class: "line", points: places.map((place) => place.join()).join(" ") }),
    points.map(([date, share], index) =>
      svg(
        "circle",
        { class: "point", cx: places[index][0], cy: places[index][1], r: 5 },
        svg("title", {}, `${day(date)}: ${percent(share)} ${t("rotten")}`),
      ),
    ),
    dates.map(([date], index) =>
      text(x(new Date(date).getTime()), height - 8, day(date), {
        "text-anchor": dates.length === 1 ? "middle" : ["start", "end"][index],
      }),
    ),
  );
}

function hatching() {
  const stripe = svg("rect", { class: "stripe", width: 2, height: 6 });
  const turned = { patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  return svg("defs", {}, svg("pattern", { id: "hatching", width: 6, height: 6, ...turned }, stripe));
}
