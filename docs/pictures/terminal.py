#!/usr/bin/env python3
"""Runs a program on a terminal of its own and draws what was on it, as SVG.

usage: terminal.py -o FILE.svg [--title TEXT] [--columns N] [--rows N] [--keys FILE] [--show TEXT] -- COMMAND…

What is drawn is what the program wrote: this is a small terminal (colours, movement of the cursor,
erasing), not a picture of text that somebody typed in. --keys has a line for each line to type; a
line is typed when the program has been silent for a while. --show writes a command in front of the
output, as if it had been typed at a shell's prompt. The fonts are whatever monospace font the
reader has; each run of characters is set to its columns, so that nothing moves with another font.
"""

import argparse
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata
import fcntl
from xml.sax.saxutils import escape

CELL, LINE, PAD, BAR, SIZE = 8.0, 18, 16, 34, 13
COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]

# Light and dark after the reader's own setting; red is an orange and green a blue-green, so that
# who does not see red and green apart can read it too.
STYLE = """
:root { --page: #fbfbfa; --bar: #eceff2; --ink: #1b2127; --dim: #66717c; --line: #d8dee4;
  --black: #1b2127; --red: #b04a00; --green: #00695c; --yellow: #8a6100; --blue: #1d5fae;
  --magenta: #7a3e9d; --cyan: #006e87; --white: #66717c; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14181c; --bar: #1f252b; --ink: #e6eaee; --dim: #8b97a3; --line: #333b44;
    --black: #8b97a3; --red: #f0a150; --green: #5fc8b2; --yellow: #e2c15c; --blue: #7ab3f2;
    --magenta: #cf9ce8; --cyan: #66c7dd; --white: #e6eaee; }
}
text { font: %dpx/1 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink);
  white-space: pre; dominant-baseline: central; }
.title { fill: var(--dim); } .dim { fill: var(--dim); } .bold { font-weight: 600; }
.italic { font-style: italic; } .under { text-decoration: underline; }
%s""" % (SIZE, "\n".join(f".{name} {{ fill: var(--{name}); }}" for name in COLOURS))

TOKEN = re.compile(r"\x1b\[([?>=]?)([0-9;:]*)([ -/]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b.|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f\x1b]+", re.S)


