--- The look of a report: one style sheet, for light and dark, a phone and a desk, screen and paper.
---
--- Blue and orange are a pair that colour-blind readers tell apart; colour alone says nothing.
--- Widths are shares of the page, so a drawing's text never shrinks with it.
---
--- ```lua
--- local style = require "report.style"
---
--- assert(style:find("prefers-color-scheme: dark", 1, true) and not style:find("url(", 1, true))
--- ```
return [[
:root {
  color-scheme: light dark;
  --page: #f6f7f8; --panel: #ffffff; --ink: #1b2127; --soft: #56616c; --line: #d8dee4;
  --blue: #1d5fae; --blue-wash: #e4eefa; --orange: #b04a00; --orange-wash: #fdeeda;
  --wash: #eef1f4; --grid: #e6eaee;
  --mono: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #111417; --panel: #191d22; --ink: #e6eaee; --soft: #9ba7b3; --line: #333b44;
    --blue: #7ab3f2; --blue-wash: #1a2b40; --orange: #f0a150; --orange-wash: #3a2912;
    --wash: #232930; --grid: #272e36;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
footer { padding-bottom: 48px; color: var(--soft); font-size: 13px; }
a { color: var(--blue); text-decoration: none; }
a:hover { text-decoration: underline; }
.eyebrow { color: var(--soft); font-size: 13px; letter-spacing: .04em; }
h1 { font: 600 26px/1.25 var(--mono); margin: 4px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; line-height: 1.3; margin: 0; }
h3 { font-size: 14px; margin: 20px 0 8px; overflow-wrap: anywhere; }
code, .mono { font-family: var(--mono); font-size: 12.5px; overflow-wrap: anywhere; }
.meta { margin: 0; font-size: 14px; color: var(--soft); overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 6px 16px; margin: 16px 0 20px; font-size: 14px; }
.tiles {
  display: grid; gap: 1px; margin: 0 0 28px; padding: 0; overflow: hidden; border-radius: 10px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  background: var(--line); border: 1px solid var(--line);
}
.tile { background: var(--panel); padding: 12px 14px; min-width: 0; }
.tile b {
  display: block; font-size: 20px; line-height: 1.3; font-weight: 600; overflow-wrap: anywhere;
}
.tile span { color: var(--soft); font-size: 13px; line-height: 1.35; display: block; }
section {
  background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px 20px; margin: 0 0 20px; min-width: 0;
}
.about { margin: 2px 0 14px; color: var(--soft); font-size: 14px; max-width: 80ch; }
.none { color: var(--soft); margin: 8px 0 0; font-size: 13px; }
.bad { color: var(--orange); }
.good { color: var(--blue); }
.soft { color: var(--soft); }
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 10px 0 0; padding: 0; list-style: none;
  color: var(--soft); font-size: 13px;
}
.legend b { font-family: var(--mono); font-weight: 600; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--blue); font-size: 14px; }
details > summary + * { margin-top: 8px; }
svg { display: block; overflow: visible; }
svg text { font-family: var(--mono); font-size: 11.5px; fill: var(--ink); }
svg .label { fill: var(--soft); }
svg .strong { font-weight: 600; }
svg .bad { fill: var(--orange); }
svg .good { fill: var(--blue); }

/* timeline */
.zoomer { font-size: 13px; color: var(--soft); accent-color: var(--blue); vertical-align: middle; }
input.zoomer { margin: 0 4px 0 0; }
label.zoomer { margin-right: 14px; cursor: pointer; }
.scroll { overflow-x: auto; margin-top: 10px; padding: 0 6px 4px; }
.lane { fill: var(--wash); }
.wait { fill: var(--line); }
svg .name { paint-order: stroke; stroke: var(--panel); stroke-width: 4px; stroke-linejoin: round; }
.call { fill: var(--blue); stroke: var(--blue); stroke-width: 1.5; }
.call.error { fill: var(--orange); stroke: var(--orange); }
.call.final { stroke-width: 3; }
.call:hover { stroke-width: 4; }
.start { stroke: var(--soft); fill: none; }
.tick { stroke: var(--line); }
.calls { width: 100%; border-collapse: collapse; font-size: 12.5px; }
.calls td, .calls th {
  text-align: left; vertical-align: top; padding: 4px 10px 4px 0;
  border-top: 1px solid var(--grid);
}
.calls th { color: var(--soft); font-weight: 500; border-top: 0; }
.calls .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }

/* processes */
.tree { margin: 0; padding: 0; list-style: none; font-size: 13px; }
.tree li {
  display: flex; align-items: baseline; padding: 3px 0; border-top: 1px solid var(--grid);
  min-width: 0;
}
.tree li:first-child { border-top: 0; }
.branch {
  font-family: var(--mono); white-space: pre; color: var(--soft); flex: none; font-size: 12.5px;
}
.tree .what { flex: 1 1 auto; min-width: 0; overflow-wrap: anywhere; }
.tag {
  display: inline-block; font: 12px/1.5 var(--mono); padding: 0 6px; border-radius: 4px;
  background: var(--wash); color: var(--ink); margin: 1px 4px 1px 0; max-width: 100%;
  overflow-wrap: anywhere;
}
.tag.own { background: var(--blue-wash); color: var(--blue); }
.tag.warn { background: var(--orange-wash); color: var(--orange); }
s { text-decoration-thickness: 1px; }