class Screen:
    """Rows of cells; a row is a list of (character, style), and nothing ever scrolls away."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column, self.style, self.saved = columns, [[]], 0, 0, (), (0, 0)

    def cells(self):
        while len(self.rows) <= self.row:
            self.rows.append([])
        return self.rows[self.row]

    def put(self, character):
        width = 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + width > self.columns:
            self.row, self.column = self.row + 1, 0
        cells = self.cells()
        while len(cells) < self.column + max(width, 1):
            cells.append((" ", ()))
        if width == 0:
            before = max(self.column - 1, 0)
            cells[before] = (cells[before][0] + character, cells[before][1])
            return
        cells[self.column] = (character, self.style)
        if width == 2:
            cells[self.column + 1] = ("", self.style)
        self.column += width

    def feed(self, text):
        for token in TOKEN.finditer(text):
            piece = token.group()
            if token.group(4):
                self.control(token.group(1), token.group(2), token.group(4))
            elif piece == "\r":
                self.column = 0
            elif piece == "\n":
                self.row += 1
            elif piece == "\b":
                self.column = max(self.column - 1, 0)
            elif piece == "\t":
                self.column = min((self.column // 8 + 1) * 8, self.columns - 1)
            elif piece == "\x1b7":
                self.saved = (self.row, self.column)
            elif piece == "\x1b8":
                self.row, self.column = self.saved
            elif piece[0] >= " ":
                for character in piece:
                    self.put(character)

    def control(self, private, words, final):
        numbers = [int(word) if word.isdigit() else 0 for word in re.split("[;:]", words)]
        count = max(numbers[0], 1)
        cells = self.cells()
        if private:
            return
        if final == "A":
            self.row = max(self.row - count, 0)
        elif final == "B":
            self.row += count
        elif final == "C":
            self.column = min(self.column + count, self.columns - 1)
        elif final == "D":
            self.column = max(self.column - count, 0)
        elif final == "G":
            self.column = count - 1
        elif final == "K":
            if numbers[0] == 0:
                del cells[self.column:]
            elif numbers[0] == 2:
                cells.clear()
        elif final == "J" and numbers[0] == 0:
            del cells[self.column:]
            del self.rows[self.row + 1:]
        elif final == "m":
            self.paint(numbers)

    def paint(self, numbers):
        style = list(self.style)
        names = {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "bold"}
        for number in numbers:
            if number == 0:
                style = []
            elif number in names:
                style.append(names[number])
            elif number in (22, 23, 24, 27):
                style = [word for word in style if word not in names.values()]
            elif 30 <= number <= 37 or 90 <= number <= 97 or number == 39:
                style = [word for word in style if word not in COLOURS]
                if number != 39:
                    style.append(COLOURS[number % 10])
        self.style = tuple(sorted(set(style)))


def record(command, columns, rows, keys, quiet):
    """Everything that the command writes to its terminal."""
    pid, master = pty.fork()
    if pid == 0:
        environment = dict(os.environ, TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows))
        environment.pop("NO_COLOR", None)
        os.execvpe(command[0], command, environment)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    out, waiting, deadline = b"", list(keys), time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], quiet)
        if ready:
            try:
                more = os.read(master, 65536)
            except OSError:
                more = b""
            if not more:
                break
            out += more
            if b"\x1b[6n" in more:
                # Where the cursor stands: at the left, as far as a line's editor is concerned.
                os.write(master, b"\x1b[1;1R")
        elif waiting:
            line = waiting.pop(0)
            for character in line:
                os.write(master, character.encode())
                time.sleep(0.004)
            os.write(master, b"\r")
        elif keys:
            os.write(master, b"\x04")
    else:
        os.kill(pid, signal.SIGKILL)
        sys.exit(f"{command[0]} did not end")
    _, status = os.waitpid(pid, 0)
    return out.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status)


def runs(cells):
    """Neighbours of the same style: the column, the text, the style."""
    out = []
    for column, (character, style) in enumerate(cells):
        if out and out[-1][2] == style:
            out[-1][1] += character
        else:
            out.append([column, character, style])
    return [run for run in out if run[1].strip()]


def width(text):
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 0 if unicodedata.combining(one) else 1 for one in text)


def draw(screen, title):
    rows = screen.rows
    while rows and not "".join(cell[0] for cell in rows[-1]).strip():
        rows.pop()
    wide = screen.columns * CELL + 2 * PAD
    high = BAR + len(rows) * LINE + 2 * PAD
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}" role="img">',
           f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
           f'<rect x="0.5" y="0.5" width="{wide - 1:g}" height="{high - 1:g}" rx="8" style="fill: var(--page); stroke: var(--line)"/>',
           f'<path d="M0.5 {BAR} V8.5 A8 8 0 0 1 8.5 0.5 H{wide - 8.5:g} A8 8 0 0 1 {wide - 0.5:g} 8.5 V{BAR} Z" style="fill: var(--bar); stroke: var(--line)"/>',
           f'<text class="title" x="{PAD}" y="{BAR / 2:g}">{escape(title)}</text>']
    for index, cells in enumerate(rows):
        y = BAR + PAD + index * LINE + LINE / 2
        for column, text, style in runs(cells):
            lead = len(text) - len(text.lstrip())
            column, text = column + lead, text.strip()
            words = f' class="{" ".join(style)}"' if style else ""
            x, length = PAD + column * CELL, width(text) * CELL
            fit = f' textLength="{length:g}" lengthAdjust="spacingAndGlyphs"'
            out.append(f'<text{words} x="{x:g}" y="{y:g}"{fit}>{escape(text)}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", required=True)
    parser.add_argument("--title", default="")
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--keys")
    parser.add_argument("--show")
    parser.add_argument("--quiet", type=float, default=0.6)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    keys = open(given.keys, encoding="utf-8").read().splitlines() if given.keys else []
    output, status = record(given.command, given.columns, given.rows, keys, given.quiet)
    if status != 0:
        sys.stderr.write(output)
        sys.exit(f"{given.command[0]} ended with {status}")
    screen = Screen(given.columns)
    if given.show:
        screen.feed(f"\x1b[1m$ {given.show}\x1b[0m\r\n")
    screen.feed(output)
    with open(given.o, "w", encoding="utf-8") as file:
        file.write(draw(screen, given.title or given.show or given.command[0]))


main()