/* namespaces */
.user {
  border: 1.5px solid var(--line); border-radius: 8px; padding: 10px 12px 12px; margin-top: 12px;
  min-width: 0;
}
.user:first-child { margin-top: 0; }
.user.own { border-color: var(--blue); }
.user > .head { font-size: 13.5px; overflow-wrap: anywhere; }
.groups {
  display: grid; gap: 10px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); margin-top: 10px;
}
.group {
  border: 1px solid var(--line); border-radius: 6px; padding: 8px 10px; min-width: 0;
  background: var(--page);
}
.group.own { background: var(--blue-wash); border-color: transparent; }
.group table { border-collapse: collapse; width: 100%; font-size: 12.5px; }
.group > .soft { font-size: 13px; }
.group td { padding: 1px 8px 1px 0; vertical-align: top; overflow-wrap: anywhere; }
.group td:first-child { font-weight: 600; white-space: nowrap; width: 1%; }
.members { margin-top: 6px; font-size: 12.5px; }

/* wiring */
.wiring { max-width: 620px; }
.net { fill: var(--page); stroke: var(--line); }
.net.own { fill: var(--blue-wash); stroke: none; }
.wire { fill: none; stroke: var(--blue); stroke-width: 2; }
.wire.down { stroke: var(--orange); stroke-dasharray: 5 4; }
.end { fill: var(--blue); }
.end.down { fill: var(--orange); }

/* capabilities */
.sets {
  display: grid; gap: 6px 32px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr));
}
.caps { width: 100%; border-collapse: collapse; font: 12.5px/1.6 var(--mono); align-self: start; }
.caps th { font-weight: 500; color: var(--soft); text-align: center; width: 34px; padding: 0; }
.caps th:first-child { text-align: left; width: auto; }
.caps td { text-align: center; padding: 0; border-top: 1px solid var(--grid); }
.caps td:first-child { text-align: left; }

/* seccomp */
.map {
  display: grid; gap: 4px 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 235px), 1fr));
}
.map h4 {
  font: 500 12.5px/1.5 var(--mono); margin: 6px 0 2px; display: flex;
  justify-content: space-between; gap: 8px;
}
.map h4 span { color: var(--soft); font-weight: 400; }
.dots { display: flex; flex-wrap: wrap; line-height: 1; }
.dots span {
  width: 14px; height: 15px; text-align: center; font: 12px/15px var(--mono); cursor: default;
}
.dots span:hover { background: var(--wash); border-radius: 3px; }
.names { columns: 260px; column-gap: 24px; font-size: 12.5px; }
.names p { margin: 0 0 6px; break-inside: avoid; }

/* control groups */
.charts {
  display: grid; gap: 16px 28px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
}
.curve {
  fill: none; stroke: var(--blue); stroke-width: 2; vector-effect: non-scaling-stroke;
  stroke-linejoin: round;
}
.area { fill: var(--blue-wash); }
.limit {
  stroke: var(--orange); stroke-width: 1.5; stroke-dasharray: 6 4;
  vector-effect: non-scaling-stroke;
}
.base { stroke: var(--line); }
.held { stroke: var(--orange); stroke-width: 3; }

@media (min-width: 700px) {
  #zoom2:checked ~ .scroll .time { width: 200%; }
  #zoom4:checked ~ .scroll .time { width: 400%; }
  #zoom8:checked ~ .scroll .time { width: 800%; }
}
@media (max-width: 699px) {
  body { font-size: 15px; }
  main, header, footer { padding: 0 16px; }
  header { padding-top: 24px; }
  h1 { font-size: 20px; }
  section { padding: 14px 12px 16px; border-radius: 8px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile b { font-size: 17px; }
  .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  #zoom2:checked ~ .scroll .time { width: 300%; }
  #zoom4:checked ~ .scroll .time { width: 600%; }
  #zoom8:checked ~ .scroll .time { width: 1200%; }
  .calls thead { display: none; }
  .calls tr {
    display: grid; grid-template-columns: auto auto 1fr; gap: 0 10px;
    border-top: 1px solid var(--grid); padding: 5px 0;
  }
  .calls td { border: 0; padding: 0; }
  .calls td.wide { grid-column: 1 / -1; }
}
@media print {
  :root {
    --page: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb; --blue: #1d5fae;
    --blue-wash: #eef4fb; --orange: #b04a00; --orange-wash: #fdf3e6; --wash: #f1f3f5; --grid: #ddd;
  }
  body { font-size: 11pt; }
  nav, .zoomer { display: none; }
  .tiles { margin-top: 16px; }
  #seccomp details::details-content { content-visibility: visible; block-size: auto; }
  main, header, footer { max-width: none; padding: 0; }
  section {
    border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 12px 0;
    break-inside: auto;
  }
  h2, h3, h4 { break-after: avoid; }
  .group, .user, svg, .caps { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
]]
